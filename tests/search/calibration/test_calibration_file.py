from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.search.calibration.samples import calibration_of, random_rows
from vitrail.indexer.catalog.state import State
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.vectors.indexes import is_index_file
from vitrail.search.calibration.calibration_file import (
    NAME,
    calibration_path,
    near_in_size,
    read_calibration,
    write_calibration,
)

FINGERPRINT = Fingerprint("a", "a", {}, (("mean@1", 16),))
STATE = State(4, FINGERPRINT, "one", 7, (), 60, 0, "2026-01-01")
MADE = calibration_of(
    {"mean@1": random_rows(60)},
    labels=[str(i % 7) for i in range(60)],
    copies=np.full((4, 1), 0.97, np.float32),
)


@pytest.fixture
def directory(tmp_path: Path) -> str:
    (tmp_path / "indexes").mkdir()
    write_calibration(str(tmp_path), STATE, MADE)
    return str(tmp_path)


def test_what_was_written_is_read_back(directory: str) -> None:
    read = read_calibration(directory, replace(STATE, seq=9, images=61))
    assert read is not None
    for name in ("scores", "counts", "of_one_label"):
        assert np.array_equal(getattr(read.sample, name), getattr(MADE.sample, name))
    assert np.array_equal(read.copies, MADE.copies)
    told = ("spaces", "kinds", "images", "sampled", "labelled", "copies_apart")
    assert [getattr(read, name) for name in told] == [getattr(MADE, name) for name in told]
    weights = {"mean@1": 1.0}
    assert read.scale(weights) == MADE.scale(weights)
    assert not is_index_file(NAME)


def test_a_file_of_another_collection_encoder_or_catalog_is_none(
    directory: str, tmp_path: Path
) -> None:
    other = replace(FINGERPRINT, weights="b")
    assert read_calibration(directory, replace(STATE, fingerprint=other)) is None
    assert read_calibration(directory, replace(STATE, incarnation="two")) is None
    assert read_calibration(str(tmp_path / "elsewhere"), STATE) is None


def test_a_torn_or_altered_file_is_none(directory: str) -> None:
    path = Path(calibration_path(directory))
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert read_calibration(directory, STATE) is None, size
    changed = 0
    for at in random.integers(0, len(whole), 120).tolist():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        read = read_calibration(directory, STATE)
        changed += read is None
        if read is not None:  # between two arrays lies padding that nothing is read from
            assert np.array_equal(read.sample.scores, MADE.sample.scores)
            assert np.array_equal(read.copies, MADE.copies)
    assert changed > 100


def test_a_failed_write_leaves_what_was_there(directory: str) -> None:
    path = Path(calibration_path(directory))
    before = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    with pytest.raises(OSError, match="directory"):
        write_calibration(directory, STATE, MADE)
    assert [one.name for one in path.parent.iterdir()] == [NAME]
    assert read_calibration(directory, STATE) is None
    (path / "in the way").unlink()
    path.rmdir()
    path.write_bytes(before)
    assert read_calibration(directory, STATE) is not None


@pytest.mark.parametrize(
    ("images", "near"), [(100, True), (125, True), (126, False), (75, True), (74, False)]
)
def test_a_quarter_more_or_less_asks_for_another(images: int, near: bool) -> None:
    assert near_in_size(100, images) is near
