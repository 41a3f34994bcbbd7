"""Two copies of a collection that went apart, and files of one that came into the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images, vector
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.collection.maintenance import save_index
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.records import Batch

SPACE = "cls@2"


def add(place: Path, numbers: list[int], *, saves: bool) -> None:
    """Commit each number by itself, and perhaps save the indexes."""
    with CollectionStore.open(place, writable=True) as writer:
        for number in numbers:
            writer.commit(Batch(images([number]), files([number])))
        if saves:
            for space in writer.spaces:
                assert save_index(writer.indexes, space, writer.readings)
        writer.forget_changes()


def check(store: CollectionStore, numbers: list[int]) -> None:
    """Each image has its own vector, and no other vectors are there."""
    for space in store.spaces:
        assert len(store.index(space)) == len(numbers)
        for number in numbers:
            (found,) = store.vectors([store.resolve(content(number))], space)
            np.testing.assert_array_equal(found, vector(number, space))


@pytest.fixture
def apart(tmp_path: Path) -> tuple[Path, Path]:
    """One with images 0 to 9, the other with 0 to 2 and 20 to 22 and indexes of these."""
    one, other = tmp_path / "one", tmp_path / "other"
    with CollectionStore.create(one, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        writer.forget_changes()
    shutil.copytree(one, other)
    add(one, [*range(3, 10)], saves=False)
    add(other, [20, 21, 22], saves=True)
    return one, other


@pytest.mark.parametrize("opened", ["before", "after"])
def test_an_index_of_the_other_is_not_taken(apart: tuple[Path, Path], opened: str) -> None:
    """Its commit number is a lower one, and its ids are those of other images here."""
    one, other = apart
    shutil.rmtree(one / "indexes")
    shutil.copytree(other / "indexes", one / "indexes")
    if opened == "after":
        with CollectionStore.open(one, writable=True) as writer:
            check(writer, [*range(10)])
            assert not list((one / "indexes").iterdir()), "a cache of nothing that is here"
    with CollectionStore.open(one) as reader:
        check(reader, [*range(10)])
        assert any("another" in note for note in reader.notes) is (opened == "before")
    assert bool(verify(one).damage) is (opened == "before")


def test_an_index_of_before_they_went_apart_serves_both(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with CollectionStore.create(one, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
    shutil.copytree(one, other)
    add(one, [3, 4], saves=False)
    for place, numbers in ((one, [0, 1, 2, 3, 4]), (other, [0, 1, 2])):
        with CollectionStore.open(place) as reader:
            check(reader, numbers)
            assert reader.notes == []
            assert reader.index_files(SPACE).coverage() is not None


@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_journal_of_the_other_is_not_taken(tmp_path: Path, more: int) -> None:
    """Its numbers go on as the own one's did, and it tells of other images."""
    one, other = tmp_path / "one", tmp_path / "other"
    with CollectionStore.create(one, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        writer.forget_changes()
    shutil.copytree(one, other)
    add(one, [3, 4], saves=False)
    add(other, [*range(20, 22 + more)], saves=False)
    shutil.copytree(other / "journal", one / "journal", dirs_exist_ok=True)
    with CollectionStore.open(one) as reader:
        check(reader, [*range(5)])
        [finding] = verify(one).damage
        assert "another one's" in finding.problem
        add(one, [5], saves=False)
        assert reader.refresh()
        check(reader, [*range(6)])
    assert not verify(one).damage
    assert as_rebuilt(one) == as_it_is(one)


def test_copies_of_the_others_tables_are_told_and_made_anew(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with CollectionStore.create(one, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        writer.forget_changes()
    shutil.copytree(one, other)
    add(one, [3, 4], saves=False)
    add(other, [20, 21], saves=False)
    with CollectionStore.open(other, writable=True) as writer:
        writer.copy_tables()
    shutil.copytree(other / "snapshots", one / "snapshots", dirs_exist_ok=True)
    [finding] = verify(one).damage
    assert "went on apart" in finding.problem
    repair(one)
    assert not verify(one).damage
    assert as_rebuilt(one) == as_it_is(one)
    with CollectionStore.open(one) as reader:
        check(reader, [*range(5)])
