"""What is lost or damaged of a collection whose segments were adopted out of order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import files, images
from tests.indexer.collection.staging.ranges import check, held, merge, put, save
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import tidy
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch


def test_a_lost_catalog_without_journal_takes_in_what_was_adopted_late(place: Path) -> None:
    """Its segment is as old as its reservation, which is older than the copies are."""
    with CollectionStore.open(place, writable=True) as writer:
        early = put(writer, range(5))
        writer.commit(Batch(images([50]), files([50])))
        dropped = put(writer, range(60, 62))
        writer.adopt([dropped])
        writer.remove(writer.allowed_ids("path like '%/6_.jpg'").tolist())
        writer.copy_tables()
        writer.adopt([early])
        writer.forget_changes()
    for path in (place / "journal").iterdir():
        path.unlink()
    os.unlink(place / "catalog.duckdb")
    done = repair(place, accept=lambda _: True)
    assert done.report is not None
    assert done.report.clean, done.report.findings
    with CollectionStore.open(place, writable=True) as writer:
        assert held(writer) == {*range(5), 50}
        with pytest.raises(InputError, match="is used, over"):
            writer.adopt([early])
        assert writer.reserve(1).first > 8


def test_a_segment_between_the_ids_of_another_is_given_up_alone(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        first, second, third = (put(writer, range(n, n + 5)) for n in (0, 10, 20))
        writer.adopt([first, third])
        merge(writer)
        writer.adopt([second])
        writer.remove([writer.resolve("/pictures/3.jpg")])
        writer.commit(Batch(gone=["/pictures/4.jpg", "/pictures/14.jpg"]))
        save(writer)
        name = second.segment.name
    (place / "segments" / name).unlink()
    report = verify(place)
    assert [finding.file for finding in report.damage] == [name]
    done = repair(place, accept=lambda _: True)
    assert {*done.reopen} == {f"/pictures/{number}.jpg" for number in range(10, 14)}
    assert done.report is not None
    assert done.report.clean, done.report.findings
    with CollectionStore.open(place, writable=True) as writer:
        assert held(writer) == {0, 1, 2, *range(20, 25)}
        writer.commit(Batch(files=files([4])))
        assert held(writer) == {0, 1, 2, 4, *range(20, 25)}
    check(place)


def test_a_segment_around_the_ids_of_another_is_given_up_alone(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        first, second, third = (put(writer, range(n, n + 5)) for n in (0, 10, 20))
        writer.adopt([first, third])
        merge(writer)
        writer.adopt([second])
        writer.commit(Batch(gone=["/pictures/4.jpg", "/pictures/14.jpg"]))
        name = next(s.name for s in writer.state.segments if s.min_id == 1)
    (place / "segments" / name).write_bytes(b"torn")
    done = repair(place, accept=lambda _: True)
    assert {*done.reopen} == {f"/pictures/{n}.jpg" for n in (0, 1, 2, 3, *range(20, 25))}
    assert done.report is not None
    assert not done.report.damage, done.report.damage
    with CollectionStore.open(place, writable=True) as writer:
        assert held(writer) == {10, 11, 12, 13}
        writer.commit(Batch(files=files([14])))
        assert held(writer) == {*range(10, 15)}, "what waited in the other waits still"
    check(place)


def test_a_damaged_journal_after_the_copies_does_not_hide_what_was_adopted(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        early = put(writer, range(5))
        over = put(writer, range(60, 62))
        writer.adopt([over])
        writer.remove(writer.allowed_ids("path like '%/6_.jpg'").tolist())
        merge(writer)  # into nothing: its file stays for a while, and must not come back
        writer.commit(Batch(images([50]), files([50])))
        writer.copy_tables()
        writer.adopt([early])
        writer.commit(Batch(images([51]), files([51])))
        writer.forget_changes()
    assert (place / "segments" / over.segment.name).exists()
    journal = max((place / "journal").iterdir())
    data = journal.read_bytes()
    place_of = data.index(b"/pictures/2.jpg")  # in the record of the adoption
    journal.write_bytes(data[:place_of] + b"X" + data[place_of + 1 :])
    os.unlink(place / "catalog.duckdb")
    done = repair(place, accept=lambda _: True)
    assert done.report is not None
    assert not done.report.damage, done.report.damage
    with CollectionStore.open(place) as reader:
        assert held(reader) == {*range(5), 50, 51}


def test_room_that_interleaved_segments_waste_is_told_by_their_own_rows(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        first, second, third = (put(writer, range(n, n + 5)) for n in (0, 10, 20))
        writer.adopt([first, third])
        merge(writer)
        writer.adopt([second])
        writer.remove([writer.resolve(f"/pictures/{number}.jpg") for number in (3, 12)])
        tidy(writer, now=True)
        assert sorted(segment.rows for segment in writer.state.segments) == [4, 9]
        assert held(writer) == {0, 1, 2, 4, 10, 11, 13, 14, *range(20, 25)}
    check(place)
