"""The benchmark of indexing: a longer run beside what its parts take by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import checkpoints, contenders, indexing, pictures


class Scripted(indexing.Worker):
    """Answers as a process that embeds 40, reads 80 and indexes 25 pictures a second."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, word: str) -> dict[str, Any]:
        self.asked.append(word)
        rate = {"model": 40, "pixels": 80}.get(word, 25)
        return {"pictures": 100, "seconds": 100 / rate, "processor_seconds": 3.0}


def test_a_longer_run_is_told_beside_its_encoder_and_beside_reading_and_embedding(
    tmp_path: Path,
) -> None:
    worker = Scripted()
    run = indexing.Run("m", "cls@1", 1e9, {"vitrail": worker}, {"vitrail": indexing.Times()})
    indexing.go_longer(run, tmp_path)
    assert worker.asked[-1] == f"folder {tmp_path}"
    told = indexing._longer(run.longer)
    assert "Over 100 pictures Vitrail does 25.00 images/s: 62% of its encoder alone (40.00)" in told
    # one after the other 40 and 80 a second are 26.7
    assert "94% of what the same processors do" in told
    assert "30.0 ms" in told


def test_vitrail_reads_and_indexes_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(checkpoints, "cache_folder", lambda: tmp_path / "cache")
    for name, shades in (("one", (10, 90)), ("other", (40, 140, 250))):
        (tmp_path / name).mkdir()
        for shade in shades:
            place = tmp_path / name / f"{shade}.jpg"
            Image.fromarray(np.full((40, 50, 3), shade, np.uint8)).save(place)
    paths = contenders.picture_paths(str(tmp_path / "one"))
    vitrail = contenders.Vitrail("vit-tiny", paths, "cls@2")
    kept: dict[str, contenders.Floats] = {}
    assert contenders._answer(vitrail, "pixels", paths, kept)["pictures"] == 2
    other = contenders._answer(vitrail, f"folder {tmp_path / 'other'}", paths, kept)
    assert other["pictures"] == 3
    assert not kept, "what is compared are vectors of the first folder"


def test_moved_photographs_are_distinct_and_as_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "cache_folder", lambda: tmp_path)
    rng = np.random.default_rng(0)
    monkeypatch.setattr(
        pictures,
        "_photo",
        lambda *_: Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)),
    )
    made = sorted(pictures.moved_photos(5, 2).iterdir())
    assert len({path.read_bytes() for path in made}) == 5
    for path in made:
        with Image.open(path) as image:
            assert image.size == (64, 48)
