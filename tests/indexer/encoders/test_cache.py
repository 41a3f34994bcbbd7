"""A cache folder that is full or may not be written costs what it would have saved, and no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders import EMBEDDED, EncoderSettings, focus, loading
from vitrail.indexer.encoders.runtimes import RUNTIMES
from vitrail.indexer.errors import CacheError
from vitrail.indexer.files.cache import (
    cache_dir,
    content_sha256,
    file_sha256,
    remembered_paths,
    write_atomically,
)


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that nobody can make or write, root included: a file has its name."""
    cache = tmp_path / "taken"
    cache.write_text("a file")
    monkeypatch.setenv("VITRAIL_CACHE", str(cache))
    return cache


def fill(disk: Path, left: int) -> None:
    """Take a small disk's room but for ``left`` bytes."""
    (disk / "ballast").write_bytes(b"x" * (os.statvfs(disk).f_bavail * 4096 - left))


def test_hashes_that_cannot_be_remembered_are_taken_each_time(taken: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"weights")
    assert file_sha256(file) == content_sha256(file)
    assert remembered_paths(content_sha256(file)) == []
    assert taken.read_text() == "a file"


def test_a_folder_in_the_place_of_the_hashes_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "hashes.json").mkdir(parents=True)
    file = tmp_path / "weights"
    file.write_bytes(b"weights")
    assert file_sha256(file) == content_sha256(file)
    assert os.listdir(tmp_path / "cache") == ["hashes.json"]


def test_a_cache_that_cannot_be_made_is_named_with_the_variable(taken: Path) -> None:
    for use in (cache_dir, lambda: write_atomically(taken / "a", b""), focus.embedded_directory):
        with pytest.raises(CacheError, match="VITRAIL_CACHE") as caught:
            use()
        assert str(taken) in str(caught.value)


def test_a_full_cache_stops_the_conversion_in_one_line_and_leaves_nothing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(small_disk))
    with pytest.raises(CacheError, match="free room there, or set VITRAIL_CACHE") as caught:
        focus.embedded_directory()
    assert "\n" not in str(caught.value)
    assert os.listdir(small_disk / "checkpoints") == []


@pytest.fixture
def openvino_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    serving = replace(RUNTIMES["openvino"], passed_over=lambda device: None)
    monkeypatch.setitem(RUNTIMES, "openvino", serving)


@pytest.mark.usefixtures("openvino_serves")
def test_a_full_cache_is_not_remembered_as_a_fault_of_openvino(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", tmp_path / "vit")
    monkeypatch.setenv("VITRAIL_CACHE", str(small_disk))
    fill(small_disk, 12 << 10)
    encoder = loading.load_encoder(EncoderSettings(str(tmp_path / "vit")))
    assert encoder.runtime.startswith("torch")
    assert not list(small_disk.rglob("failures.json"))
    assert not list(small_disk.rglob("*.blob"))


@pytest.mark.usefixtures("openvino_serves")
def test_no_room_for_the_model_to_compile_leaves_torch_to_serve(
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_tower("vit", tmp_path / "vit")
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    fill(small_disk, 8 << 10)
    assert loading.load_encoder(EncoderSettings(str(tmp_path / "vit"))).runtime.startswith("torch")
    assert "TMPDIR" in caplog.text
    assert not list((tmp_path / "cache").rglob("failures.json"))


@pytest.mark.usefixtures("openvino_serves")
@pytest.mark.parametrize("number", [2, 9, 15])
def test_an_end_from_outside_is_not_remembered_as_a_fault_of_openvino(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", tmp_path / "vit")
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    ended = subprocess.CompletedProcess([], -number, "", "Traceback\nKeyboardInterrupt")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert loading.load_encoder(EncoderSettings(str(tmp_path / "vit"))).runtime.startswith("torch")
    assert not list((tmp_path / "cache").rglob("failures.json"))


LOAD = """
import os, signal, subprocess, sys
from vitrail.indexer.encoders import EncoderSettings, load_encoder, openvino_encoder

signal.signal(signal.SIGINT, lambda *_: None)  # as an indexing run, which ends in good order
run = subprocess.run

def interrupted(command, **options):
    import threading
    threading.Timer(0.2, os.killpg, (0, signal.SIGINT)).start()  # as a terminal does for Ctrl-C
    return run(command, **options)

subprocess.run = interrupted
print(load_encoder(EncoderSettings(sys.argv[1], runtime="openvino")).runtime)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("openvino_serves")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_an_interrupt_while_compiling_is_not_the_compilers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("vit", tmp_path / "vit")
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "vit")],
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.stdout.startswith("openvino"), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_whole_cache_that_may_only_be_read_serves(
    shared_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(shared_cache))
    made = focus.embedded_directory()
    copy = tmp_path / "copy"
    shutil.copytree(made, copy / "checkpoints" / made.name)
    (copy / "hashes.json").mkdir()  # root writes everywhere, but not in the place of a folder
    monkeypatch.setenv("VITRAIL_CACHE", str(copy))
    assert loading.read_fingerprint(EMBEDDED).spaces == (("gem@9", 384),)
    assert os.listdir(copy / "hashes.json") == []
