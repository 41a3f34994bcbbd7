from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.collection import commits
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import leftovers

_WRITER = """
import sys
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch
from tests.indexer.collection.holdings import files, images

place, first = sys.argv[1], int(sys.argv[2])
while True:
    with CollectionStore.open(place, writable=True) as writer:
        for start in range(first, first + 40, 4):
            numbers = range(start, start + 4)
            writer.commit(Batch(images(numbers), files(numbers)))
            print(start, flush=True)  # committed: from here on it must not be lost
        first += 40
"""
_KILLS = [4, pytest.param(10, marks=pytest.mark.slow)]


def _run_and_kill(place: Path, first: int, delay: float) -> list[int]:
    """Numbers of the batches that were reported as committed before the kill."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(place), str(first)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]  # it has started; then let it run a random while
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    return [int(line) for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("kills", _KILLS)
def test_a_killed_writer_loses_nothing_committed_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    place = tmp_path / "c"
    CollectionStore.create(place, FINGERPRINT).close()
    rng = random.Random(20)
    expected: set[str] = set()
    first = 0
    for _ in range(kills):
        started = _run_and_kill(place, first, rng.uniform(0, 0.8))
        expected |= {content(n) for start in started for n in range(start, start + 4)}
        first = max(started) + 8  # the batch after the last may or may not have been committed
        with CollectionStore.open(place) as reader:
            found = reader.allowed_ids("true")
            assert expected <= reader.content_hashes()
            assert len(reader.content_hashes()) == len(found) == len(reader)
            assert np.array_equal(reader.index("cls@2").ids(), found)
            expected = set(reader.content_hashes())
    report = verify(place)
    assert report.clean, report.damage
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images(range(first)), files(range(first))))
        assert len(writer) == len(writer.content_hashes()) == len(expected | _all(first))
    assert verify(place).clean
    with CollectionStore.open(place) as reader:
        state = reader.state
    assert len(os.listdir(place / "segments")) == len(state.segments) + len(state.replaced)
    monkeypatch.setattr(leftovers, "GRACE", 0.0)
    CollectionStore.open(place, writable=True).close()
    assert len(os.listdir(place / "segments")) == len(state.segments)


def _all(count: int) -> set[str]:
    return {content(n) for n in range(count)}


def _fill(writer: CollectionStore, first: int) -> None:
    for start in range(first, first + 100_000, 50):
        writer.commit(Batch(images(range(start, start + 50)), files(range(start, start + 50))))


@pytest.mark.parametrize("checked_before", [True, False])
def test_a_full_disk_is_a_clear_error_and_harms_nothing(
    small_disk: Path, checked_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not checked_before:  # as when another program takes the room meanwhile
        monkeypatch.setattr(commits.BatchWriter, "expected_bytes", lambda self, batch: 0)
    place = small_disk / "c"
    ballast = small_disk / "ballast"
    writer = CollectionStore.create(place, FINGERPRINT)
    writer.commit(Batch(images(range(50)), files(range(50))))
    ballast.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - (300 << 10)))
    message = r"disk full .*nothing committed is lost: free \d+"
    with pytest.raises(CollectionError, match=message):
        _fill(writer, 50)
    committed = len(writer)
    ballast.write_bytes(b"")
    ballast.unlink()
    # The same writer goes on once there is room.
    numbers = range(committed, committed + 50)
    writer.commit(Batch(images(numbers), files(numbers)))
    writer.close()
    with CollectionStore.open(place) as reader:
        assert reader.content_hashes() == _all(committed + 50)
    report = verify(place)
    assert report.clean, report.damage


def test_an_index_of_another_collection_is_not_used(tmp_path: Path) -> None:
    for name, numbers in (("a", range(4)), ("b", range(10, 14))):
        with CollectionStore.create(tmp_path / name, FINGERPRINT) as made:
            made.commit(Batch(images(numbers), files(numbers)))
    for path in (tmp_path / "a" / "indexes").iterdir():
        path.replace(tmp_path / "b" / "indexes" / path.name)
    with CollectionStore.open(tmp_path / "b") as reader:
        rows = reader.vectors([1], "cls@2")
        assert np.array_equal(rows[0], images([10])[0].vectors["cls@2"])
        assert "belongs to another collection" in reader.notes[0]
    assert {finding.part for finding in verify(tmp_path / "b").damage} == {"index"}
    with CollectionStore.open(tmp_path / "b", writable=True) as writer:
        writer.commit(Batch(images([20]), files([20])))
    assert verify(tmp_path / "b").clean


def test_stray_segments_are_swept(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        made.commit(Batch(images([1]), files([1])))
    stray = tmp_path / "c" / "segments" / "ffff.parquet"
    stray.write_bytes(b"left by a kill")
    CollectionStore.open(tmp_path / "c", writable=True).close()
    assert not stray.exists()
    assert json.loads((tmp_path / "c" / "vitrail.json").read_text())["format"] == FORMAT
