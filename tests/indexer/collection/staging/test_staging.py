"""Segments staged anywhere and adopted in any order: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, OTHER, file, files, images
from tests.indexer.collection.staging.ranges import SPACE, check, held, merge, put, save
from vitrail.indexer.collection import staging
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError, DamagedError, InputError
from vitrail.indexer.records import Batch


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
