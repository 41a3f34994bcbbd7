"""What a refresh takes in, and when it takes another copy instead."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.holdings import files, image
from tests.indexer.collection.refreshing.changes import (
    BOTH,
    CHANGES,
    LARGE,
    adding,
    change,
    check,
    replica,
)
from vitrail.indexer.catalog.replica import Replica
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_changed_is_taken_in(place: Path, reader: CollectionStore, name: str) -> None:
    held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
    change(place, CHANGES[name])
    assert reader.refresh()
    assert replica(reader) is copy, "no other copy was made"
    check(reader, place)
    assert not differences(all_answers(held), answered)
    assert not reader.refresh()


@LARGE
def test_what_has_changed_in_a_large_catalog_is_taken_in(
    place: Path, reader: CollectionStore
) -> None:
    copy, kept = replica(reader), []
    for name in ("annotate", "several", "exclude"):
        kept.append((reader.snapshot(), all_answers(reader)))
        change(place, CHANGES[name])
        assert reader.refresh()
        assert replica(reader) is copy
        check(reader, place)
    for held, answered in kept:
        assert not differences(all_answers(held), answered)


def test_a_record_in_another_file_of_the_journal_is_taken_in(
    place: Path, reader: CollectionStore
) -> None:
    copy = replica(reader)
    for number in (20, 21, 22):
        change(place, adding(number))
        assert reader.refresh()
        change(place, CollectionStore.copy_tables)
        assert not reader.refresh()
    change(place, adding(23))
    assert len(os.listdir(place / "journal")) > 1
    assert reader.refresh()
    assert replica(reader) is copy
    check(reader, place)


@BOTH
def test_many_images_between_others_are_taken_in(place: Path, reader: CollectionStore) -> None:
    numbers = range(20, 80)

    def interleaved(writer: CollectionStore) -> None:
        staged = [writer.stage(writer.reserve(1), [image(n)], files([n])) for n in numbers]
        writer.adopt(staged[::2])
        writer.commit(Batch(labels={"/pictures/5.jpg": "new"}))

    copy = replica(reader)
    change(place, interleaved)
    assert reader.refresh()
    assert replica(reader) is copy
    assert len(reader) == 42
    check(reader, place)


def test_what_was_taken_in_when_ctrl_c_came_is_not_taken_in_twice(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, held, answered = Replica._take, reader.snapshot(), all_answers(reader)

    def interrupted(*given: object) -> None:
        take(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt  # as it is raised once DuckDB's COMMIT has returned

    change(
        place, lambda writer: writer.commit(Batch(rejects=[RejectRecord("/new", 1, 2, "x", "")]))
    )
    with monkeypatch.context() as patched:
        patched.setattr(Replica, "_take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.refresh()
    assert not differences(all_answers(reader), answered)
    assert reader.refresh()
    check(reader, place)
    change(place, CHANGES["add"])
    assert reader.refresh()
    check(reader, place)
    assert not differences(all_answers(held), answered)


@BOTH
def test_an_error_on_the_way_leaves_all_as_it_was(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
    change(place, CHANGES["several"])

    def refused(*_: object) -> None:
        raise duckdb.OutOfMemoryException("as if")

    with monkeypatch.context() as patched:
        patched.setattr("vitrail.indexer.catalog.span_changes.SpanChanges.check", refused)
        assert reader.refresh()
    assert replica(reader) is not copy
    check(reader, place)
    assert not differences(all_answers(held), answered)
