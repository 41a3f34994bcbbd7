"""Readers, verify and export while a writer merges without a pause: none is told of damage."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.journal_file import Extent
from vitrail.indexer.collection import transfer
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import SegmentGoneError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import leftovers, segment_file

ROOT = Path(__file__).parents[3]
# Small commits, then one segment of all, the index saved; removals too, so that merges drop rows.
_WRITER = """
import sys
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import leftovers
from vitrail.indexer.segments import segment_file
from vitrail.indexer.vectors import indexes
from tests.indexer.collection.holdings import files, images

place, leftovers.GRACE = sys.argv[1], float(sys.argv[2])
indexes._TAIL_ROWS, indexes._TAIL_SHARE, indexes._HIDDEN_SHARE = 3, 0.0, 0.0
first = 20
while True:
    with CollectionStore.open(place, writable=True) as writer:
        for start in range(first, first + 8, 2):
            writer.commit(Batch(images(range(start, start + 2)), files(range(start, start + 2))))
        writer.remove([writer.resolve(f"/pictures/{first}.jpg")])
        folder = place + "/segments"
        merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)
        writer.refresh()
    first += 8
    print(first, flush=True)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        for start in range(0, 20, 5):
            made.commit(Batch(images(range(start, start + 5)), files(range(start, start + 5))))
    return tmp_path / "c"


@contextmanager
def merging(place: Path, grace: float) -> Iterator[None]:
    """A process that commits, merges and saves without a pause."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(place), str(grace)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            yield
            assert process.poll() is None, "the writer is still at it"
        finally:
            process.kill()


def test_commits_while_the_journal_is_read_are_no_damage(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Journal.extents
    added: list[bool] = []

    def extents(journal: Journal) -> list[Extent]:
        if not added:
            added.append(True)
            for number in (20, 21, 22):
                with CollectionStore.open(place, writable=True) as writer:
                    writer.commit(Batch(images([number]), files([number])))
        return real(journal)

    monkeypatch.setattr(Journal, "extents", extents)
    report = verify(place)
    assert added
    assert report.clean, report.findings


def look(place: Path, folder: Path, number: int) -> None:
    """Open, search, export and verify: all of it answers, none of it tells of damage."""
    with CollectionStore.open(place) as reader:
        index = reader.index("cls@2")
        found = index.search(vector(7, "cls@2")[None], 1)
        assert reader.metadata(found.ids[0].tolist())[0]["content_hash"] == content(7)
        assert not reader.notes
        target = folder / f"{number}.parquet"
        assert transfer.export(reader, target) >= 20
        target.unlink()
    report = verify(place)
    assert report.clean, report.findings[:3]


@pytest.mark.parametrize("grace", [900.0, 0.0], ids=["kept for a while", "deleted at once"])
def test_readers_beside_a_writer_that_merges(place: Path, tmp_path: Path, grace: float) -> None:
    with merging(place, grace):
        for number in range(6):
            look(place, tmp_path, number)
    assert verify(place).clean


@pytest.mark.slow
@pytest.mark.parametrize("grace", [900.0, 0.0], ids=["kept for a while", "deleted at once"])
def test_readers_beside_a_writer_that_merges_for_long(
    place: Path, tmp_path: Path, grace: float
) -> None:
    end = time.monotonic() + 60
    with merging(place, grace):
        number = 0
        while time.monotonic() < end:
            look(place, tmp_path, number)
            number += 1


def test_an_export_begins_again_where_a_merge_took_its_segments(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE", 0.0)
    really, asked = segment_file.read_segment, []

    def slowly(folder: str, segment: segment_file.Segment) -> object:
        asked.append(segment.name)
        if len(asked) == 2:  # the first is written already
            with CollectionStore.open(place, writable=True) as writer:
                group = writer.state.segments
                merge_segments(writer._catalog, folder, FINGERPRINT, group)
                writer.refresh()
                writer.maintain()
        return really(folder, segment)

    monkeypatch.setattr("vitrail.indexer.collection.transfer.read_segment", slowly)
    with CollectionStore.open(place) as reader:
        assert transfer.export(reader, tmp_path / "all.parquet") == 20
    assert len(asked) == 3


def test_a_segment_that_no_commit_explains_is_lost(place: Path) -> None:
    first = sorted((place / "segments").iterdir())[0]
    first.unlink()
    for path in (place / "indexes").iterdir():
        path.unlink()
    with CollectionStore.open(place) as reader, pytest.raises(SegmentGoneError, match="is missing"):
        reader.index("cls@2")
    [finding] = verify(place).damage
    assert (finding.file, finding.kind) == (first.name, "missing")


def test_leftovers_stay_for_their_time_and_are_no_damage(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def merge() -> None:
        with CollectionStore.open(place, writable=True) as writer:
            group = writer.state.segments
            merge_segments(writer._catalog, str(place / "segments"), FINGERPRINT, group)
            writer.refresh()

    def count() -> int:
        return len(list((place / "segments").iterdir()))

    merge()
    merge()  # of one: its leftovers and those of before are two generations
    assert count() == 6
    assert verify(place).clean
    (place / "catalog.duckdb").unlink()
    from vitrail.indexer.collection.repairs import repair

    done = repair(place)  # no leftover is taken for an image of its own
    assert done.report is not None
    assert done.report.clean, done.report.damage
    with CollectionStore.open(place) as reader:
        assert np.array_equal(reader.allowed_ids("true"), np.arange(1, 21))
    merge()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + leftovers.GRACE + 1)
    merge()
    assert count() == 2
    monkeypatch.setattr(time, "time", lambda: now - 3600)  # a clock that was put back
    CollectionStore.open(place, writable=True).close()
    assert count() == 1
