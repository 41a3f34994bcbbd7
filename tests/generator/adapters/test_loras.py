from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from vitrail.generator.adapters.loras import LoraFile, find_loras, open_lora
from vitrail.indexer.errors import CheckpointError


@pytest.fixture(autouse=True)
def _own_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two LoRA files of a tensor each."""
    paths = tmp_path / "cats.safetensors", tmp_path / "paint.safetensors"
    for path in paths:
        save_file({path.stem: np.zeros(1, np.float32)}, path)
    return paths


def test_files_used_before_are_found_with_the_recipe_s_weights(files: tuple[Path, Path]) -> None:
    used = tuple(open_lora(f"{path}:0.{i}") for i, path in enumerate(files, 3))
    assert [file.weight for file in used] == [0.3, 0.4]
    records = [file.record for file in used]
    assert find_loras(records) == used
    assert find_loras(records[::-1]) == used[::-1]
    assert find_loras([]) == ()


def test_a_moved_file_is_found_when_it_is_given(files: tuple[Path, Path], tmp_path: Path) -> None:
    used = open_lora(f"{files[0]}:0.5")
    moved = files[0].rename(tmp_path / "moved.safetensors")
    expected = rf"cats\.safetensors \(sha256 {used.content_hash[:12]}\), which is no more, or .*"
    with pytest.raises(CheckpointError, match=expected + re.escape(f"{files[0]}: give its file")):
        find_loras([used.record])
    assert find_loras([used.record], [str(moved)]) == (
        LoraFile(str(moved), used.content_hash, 0.5),
    )
    assert find_loras([used.record])[0].path == str(moved)  # remembered from then on


def test_an_altered_or_foreign_file_is_refused(files: tuple[Path, Path]) -> None:
    used = open_lora(str(files[0]))
    save_file({"trained on": np.zeros(1, np.float32)}, files[0])
    with pytest.raises(CheckpointError, match=r"changed, at .*: give its file by --lora FILE"):
        find_loras([used.record])
    for path in map(str, files):
        with pytest.raises(CheckpointError, match=r"is sha256 .*, and the recipe names cats\."):
            find_loras([used.record], [path])
    with pytest.raises(CheckpointError, match="the recipe names none"):
        find_loras([], [str(files[1])])


def test_a_file_never_met_here_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    record = open_lora(str(files[0])).record
    (tmp_path / "cache" / "hashes.json").unlink()
    with pytest.raises(CheckpointError, match=r"cats\.safetensors .* not known here: give its"):
        find_loras([record])
    with pytest.raises(CheckpointError, match=r"is no file here.* FILE:0\.8"):
        find_loras([record], [str(tmp_path / "missing.safetensors")])
    (tmp_path / "a.pt").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="can run code"):
        find_loras([record], [str(tmp_path / "a.pt")])
