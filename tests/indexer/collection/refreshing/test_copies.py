"""What readers of one copy share of it, and when it goes."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import duckdb
import pytest

from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.refreshing.changes import (
    BOTH,
    CHANGES,
    adding,
    annotate,
    change,
    check,
    replica,
)
from vitrail.indexer.catalog import replica as replicas
from vitrail.indexer.catalog.columns import flatten
from vitrail.indexer.catalog.metadata_cache import MetadataCache
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError, FilterError, UnknownImageError


@BOTH
def test_a_flat_table_that_cannot_be_brought_forward_is_made_anew(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, answered = reader.snapshot(), all_answers(reader)

    def refused(*_: object) -> None:
        raise duckdb.OutOfMemoryException("as if")

    change(place, CHANGES["several"])
    copy = replica(reader)
    with monkeypatch.context() as patched:
        patched.setattr(replicas, "flatten_again", refused)
        assert reader.refresh()
    assert replica(reader) is copy
    check(reader, place)
    change(place, CHANGES["label"])
    assert reader.refresh()
    check(reader, place)
    assert not differences(all_answers(held), answered)


def test_a_row_of_another_commit_is_no_error_of_a_filter(
    place: Path, reader: CollectionStore
) -> None:
    change(place, lambda writer: annotate(writer, {4: "many", 5: "9"}, "note"))
    reader.refresh()
    reader.warm()
    wrong = reader.snapshot()
    with pytest.raises(FilterError):
        wrong.allowed_ids("note::INTEGER > 3")
    change(place, lambda writer: annotate(writer, {4: "none", 6: "x"}, "note"))
    copy = reader.refresh() and replica(reader)
    change(place, lambda writer: writer.remove([5, 7]))  # /pictures/4.jpg and 6.jpg
    assert reader.refresh()
    assert replica(reader) is copy
    assert reader.allowed_ids("note::INTEGER > 3").tolist() == [6]
    with pytest.raises(FilterError):
        wrong.allowed_ids("note::INTEGER > 3")
    check(reader, place)


@BOTH
def test_what_nobody_reads_any_more_goes(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with CollectionStore.open(place) as reader:
        reader.warm()
        copy = replica(reader)
        for number in range(20, 26):
            change(place, adding(number))
            assert reader.refresh()
        assert replica(reader) is copy
        with reader.reading() as connection:
            names = connection.execute(
                "SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'c%'"
            ).fetchall()
        assert len(names) <= 2, "of the newest commit, and of the one before until the next"
        gone = weakref.ref(copy)
        assert not list((tmp_path / "temporary").iterdir())
        del copy
    assert gone() is None, "without waiting for the garbage collector"


def test_a_flat_table_that_was_begun_before_a_refresh_is_of_its_commit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes long for a million images; nobody waits for it, and it is shared afterwards."""
    paused, go_on = threading.Event(), threading.Event()

    def slowly(*given: object) -> None:
        flatten(*given)  # type: ignore[arg-type]
        if threading.current_thread() is thread:
            paused.set()
            assert go_on.wait(60)

    monkeypatch.setattr(replicas, "flatten", slowly)
    with CollectionStore.open(place) as reader:
        held = reader.snapshot()
        thread = threading.Thread(target=held.readings.flatten)
        thread.start()
        assert paused.wait(60)
        with CollectionStore.open(place) as anew:
            answered = all_answers(anew)
        for name in ("several", "label"):
            change(place, CHANGES[name])
            assert reader.refresh()
        go_on.set()
        thread.join()
        with monkeypatch.context() as patched:
            patched.setattr(replicas, "flatten", None)
            reader.snapshot().readings.flatten()
        check(reader, place)
        change(place, CHANGES["annotate"])
        assert reader.refresh()
        check(reader, place)
        assert not differences(all_answers(held), answered)


def test_metadata_that_is_brought_forward_shares_what_is_the_same(
    place: Path, reader: CollectionStore
) -> None:
    first = reader.readings.metadata_cache()
    assert isinstance(first, MetadataCache)
    sizes = []
    for number in range(20, 36):
        change(place, adding(number))
        assert reader.refresh()
        cache = reader.readings.metadata_cache()
        assert isinstance(cache, MetadataCache)
        sizes.append(len(cache._layers))
        known = range(1, len(reader) + 1)
        assert [one.id for one in cache.images(known)] == [*known]
        with pytest.raises(UnknownImageError, match=str(len(reader) + 1)):
            cache.images([len(reader) + 1])
    assert max(sizes) <= 4
    assert len(first.images(range(1, 13))) == 12
    with pytest.raises(UnknownImageError, match="13"):
        first.images([13])


def test_a_reader_that_is_closed_is_not_refreshed(place: Path) -> None:
    reader = CollectionStore.open(place)
    held = reader.snapshot()
    reader.close()
    with pytest.raises(CollectionError, match="is closed; open it again"):
        reader.refresh()
    with pytest.raises(CollectionError, match="is closed; open it again"):
        reader.snapshot()
    assert len(held.allowed_ids("true")) == 12, "what is held goes on"
