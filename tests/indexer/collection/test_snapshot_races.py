"""Threads that meet at one snapshot, at one index or at one copy: each pause is by an event."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector
from vitrail.indexer.catalog.metadata_cache import MetadataCache
from vitrail.indexer.collection.current_indexes import CurrentIndexes
from vitrail.indexer.collection.readings import CatalogCopy
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import DamagedIndexError, NewerIndexError
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import index_layout, indexes
from vitrail.indexer.vectors.catching_up import read_anew
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.index_file import read_index_file
from vitrail.indexer.vectors.parts import Parts

SPACE = "cls@2"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("races") / "c"
    with CollectionStore.create(place, FINGERPRINT) as made:
        add(made, range(20))
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "c"))


@pytest.fixture
def reader(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as reader:
        yield reader


def add(writer: CollectionStore, numbers: range) -> None:
    writer.commit(Batch(images(numbers), files(numbers)))


def add_more(place: Path, numbers: range) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, numbers)


def damage(index: VectorIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the vectors of an index turn out to be altered when they are next read."""
    bad = index._parts
    read = Parts.vectors

    def vectors(parts: Parts, ids: Any) -> Any:
        if parts is bad:
            raise DamagedIndexError("i", "as if")
        return read(parts, ids)

    monkeypatch.setattr(Parts, "vectors", vectors)


def test_a_thread_that_was_overtaken_by_a_refresh_moves_on_too(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That its own refresh finds nothing newer does not mean that its snapshot is the newest."""
    held, index, anews = reader.snapshot(), Snapshot.index, []

    def overtaken(snapshot: Snapshot, space: str, *, anew: bool = True) -> VectorIndex:
        anews.append(anew)
        if snapshot is held:
            reader.refresh()  # as another thread
        return index(snapshot, space, anew=anew)

    monkeypatch.setattr(indexes, "_TAIL_ROWS", 0)
    monkeypatch.setattr(indexes, "_TAIL_SHARE", 0)
    add_more(place, range(20, 30))
    with pytest.raises(NewerIndexError):
        held.index(SPACE, anew=False)
    monkeypatch.setattr(Snapshot, "index", overtaken)
    moved = reader.snapshot(SPACE)
    assert len(moved) == 30
    assert not any(anews), "nobody waits for all segments to be read"


def test_threads_that_ask_a_snapshot_for_one_index_share_it(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that begins to load it when another has just done so, and newer commits came."""
    held, get = reader.snapshot(), CurrentIndexes.get
    paused, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any, **named: Any) -> object:
        if threading.current_thread() is thread:
            paused.set()
            assert go_on.wait(60)
        return get(*given, **named)

    monkeypatch.setattr(CurrentIndexes, "get", slowly)
    found: list[VectorIndex] = []
    thread = threading.Thread(target=lambda: found.append(held.index(SPACE, anew=False)))
    thread.start()
    assert paused.wait(60)
    first = held.index(SPACE)
    add_more(place, range(20, 30))
    reader.refresh()
    go_on.set()
    thread.join()
    assert len(found) == 1
    assert found[0] is first


def test_a_snapshot_of_a_writer_is_rescued_as_of_its_own_commit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        index = writer.index(SPACE)
        held = writer.snapshot(SPACE)
        assert held.index(SPACE) is index
        add(writer, range(20, 30))
        writer.remove([int(writer.allowed_ids("true")[0])])
        damage(index, monkeypatch)
        ids = held.allowed_ids("true")
        expected = np.stack([vector(number, SPACE) for number in range(20)])
        np.testing.assert_array_equal(held.vectors(ids.tolist(), SPACE), expected)
        np.testing.assert_array_equal(held.index(SPACE).ids(), ids)
        assert "answered from the segments" in writer.notes[0]


def test_an_index_that_is_kept_does_not_keep_its_catalog(
    place: Path, reader: CollectionStore
) -> None:
    """The last one of a space may be of an old snapshot, which nobody holds any more."""
    held = reader.snapshot()
    copy = weakref.ref(held.readings)
    add_more(place, range(20, 30))
    reader.refresh()
    kept = held.index(SPACE)
    del held
    assert copy() is None
    assert len(kept) == 20


def flip(place: Path) -> None:
    (path,) = (place / "indexes").glob(f"{SPACE}.*.index")
    section = read_index_file(path).sections["vectors"]
    data = bytearray(path.read_bytes())
    data[section.offset + section.length // 2] ^= 8
    path.write_bytes(data)


def test_snapshots_that_share_a_damaged_file_are_each_rescued(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer is made while the older's rescue goes on; both answer for their own commit."""
    monkeypatch.setattr(index_layout, "_LARGE", 0)
    flip(place)
    paused, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> VectorIndex:
        if not paused.is_set():
            paused.set()
            assert go_on.wait(60)
        return read_anew(*given)

    monkeypatch.setattr("vitrail.indexer.collection.current_indexes.read_anew", slowly)
    with CollectionStore.open(place) as reader:
        held = reader.snapshot(SPACE)
        ids = held.allowed_ids("true").tolist()
        found: list[np.ndarray] = []
        thread = threading.Thread(target=lambda: found.append(held.vectors(ids, SPACE)))
        thread.start()
        assert paused.wait(60)
        with CollectionStore.open(place, writable=True) as writer:
            add(writer, range(20, 30))
            writer.commit(Batch(gone=["/pictures/0.jpg", "/pictures/1.jpg"]))
            add(writer, range(1, 2))  # which comes back
        assert reader.refresh()
        newer = reader.snapshot(SPACE)
        check(newer, [*range(1, 30)])
        go_on.set()
        thread.join()
        np.testing.assert_array_equal(found[0], np.stack([vector(n, SPACE) for n in range(20)]))
        check(held, [*range(20)])
        with CollectionStore.open(place, writable=True) as writer:
            add(writer, range(1))
        assert reader.refresh()
        check(reader.snapshot(SPACE), [*range(30)])
        check(newer, [*range(1, 30)])


def test_a_snapshot_of_a_catalog_that_was_made_anew_beneath_it_goes_on(place: Path) -> None:
    """It and the newest take turns at the slot of the last index."""
    with CollectionStore.open(place) as reader:
        held = reader.snapshot()
        os.unlink(place / "catalog.duckdb")
        repair(str(place))
        add_more(place, range(20, 30))
        assert reader.refresh()
        newer = reader.snapshot()
        assert newer.state.incarnation != held.state.incarnation
        for snapshot, numbers in ((held, range(20)), (newer, range(30)), (held, range(20))):
            check(snapshot, [*numbers])
        add_more(place, range(30, 31))
        assert reader.refresh()
        check(reader.snapshot(SPACE), [*range(31)])


def check(snapshot: Snapshot, numbers: list[int]) -> None:
    """Filter, metadata and vectors tell of just these images."""
    ids = snapshot.allowed_ids("true").tolist()
    hashes = [row["content_hash"] for row in snapshot.metadata(ids)]
    assert sorted(hashes) == sorted(content(number) for number in numbers)
    assert snapshot.index(SPACE).ids().tolist() == ids
    of = {content(number): vector(number, SPACE) for number in numbers}
    expected = np.stack([of[one] for one in hashes])
    np.testing.assert_array_equal(snapshot.vectors(ids, SPACE), expected)
    for image_id, row in zip(ids, expected, strict=True):
        assert snapshot.index(SPACE).search(row[None], 1).ids[0, 0] == image_id


def test_nobody_who_filters_waits_for_metadata_to_be_loaded(
    reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = reader.snapshot()
    assert isinstance(snapshot.readings, CatalogCopy)
    snapshot.readings.flatten()
    for _ in range(5):
        snapshot.allowed_ids("width > 0")
    paused, go_on = threading.Event(), threading.Event()

    class Slowly(MetadataCache):
        def __init__(self, connection: DuckDBPyConnection) -> None:
            super().__init__(connection)
            paused.set()
            assert go_on.wait(60)

    monkeypatch.setattr("vitrail.indexer.collection.readings.MetadataCache", Slowly)
    warming = threading.Thread(target=snapshot.warm)
    filtering = threading.Thread(target=snapshot.allowed_ids, args=("width > 0",))
    warming.start()
    assert paused.wait(60)
    filtering.start()
    filtering.join(20)
    waits = filtering.is_alive()
    go_on.set()
    warming.join()
    filtering.join()
    assert not waits


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), MemoryError()])
def test_a_reader_moves_on_where_there_is_no_room_to_load_ahead(
    place: Path, reader: CollectionStore, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.warm()
    add_more(place, range(20, 30))

    def full(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(CatalogCopy, "flatten", full)
        assert reader.refresh()
    assert len(reader.snapshot(SPACE).allowed_ids("true")) == 30


def test_threads_that_ask_a_writer_for_its_snapshot_share_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the catalog is made once for each commit."""
    paused, go_on = threading.Event(), threading.Event()
    made: list[CatalogCopy] = []

    class Slowly(CatalogCopy):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)
            paused.set()
            assert go_on.wait(60)

    monkeypatch.setattr("vitrail.indexer.collection.current_snapshot.CatalogCopy", Slowly)
    found: list[Snapshot] = []
    with CollectionStore.open(place, writable=True) as writer:
        looked = _tell_when_read(writer, monkeypatch)
        threads = [threading.Thread(target=lambda: found.append(writer.snapshot())) for _ in "ab"]
        threads[0].start()
        assert paused.wait(60)
        threads[1].start()
        assert looked(2), "the second has seen that there is none yet"
        go_on.set()
        for thread in threads:
            thread.join()
    assert len(made) == 1
    assert found[0] is found[1]


def _tell_when_read(
    writer: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], bool]:
    """Waits until so many threads wait for, or have, the writer's guard."""
    guard, came = writer._current._guard, threading.Semaphore(0)

    class Told:
        def __enter__(self) -> None:
            came.release()
            guard.acquire()

        def __exit__(self, *_: object) -> None:
            guard.release()

    monkeypatch.setattr(writer._current, "_guard", Told())
    return lambda count: all(came.acquire(timeout=60) for _ in range(count))


def test_a_large_index_is_read_from_its_file_once_saved_and_rescued_from_the_segments(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the memory it was built in is given back."""
    monkeypatch.setattr(indexes, "LARGE", 0)
    monkeypatch.setattr(index_layout, "_LARGE", 0)
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 2000))
        writer.maintain()
        index = writer.index(SPACE)
        assert index.checked < 1  # of a file that nobody has read yet
        flip(place)
        ids = writer.allowed_ids("true")
        expected = np.stack([vector(number, SPACE) for number in range(2000)])
        np.testing.assert_array_equal(writer.vectors(ids.tolist(), SPACE), expected)
        assert "answered from the segments" in writer.notes[0]
