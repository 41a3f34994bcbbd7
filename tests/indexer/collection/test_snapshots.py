"""Snapshots: one commit each, whatever is refreshed, written or merged meanwhile."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from tests.indexer.collection.holdings import (
    FINGERPRINT,
    content,
    file,
    files,
    image,
    images,
    vector,
)
from vitrail.indexer.catalog.metadata_cache import MetadataCache
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import NewerIndexError, SegmentGoneError
from vitrail.indexer.records import Batch
from vitrail.indexer.segments import leftovers
from vitrail.indexer.segments.segment_file import read_vectors, write_segment
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.answers import Neighbours
from vitrail.indexer.vectors.exact import nearest
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

ROOT = Path(__file__).parents[3]
SPACE = "cls@2"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("snapshots") / "c"
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


def change(place: Path) -> None:
    """Another commit or three: ten images more, and the first two fewer."""
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 30))
        writer.remove([writer.resolve(f"/pictures/{number}.jpg") for number in (0, 1)])
        writer.commit(Batch(files=[file("/pictures/5.jpg", 5, label="changed")]))


def check(snapshot: Snapshot, numbers: range) -> None:
    """Every part of a snapshot tells of just these images."""
    ids = snapshot.allowed_ids("true")
    assert len(snapshot) == len(ids) == len(numbers)
    assert [row["content_hash"] for row in snapshot.metadata(ids.tolist())] == [
        content(number) for number in numbers
    ]
    index = snapshot.index(SPACE)
    np.testing.assert_array_equal(index.ids(), ids)
    for image_id, number in zip(ids.tolist(), numbers, strict=True):
        found = index.search(vector(number, SPACE)[None], 1)
        assert found.ids[0, 0] == image_id
    parts = list(snapshot.blocks(SPACE, rows=7))
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), ids)
    np.testing.assert_array_equal(
        np.concatenate([block for _, block in parts]),
        np.stack([vector(number, SPACE) for number in numbers]),
    )
    assert max(len(part) for part, _ in parts) <= 7


def label(snapshot: Snapshot) -> str | None:
    (row,) = snapshot.metadata([snapshot.resolve("/pictures/5.jpg")])
    found: str | None = row["label"]
    return found


@pytest.mark.parametrize("loaded", [True, False])
def test_a_held_snapshot_stays_what_it_is(
    place: Path, reader: CollectionStore, loaded: bool
) -> None:
    held = reader.snapshot(*[SPACE] * loaded)
    assert reader.snapshot() is held
    change(place)
    assert not held.allowed_ids("label = 'changed'").size
    assert reader.refresh()
    newer = reader.snapshot(SPACE)
    check(newer, range(2, 30))
    assert label(newer) == "changed"
    check(held, range(20))
    assert label(held) is None
    assert reader.state == newer.state != held.state


def test_snapshots_of_a_writer_are_of_its_commits(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        held = writer.snapshot()
        assert writer.snapshot() is held
        add(writer, range(20, 23))
        check(writer.snapshot(), range(23))
        check(held, range(20))


def test_a_refresh_reads_only_what_is_new(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = reader.snapshot(SPACE)
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 21))
    read: list[int] = []

    def counted(*given: Any, **named: Any) -> object:
        ids, vectors = read_vectors(*given, **named)
        read.append(len(ids))
        return ids, vectors

    monkeypatch.setattr("vitrail.indexer.vectors.indexes.read_vectors", counted)
    assert reader.refresh()
    assert read == [1], "by the refresh, so that no search waits for it"
    newer = reader.snapshot(SPACE)
    check(newer, range(21))
    assert read == [1]
    base = [snapshot.index(SPACE)._parts.base for snapshot in (held, newer)]
    assert base[0] is base[1]


def test_what_nobody_holds_goes(place: Path, reader: CollectionStore) -> None:
    snapshot = reader.snapshot(SPACE)
    held = weakref.ref(snapshot), weakref.ref(snapshot.readings)
    change(place)
    reader.refresh()
    assert held[0]() is snapshot
    del snapshot
    assert [ref() for ref in held] == [None, None], "without waiting for the garbage collector"
    gc.collect()


def test_rows_that_are_added_while_a_thread_scans_change_nothing(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has positions, and then looks up ids, as others compact the rows."""
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 24))  # a tail beside the saved rows
    reader.refresh()
    reader.index(SPACE)
    paused, go_on = threading.Event(), threading.Event()

    def slowly(matrix: np.ndarray, *given: Any) -> object:
        found = list(nearest(matrix, *given))
        if len(matrix) == 4 and not go_on.is_set():
            paused.set()
            assert go_on.wait(60)
        return found

    monkeypatch.setattr("vitrail.indexer.vectors.rows.nearest", slowly)
    answers: list[Neighbours] = []
    asked = vector(22, SPACE)[None]
    thread = threading.Thread(target=lambda: answers.append(reader.index(SPACE).search(asked, 3)))
    thread.start()
    assert paused.wait(60)
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([writer.resolve("/pictures/20.jpg")])
        add(writer, range(24, 26))
    reader.refresh()
    reader.index(SPACE)
    go_on.set()
    thread.join()
    (row,) = reader.metadata(answers[0].ids[0, :1].tolist())
    assert row["content_hash"] == content(22)


def test_metadata_that_is_loaded_while_a_refresh_goes_on_is_never_stale(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, go_on = threading.Event(), threading.Event()

    class Slowly(MetadataCache):
        def __init__(self, connection: DuckDBPyConnection) -> None:
            super().__init__(connection)
            if not paused.is_set():
                paused.set()
                assert go_on.wait(60)

    monkeypatch.setattr("vitrail.indexer.collection.readings.MetadataCache", Slowly)
    thread = threading.Thread(target=reader.warm)
    thread.start()
    assert paused.wait(60)
    change(place)
    reader.refresh()
    go_on.set()
    thread.join()
    assert label(reader.snapshot()) == "changed"


def test_a_commit_in_the_middle_of_an_answer_is_not_seen(place: Path) -> None:
    """Filter, vectors and metadata are of one commit, though each is asked for by itself."""
    with CollectionStore.open(place) as reader:
        snapshot = reader.snapshot(SPACE)
        seen = []

        class Between:
            """Lets others commit between every two questions."""

            def __getattr__(self, name: str) -> object:
                with CollectionStore.open(place, writable=True) as writer:
                    last = len(writer)
                    add(writer, range(last, last + 1))
                    writer.remove([int(writer.allowed_ids("true")[0])])
                reader.refresh()
                seen.append(name)
                return getattr(snapshot, name)

        query = Query(
            {SPACE: vector(7, SPACE)[None]}, {SPACE: 1.0}, SearchOptions(k=20, where="width > 0")
        )
        result = Searcher(Between()).search(query)  # type: ignore[arg-type]
    assert len(seen) >= 3
    assert len(result.hits) == 20
    assert {hit.metadata["content_hash"] for hit in result.hits} == set(map(content, range(20)))


def test_a_saved_index_of_a_later_commit_moves_a_reader_on(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = reader.snapshot()
    monkeypatch.setattr(indexes, "_TAIL_ROWS", 0)
    monkeypatch.setattr(indexes, "_TAIL_SHARE", 0)
    change(place)
    with pytest.raises(NewerIndexError, match="is of commit"):
        held.index(SPACE, anew=False)
    moved = reader.snapshot(SPACE)
    assert moved is not held
    check(moved, range(2, 30))
    check(held, range(20))


def test_a_snapshot_whose_segments_are_gone_says_so(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE", 0.0)
    held, loaded = reader.snapshot(), CollectionStore.open(place)
    kept = loaded.snapshot(SPACE)
    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 22))
        folder = str(place / "segments")
        merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)
        writer.refresh()
    CollectionStore.open(place, writable=True).close()  # sweeps
    for path in (place / "indexes").iterdir():
        path.unlink()
    with pytest.raises(SegmentGoneError):
        held.index(SPACE)
    check(reader.snapshot(SPACE), range(22))
    check(kept, range(20))
    loaded.close()


def test_images_of_one_width_are_found_by_filter_and_by_vector(place: Path) -> None:
    """A writer that searches between its commits sees each of them."""
    with CollectionStore.open(place, writable=True) as writer:
        for number in range(20, 25):
            writer.commit(Batch([image(number, width=number)], files([number])))
            query = Query(
                {SPACE: vector(number, SPACE)[None]},
                {SPACE: 1.0},
                SearchOptions(where="width < 100"),
            )
            hits = Searcher(writer.snapshot(SPACE)).search(query).hits
            assert hits[0].metadata["width"] == number
            assert len(hits) == number - 19


_LOOK = """
import sys
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.store import CollectionStore

Catalog.__init__.__kwdefaults__["patience"] = 2
with CollectionStore.open(sys.argv[1]) as reader:
    print(len(reader), len(reader.index("cls@2").ids()))
"""


@pytest.mark.parametrize("work", ["commit", "merge"])
def test_nobody_waits_while_a_segment_is_written(
    place: Path, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = {
        "commit": "vitrail.indexer.collection.commits",
        "merge": "vitrail.indexer.collection.maintenance",
    }[work]
    seen: list[str] = []

    def written(folder: str, *given: Any) -> object:
        done = subprocess.run(
            [sys.executable, "-c", _LOOK, str(place)], cwd=ROOT, capture_output=True, text=True
        )
        seen.append(done.stdout + done.stderr)
        return write_segment(folder, *given)

    with CollectionStore.open(place, writable=True) as writer:
        add(writer, range(20, 22))
        monkeypatch.setattr(f"{module}.write_segment", written)
        if work == "commit":
            add(writer, range(22, 24))
        else:
            folder = str(place / "segments")
            merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)
        writer.refresh()
        check(writer.snapshot(), range(24 if work == "commit" else 22))
    assert seen == ["22 22\n"]


def test_a_commit_that_was_prepared_for_another_number_is_refused(place: Path) -> None:
    with (
        CollectionStore.open(place, writable=True) as writer,
        pytest.raises(AssertionError, match="one writer"),
        writer._catalog.writing("commit", seq=writer.state.seq),
    ):
        pass
    assert verify(place).clean
