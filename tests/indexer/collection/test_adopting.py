"""What is refused, or stays away, when staged segments are adopted long after they were written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, file, files, images
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.collection import staging
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import NewerFormatError, UnknownImageError
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import indexes


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "c"


@pytest.fixture
def writer(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.create(place, FINGERPRINT) as writer:
        yield writer


def put(writer: CollectionStore, numbers: range) -> Staged:
    return writer.stage(writer.reserve(len(numbers)), images(numbers), files(numbers))


def held(store: CollectionStore) -> list[str]:
    rows = store.metadata(store.allowed_ids("true").tolist())
    return sorted(row.content_hash for row in rows)


@pytest.mark.parametrize("merged", [False, True])
def test_what_was_removed_while_its_copy_waited_stays_removed(
    place: Path, writer: CollectionStore, merged: bool
) -> None:
    waiting = put(writer, range(5))
    writer.commit(Batch(images([2, 3]), [file("/elsewhere/2.jpg", 2), *files([3])]))
    writer.remove([writer.resolve(content(2))])
    if merged:
        writer.maintain()
    assert writer.adopt([waiting]).new == 3
    assert held(writer) == sorted(map(content, (0, 1, 3, 4)))
    known = writer.known_files()
    for path in ("/pictures/2.jpg", "/elsewhere/2.jpg"):
        assert known[path].state == "removed", "it is not read again until it changes"
    with pytest.raises(UnknownImageError):
        writer.resolve(content(2))
    assert as_rebuilt(place) == as_it_is(place)
    assert not verify(place).damage


def test_copies_that_were_staged_make_no_index_worth_saving(
    writer: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were never in it, and it lacks nothing."""
    monkeypatch.setattr(indexes, "_TAIL_ROWS", 5)
    writer.commit(Batch(images(range(10)), files(range(10))))
    writer.maintain()
    files_of = writer.index_files("cls@2")
    saved = files_of.generations()
    assert saved
    assert writer.adopt([put(writer, range(8))]).known == 8
    writer.maintain()
    assert files_of.generations() == saved
    writer.remove(range(1, 7))
    writer.maintain()
    assert files_of.generations() != saved, "as those do that leave"


def test_what_was_removed_before_it_was_staged_is_meant(writer: CollectionStore) -> None:
    writer.commit(Batch(images([2]), files([2])))
    writer.remove([1])
    assert writer.adopt([put(writer, range(3))]).new == 3
    assert held(writer) == sorted(map(content, range(3)))


@pytest.mark.parametrize("copies", [True, False])
def test_without_any_copy_all_that_was_staged_is_taken_in_and_told(
    place: Path, writer: CollectionStore, copies: bool
) -> None:
    """An adopted segment looks as one that never was; rather too many images than one too few."""
    writer.adopt([put(writer, range(3))])
    put(writer, range(5, 7))
    writer.close()
    (place / "catalog.duckdb").unlink()
    if not copies:
        for folder in ("snapshots", "journal"):
            shutil.rmtree(place / folder)
    done = repair(place, accept=lambda losses: True)
    told = [line for line in done.actions if "2 staged segments taken in" in line]
    assert len(told) == (not copies)
    with CollectionStore.open(place) as reader:
        assert held(reader) == sorted(map(content, [0, 1, 2] if copies else [0, 1, 2, 5, 6]))


def test_a_segment_of_a_newer_version_is_refused(
    writer: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved = writer.reserve(2)
    with monkeypatch.context() as newer:
        newer.setattr(staging, "FORMAT", FORMAT + 1)
        staged = writer.stage(reserved, images(range(2)), files(range(2)))
    before = writer.state
    with pytest.raises(NewerFormatError, match=rf"format {FORMAT + 1}.*reads.*upgrade vitrail"):
        writer.adopt([staged])
    assert writer.state == before
