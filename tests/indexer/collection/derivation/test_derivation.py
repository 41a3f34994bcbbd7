"""Derived spaces of a collection: fitted, found again, dropped, weighed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.derivation.derived import (
    COUNT,
    DERIVED,
    SPACE,
    expected,
    transform_file,
)
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.derivation import drop, put, set_default_weights, whiten
from vitrail.indexer.collection.maintenance import save_index
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transforms import path_of
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import (
    CollectionError,
    InputError,
)
from vitrail.indexer.records import Batch


def test_its_vectors_are_the_stored_ones_transformed(place: Path) -> None:
    with CollectionStore.open(place) as store:
        assert store.spaces == {"cls@2": 8, "mean@1": 4, DERIVED: 8, "cls@2/w3": 3}
        assert store.default_weights == {DERIVED: 0.75, "mean@1": 0.25}
        numbers = range(1, COUNT + 1)
        for name, cut in ((DERIVED, None), ("cls@2/w3", 3)):
            found = store.vectors(numbers, name)
            assert np.allclose(found, expected(numbers, cut), atol=1e-6)
            ids = store.index(name).search(found, 1).ids[:, 0]
            assert ids.tolist() == [*numbers]
        snapshot = store.snapshot()
        blocks = [rows for _, rows in snapshot.blocks(DERIVED, rows=7)]
        assert np.array_equal(np.concatenate(blocks), snapshot.vectors(numbers, DERIVED))
        assert [space.fitted_rows for space in store.state.derived] == [COUNT, COUNT]
        info = store.info()
        assert info.spaces[DERIVED].base == SPACE
        assert info.spaces[DERIVED].share == 0.75
        assert info.spaces[SPACE].share == 0
    assert verify(place).clean


def test_new_images_are_worked_out_and_gone_ones_gone(place: Path) -> None:
    with CollectionStore.open(place) as reader:
        reader.index(DERIVED)  # which is caught up, not made anew
        with CollectionStore.open(place, writable=True) as store:
            store.commit(Batch(images([71, 72]), files([71, 72])))
            store.remove([3])
        reader.refresh()
        ids = reader.index(DERIVED).ids().tolist()
        assert ids == [i for i in range(1, COUNT + 3) if i != 3]
        late = reader.vectors([COUNT + 1, COUNT + 2], DERIVED)
        assert np.allclose(late, expected(range(71, 73)), atol=1e-6)
    assert verify(place).clean


def test_a_saved_index_is_believed_for_its_transform_alone(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as store:
        save_index(store.indexes, DERIVED, store.readings)
        held = store.index_files(DERIVED)
        path = Path(held.path(held.generations()[0]))
        assert path.name == "cls@2~w.2.index"
        assert held.coverage() is not None
        saved = path.read_bytes()
        store.commit(Batch(images(range(101, 131)), files(range(101, 131))))
        before = store.index(DERIVED)
        whiten(store, SPACE)
        assert not store.index_files(DERIVED).generations()
        moved = store.vectors([1], DERIVED)
        assert not np.allclose(moved, before.vectors(np.array([1])), atol=1e-3)
        path.write_bytes(saved)
        assert store.index_files(DERIVED).coverage() is None
        store.forget_changes()
    with CollectionStore.open(place) as store:
        assert np.array_equal(store.vectors([1], DERIVED), moved)
        assert any("belongs to another" in note for note in store.notes)
    (finding,) = verify(place).damage
    assert finding.part == "index"
    assert repair(place).report.clean  # type: ignore[union-attr]


def test_a_reader_follows_one_that_is_fitted_anew(place: Path) -> None:
    with CollectionStore.open(place) as reader:
        held = reader.snapshot(DERIVED)
        before = held.vectors([1], DERIVED)
        with CollectionStore.open(place, writable=True) as store:
            store.commit(Batch(images(range(101, 141)), files(range(101, 141))))
            whiten(store, SPACE)
            after = store.vectors([1], DERIVED)
        reader.refresh()
        assert np.array_equal(reader.vectors([1], DERIVED), after)
        assert np.array_equal(held.vectors([1], DERIVED), before)
        assert not np.allclose(before, after, atol=1e-3)


def test_a_held_snapshot_answers_by_the_transform_of_its_commit(place: Path) -> None:
    with CollectionStore.open(place) as reader:
        held = reader.snapshot(DERIVED)  # from a saved index, for which nothing is transformed
        before = held.vectors([1], DERIVED)
        with CollectionStore.open(place, writable=True) as store:
            store.commit(Batch(images(range(101, 141)), files(range(101, 141))))
            whiten(store, SPACE)
        with CollectionStore.open(place, writable=True):
            assert len([*(place / "transforms").iterdir()]) == 2  # that of before is swept
        again = held.transform(DERIVED).apply(held.vectors([1], SPACE))
        assert np.allclose(again, before, atol=1e-6)


def test_what_was_fitted_before_is_swept(place: Path) -> None:
    folder = place / "transforms"
    (folder / "half.safetensors.0000.tmp").write_bytes(b"begun")
    old = transform_file(place)
    with CollectionStore.open(place, writable=True) as store:
        store.commit(Batch(images([71]), files([71])))
        assert whiten(store, SPACE).fitted_rows == COUNT + 1
    with CollectionStore.open(place, writable=True):
        assert not old.exists()
        assert len([*folder.iterdir()]) == 2


def test_a_folder_among_the_transforms_keeps_nobody_from_writing(place: Path) -> None:
    file = transform_file(place)
    file.unlink()
    file.mkdir()
    with CollectionStore.open(place, writable=True) as store:
        whiten(store, SPACE)  # so that nothing lists the former
        drop(store, "cls@2/w3")
    with CollectionStore.open(place, writable=True) as store:
        assert list(store.spaces) == [*dict(FINGERPRINT.spaces), DERIVED]
    assert not verify(place).damage


def test_the_same_once_more_is_no_commit(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as store:
        (narrow,) = (one for one in store.state.derived if one.name == "cls@2/w3")
        seq, data = store.state.seq, Path(path_of(str(place), narrow)).read_bytes()
        put(store, "cls@2/w3", data)
        set_default_weights(store, {DERIVED: 3.0, "mean@1": 1.0})
        assert store.state.seq == seq


@pytest.mark.parametrize(
    ("base", "cut", "told"),
    [
        ("gem@9", None, "'gem@9' is not stored .* has cls@2, mean@1; `vitrail reembed --space"),
        (DERIVED, None, "is not stored"),
        (SPACE, 9, "9 dimensions cannot be kept of 8"),
    ],
)
def test_what_cannot_be_fitted_writes_nothing(
    place: Path, base: str, cut: int | None, told: str
) -> None:
    before = sorted((place / "transforms").iterdir())
    with CollectionStore.open(place, writable=True) as store:
        seq = store.state.seq
        with pytest.raises(InputError, match=told):
            whiten(store, base, cut)
        assert store.state.seq == seq
    assert sorted((place / "transforms").iterdir()) == before


def test_too_few_images_are_told(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "few", FINGERPRINT) as store:
        store.commit(Batch(images(range(5)), files(range(5))))
        with pytest.raises(InputError, match=r"5 images are too few .* 32 are needed"):
            whiten(store, SPACE)


def test_a_reader_cannot_derive(place: Path) -> None:
    before = sorted((place / "transforms").iterdir())
    with CollectionStore.open(place) as store:
        with pytest.raises(CollectionError, match="open for reading only"):
            whiten(store, "mean@1")
        with pytest.raises(CollectionError, match="open for reading only"):
            drop(store, DERIVED)
    assert sorted((place / "transforms").iterdir()) == before


def test_weights_that_nothing_can_have_are_refused(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as store:
        for weights in ({"gem@9": 1.0}, {SPACE: 0.0}, {SPACE: float("nan")}, {SPACE: -1.0}):
            with pytest.raises(InputError):
                set_default_weights(store, weights)
        assert store.default_weights == {DERIVED: 0.75, "mean@1": 0.25}
        set_default_weights(store, {})
        assert store.default_weights == {"cls@2": 0.5, "mean@1": 0.5}


def test_dropping_one_takes_its_default_along(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as store:
        save_index(store.indexes, DERIVED, store.readings)
        drop(store, DERIVED)
        assert list(store.spaces) == ["cls@2", "mean@1", "cls@2/w3"]
        assert store.default_weights == {"cls@2": 0.5, "mean@1": 0.5}
        assert len([*(place / "transforms").iterdir()]) == 1
        assert not [*(place / "indexes").glob("cls@2~w.*")]
        with pytest.raises(InputError, match="not derived in this collection; it has cls@2/w3"):
            drop(store, DERIVED)
        with pytest.raises(InputError, match="not derived"):
            drop(store, SPACE)
    assert verify(place).clean
