"""Segments staged anywhere and adopted in any order: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexer.collection.holdings import (
    FINGERPRINT,
    OTHER,
    content,
    file,
    files,
    images,
    vector,
)
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.catalog.reservations import Reservation
from vitrail.indexer.collection import staging
from vitrail.indexer.collection.maintenance import merge_segments, save_index
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import tidy
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, DamagedError, InputError
from vitrail.indexer.records import Batch

ROOT = Path(__file__).parents[3]
SPACE = "cls@2"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    return tmp_path / "c"


@pytest.fixture
def writer(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place, writable=True) as writer:
        yield writer


def put(writer: CollectionStore, numbers: range) -> Staged:
    return writer.stage(writer.reserve(len(numbers)), images(numbers), files(numbers))


def held(store: CollectionStore) -> set[int]:
    """The numbers of the images that filters, metadata and every index agree on."""
    ids = store.allowed_ids("true")
    numbers = {content(number): number for number in range(200)}
    told = [numbers[row["content_hash"]] for row in store.metadata(ids.tolist())]
    for space in store.spaces:
        index = store.index(space)
        np.testing.assert_array_equal(index.ids(), ids)
        for found, number in zip(index.vectors(ids), told, strict=True):
            np.testing.assert_array_equal(found, vector(number, space))
    assert len(set(told)) == len(told)
    return set(told)


def check(place: Path) -> None:
    report = verify(place)
    assert not report.damage, report.damage
    assert as_rebuilt(place) == as_it_is(place)


def save(writer: CollectionStore) -> None:
    for space in writer.spaces:
        assert save_index(writer.indexes, space, writer.readings)


def merge(writer: CollectionStore, segments: range | None = None) -> None:
    chosen = (
        [*writer.state.segments]
        if segments is None
        else [writer.state.segments[number] for number in segments]
    )
    folder = os.path.join(writer.directory, "segments")
    merge_segments(writer._catalog, folder, writer.fingerprint, chosen)
    writer.refresh()


def test_ranges_are_adopted_out_of_order_and_readers_follow(
    place: Path, writer: CollectionStore
) -> None:
    first, second, third = (put(writer, range(n, n + 5)) for n in (0, 10, 20))
    assert (first.reservation.first, second.reservation.first) == (1, 6)
    with CollectionStore.open(place) as reader:
        assert held(reader) == set(), "what is staged is not there yet"
        assert writer.adopt([third]).new == 5
        assert reader.refresh()
        assert held(reader) == {*range(20, 25)}
        save(writer)
        assert writer.adopt([first]).new == 5
        before = reader.snapshot(SPACE)
        assert reader.refresh()
        assert held(reader) == {*range(20, 25), *range(5)}
        assert before.index(SPACE).ids().tolist() == [*range(11, 16)]
        merge(writer)
        assert writer.adopt([second]).new == 5, "its ids lie within the merged segment's"
        assert reader.refresh()
        assert held(reader) == {*range(20, 25), *range(5), *range(10, 15)}
    with CollectionStore.open(place) as reader:  # by the index of one of the three
        assert held(reader) == {*range(20, 25), *range(5), *range(10, 15)}
    check(place)
    save(writer)
    merge(writer)
    check(place)
    assert held(writer) == {*range(20, 25), *range(5), *range(10, 15)}


def test_an_index_takes_smaller_ids_that_came_later_and_leaves_deleted_ones_out(
    place: Path, writer: CollectionStore
) -> None:
    early, late = put(writer, range(5)), put(writer, range(10, 20))
    writer.adopt([late])
    writer.commit(Batch(gone=["/pictures/12.jpg", "/pictures/13.jpg"]))
    writer.remove([writer.resolve("/pictures/14.jpg")])
    save(writer)  # without them: rows that are hidden are dropped
    writer.adopt([early])
    merge(writer)  # the waiting ones are in the new segment, whose name no index knows
    expected = {*range(5), 10, 11, *range(15, 20)}
    assert held(writer) == expected
    with CollectionStore.open(place) as reader:
        assert held(reader) == expected
        writer.commit(Batch(files=files([13])))
        assert reader.refresh()
        assert held(reader) == expected | {13}
    check(place)


def test_an_id_that_was_reserved_is_never_given_again(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        kept, other = writer.reserve(10), writer.reserve(3)
        assert other.first == 11
        writer.commit(Batch(images([1]), files([1])))
        assert writer.resolve("/pictures/1.jpg") == 14
    os.unlink(place / "catalog.duckdb")
    repair(place)
    with CollectionStore.open(place, writable=True) as writer:
        assert writer.reserve(1).first == 15
        assert writer.adopt([writer.stage(kept, images(range(2, 5)), files(range(2, 5)))]).new == 3
        assert held(writer) == {1, 2, 3, 4}
        writer.commit(Batch(images([9]), files([9])))
        assert writer.resolve("/pictures/9.jpg") == 16
    check(place)


def test_content_that_was_staged_twice_is_one_image(place: Path, writer: CollectionStore) -> None:
    ours = writer.stage(writer.reserve(4), images(range(4)), files(range(4)))
    theirs = writer.stage(
        writer.reserve(4),
        images(range(2, 6)),
        [file(f"/backup/{number}.jpg", number) for number in range(2, 6)],
    )
    adopted = writer.adopt([theirs])
    assert (adopted.new, adopted.known) == (4, 0)
    adopted = writer.adopt([ours])
    assert (adopted.new, adopted.known) == (2, 2)
    assert held(writer) == set(range(6))
    (row,) = writer.metadata([writer.resolve("/pictures/2.jpg")])
    assert set(row["paths"]) == {"/pictures/2.jpg", "/backup/2.jpg"}
    check(place)
    merge(writer)
    assert held(writer) == set(range(6))
    assert sum(segment.rows for segment in writer.state.segments) == 6
    check(place)


def test_content_staged_twice_for_one_adoption_and_paths_given_twice(
    place: Path, writer: CollectionStore
) -> None:
    one = writer.stage(writer.reserve(2), images([1, 2]), files([1, 2]))
    two = writer.stage(writer.reserve(2), images([2, 3]), [*files([2]), file("/pictures/1.jpg", 3)])
    adopted = writer.adopt([one, two])
    assert (adopted.new, adopted.known) == (3, 1)
    assert held(writer) == {2, 3}, "what lost its path to another waits"
    check(place)


def test_staged_content_that_waits_comes_back_under_its_id(writer: CollectionStore) -> None:
    writer.commit(Batch(images([1]), files([1])))
    known = writer.resolve("/pictures/1.jpg")
    writer.commit(Batch(gone=["/pictures/1.jpg"]))
    adopted = writer.adopt([put(writer, range(1, 3))])
    assert (adopted.new, adopted.known) == (1, 1)
    assert writer.resolve("/pictures/1.jpg") == known
    assert held(writer) == {1, 2}


def test_what_does_not_fit_is_refused_in_a_line(
    place: Path, writer: CollectionStore, tmp_path: Path
) -> None:
    given = writer.reserve(2)
    with pytest.raises(InputError, match=r"3 images with files cannot be staged with 2 reserved"):
        writer.stage(given, images(range(3)), files(range(3)))
    with pytest.raises(InputError, match=r"0 images"):
        writer.stage(given, images(range(2)), files(range(5, 7)))
    staged = writer.stage(given, images(range(2)), files(range(2)))
    foreign = staging.stage(place, OTHER, given, images(range(2)), files(range(2)))
    made_up = replace(given, first=given.first + 50, last=given.last + 50)
    elsewhere = staging.stage(place, FINGERPRINT, made_up, images(range(2)), files(range(2)))
    stretched = replace(staged, segment=replace(staged.segment, max_id=given.last + 9))
    for wrong, told in (
        (foreign, "tiny-vit.*cannot be compared with.*other-vit"),
        (elsewhere, "reservation of ids 51 to 52 is used, over, or of another collection"),
        (replace(staged, reservation=made_up), "its reservation .* gave 51 to 52"),
        (stretched, "has ids 1 to 11, and its reservation"),
    ):
        with pytest.raises(InputError, match=told) as raised:
            writer.adopt([wrong])
        assert "\n" not in str(raised.value)
        with pytest.raises(InputError):
            writer.adopt([staged, wrong])
    assert not len(writer), "all of them, or none"
    with pytest.raises(InputError, match="is used, over"):
        writer.adopt([staged, staged])
    assert writer.adopt([staged]).new == 2
    with pytest.raises(InputError, match="is used, over"):
        writer.adopt([staged])
    with CollectionStore.create(tmp_path / "d", FINGERPRINT) as other:
        with pytest.raises(CollectionError):
            other.adopt([staged])
        shutil.copy(place / "segments" / staged.segment.name, tmp_path / "d" / "segments")
        with pytest.raises(InputError, match="of another collection"):
            other.adopt([staged])
    # So many would leave no id for anything that comes after.
    many = ((1 << 63) - 1, 1.0), (1 << 63, 1.0), (10**30, 1.0), ((1 << 32) + 1, 1.0)
    for count, seconds in ((0, 1.0), (1, 0.0), (1, -1.0), (1, float("nan")), *many):
        with pytest.raises(InputError, match="cannot be reserved"):
            writer.reserve(count, seconds=seconds)
    with CollectionStore.open(place) as reader, pytest.raises(CollectionError, match="for reading"):
        reader.reserve(1)


def test_an_altered_staged_file_is_not_adopted(place: Path, writer: CollectionStore) -> None:
    staged = put(writer, range(3))
    path = place / "segments" / staged.segment.name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError, match="checksum"):
        writer.adopt([staged])
    assert held(writer) == set()


def test_what_is_staged_outlives_writers_until_its_reservation_is_over(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([50]), files([50])))
        lasting = put(writer, range(3))
        short = writer.stage(writer.reserve(2, seconds=0.2), images([7, 8]), files([7, 8]))
        begun = place / "segments" / f"{lasting.segment.name}.0123abcd.tmp"
        begun.write_bytes(b"being written")
        orphan = place / "segments" / "0123456789abcdef-0123456789abcdef.parquet"
        orphan.write_bytes(b"of nobody")
        time.sleep(0.3)
    with CollectionStore.open(place, writable=True) as writer:
        there = {path.name for path in (place / "segments").iterdir()}
        assert {lasting.segment.name, begun.name} <= there
        assert not {short.segment.name, orphan.name} & there
        with pytest.raises(InputError, match="is gone: what is not adopted before"):
            writer.adopt([short])
        begun.unlink()
        assert writer.adopt([lasting]).new == 3
        writer.maintain()
    check(place)


STAGER = """
import pickle, sys
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.staging import stage
place, given = pickle.loads(bytes.fromhex(sys.argv[1]))
for reservation, numbers in given:
    staged = stage(place, FINGERPRINT, reservation, images(numbers), files(numbers))
    print(pickle.dumps(staged).hex(), flush=True)
assert "duckdb" not in sys.modules, "whoever stages needs no catalog"
"""


def start(place: Path, given: list[tuple[Reservation, range]]) -> subprocess.Popen[str]:
    text = pickle.dumps((str(place), given)).hex()
    command = [sys.executable, "-c", STAGER, text]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_two_processes_stage_and_the_writer_adopts_as_they_come(
    place: Path, writer: CollectionStore
) -> None:
    parts = [range(first, first + 8) for first in range(0, 128, 8)]
    given = [(writer.reserve(8), numbers) for numbers in parts]
    workers = [start(place, given[::2]), start(place, given[1::2])]
    expected: set[int] = set()
    staged = []
    for worker in workers:
        with worker:
            assert worker.stdout is not None
            staged += [pickle.loads(bytes.fromhex(line)) for line in worker.stdout]
        assert worker.returncode == 0
    order = np.random.default_rng(5).permutation(len(staged))
    by_first = {one.first: numbers for one, numbers in given}
    with CollectionStore.open(place) as reader:
        for turn, number in enumerate(order.tolist()):
            one = staged[number]
            expected |= {*by_first[one.reservation.first]}
            assert writer.adopt([one]).new == 8
            assert reader.refresh()
            assert held(reader) == expected
            if turn % 5 == 2:
                save(writer)
            if turn % 6 == 3:
                writer.commit(Batch(gone=[f"/pictures/{min(expected)}.jpg"]))
                expected.discard(min(expected))
            if turn % 7 == 4:
                merge(writer, range(0, len(writer.state.segments), 2))  # the others lie between
                check(place)
        writer.maintain()
    check(place)
    assert held(writer) == expected
    os.unlink(place / "catalog.duckdb")
    writer.close()
    repair(place)
    with CollectionStore.open(place) as reader:
        assert held(reader) == expected


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


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("stage"), st.integers(0, 12), st.integers(1, 4)),
        st.tuples(st.just("adopt"), st.integers(0, 5), st.integers(1, 2)),
        st.tuples(st.just("commit"), st.integers(0, 12), st.integers(1, 3)),
        st.tuples(st.just("gone"), st.integers(0, 15), st.just(0)),
        st.tuples(st.just("remove"), st.integers(0, 15), st.just(0)),
        st.tuples(st.just("merge"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("save"), st.just(0), st.just(0)),
        st.tuples(st.just("read"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_is_done_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    place = tmp_path_factory.mktemp("any") / "c"
    waiting: list[tuple[Staged, set[int]]] = []
    expected: set[int] = set()
    with (
        CollectionStore.create(place, FINGERPRINT) as writer,
        CollectionStore.open(place) as reader,
    ):
        for name, at, size in steps:
            numbers = range(at, at + size)
            path = f"/pictures/{at}.jpg"
            if name == "stage":
                waiting.append((put(writer, numbers), {*numbers}))
            elif name == "adopt" and waiting:
                taken = [waiting.pop(at % len(waiting)) for _ in range(min(size, len(waiting)))]
                writer.adopt([staged for staged, _ in taken])
                expected |= set().union(*(each for _, each in taken))
            elif name == "commit":
                writer.commit(Batch(images(numbers), files(numbers)))
                expected |= {*numbers}
            elif name == "gone":
                writer.commit(Batch(gone=[path]))
                expected.discard(at)
            elif name == "remove" and at in expected:
                writer.remove([writer.resolve(path)])
                expected.discard(at)
            elif name == "merge" and writer.state.segments:
                merge(
                    writer, range(at % len(writer.state.segments), len(writer.state.segments), size)
                )
            elif name == "save":
                save(writer)
            elif name == "read":
                reader.refresh()
                assert held(reader) == expected
        assert held(writer) == expected
        writer.forget_changes()
    with CollectionStore.open(place) as fresh:
        assert held(fresh) == expected
    check(place)
