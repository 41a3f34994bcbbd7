"""Derived spaces of a collection: fitted, found again, lost, dropped and carried along."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.indexer.collection.holdings import FINGERPRINT, OTHER, files, images, vector
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.collection import successor
from vitrail.indexer.collection.derivation import drop, put, set_default_weights, whiten
from vitrail.indexer.collection.maintenance import save_index
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.transforms import path_of
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import (
    CollectionError,
    DamagedError,
    InputError,
    UnreadableError,
    VitrailError,
)
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors.whitening import Moments

COUNT = 60
SPACE = "cls@2"
DERIVED = "cls@2/w"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("derived") / "collection"
    with CollectionStore.create(place, FINGERPRINT) as store:
        store.commit(Batch(images(range(1, COUNT + 1)), files(range(1, COUNT + 1))))
        whiten(store, SPACE)
        whiten(store, SPACE, 3)
        set_default_weights(store, {DERIVED: 3.0, "mean@1": 1.0})
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "collection"))


def expected(numbers: range, cut: int | None = None, fit: int = COUNT) -> NDArray[np.float32]:
    moments = Moments(8)
    moments.add(np.stack([vector(n, SPACE) for n in range(1, fit + 1)]))
    return moments.whitening(cut).apply(np.stack([vector(n, SPACE) for n in numbers]))


def transform_file(place: Path, name: str = DERIVED) -> Path:
    with CollectionStore.open(place) as store:
        (space,) = (one for one in store.state.derived if one.name == name)
        return Path(path_of(str(place), space))


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


@pytest.mark.parametrize("how", ["lost", "altered", "cut"])
def test_one_whose_transform_is_lost_is_told_and_dropped(place: Path, how: str) -> None:
    path = transform_file(place)
    if how == "lost":
        path.unlink()
    elif how == "altered":
        data = bytearray(path.read_bytes())
        data[-5] ^= 64
        path.write_bytes(data)
    else:
        path.write_bytes(path.read_bytes()[:-10])
    error = CollectionError if how == "lost" else DamagedError
    with CollectionStore.open(place) as store:
        with pytest.raises(error, match=r"transform of space cls@2/w is .*`vitrail whiten cls@2`"):
            store.vectors([1], DERIVED)
        assert len(store.index(SPACE)) == COUNT  # whatever else there is goes on
        assert len(store.index("cls@2/w3")) == COUNT
        store.warm()
    report = verify(place)
    (finding,) = report.damage
    assert (finding.part, finding.kind) == ("transform", "missing" if how == "lost" else "damaged")
    with CollectionStore.open(place, writable=True) as store:
        store.commit(Batch(images([71]), files([71])))  # a writer goes on, and saves the others
    done = repair(place)
    assert any("fit it again with `vitrail whiten cls@2`" in line for line in done.actions)
    assert done.report is not None
    assert done.report.clean
    with CollectionStore.open(place, writable=True) as store:
        assert list(store.spaces) == ["cls@2", "mean@1", "cls@2/w3"]
        assert store.default_weights == {"cls@2": 0.5, "mean@1": 0.5}
        whiten(store, SPACE)
    assert verify(place).clean


def test_one_that_cannot_be_read_now_is_left(place: Path) -> None:
    path = transform_file(place)
    away = path.rename(place / "elsewhere")
    path.mkdir()  # which the system refuses to read
    report = verify(place)
    assert not report.damage
    assert [finding.part for finding in report.unreadable] == ["transform"]
    with CollectionStore.open(place) as store, pytest.raises(UnreadableError):
        store.snapshot().transform(DERIVED)
    done = repair(place)
    assert any("left as it is" in line for line in done.actions)
    path.rmdir()
    away.rename(path)
    assert verify(place).clean


def test_a_catalog_made_anew_has_them(place: Path) -> None:
    assert as_rebuilt(place) == as_it_is(place)
    with CollectionStore.open(place, writable=True) as store:
        whiten(store, "mean@1", 2)
        drop(store, "cls@2/w3")
        store.forget_changes()
    assert as_rebuilt(place) == as_it_is(place)


def test_a_lost_catalog_without_copies_finds_the_transforms(place: Path) -> None:
    os.unlink(place / "catalog.duckdb")
    shutil.rmtree(place / "journal")
    shutil.rmtree(place / "snapshots")
    os.mkdir(place / "journal")
    os.mkdir(place / "snapshots")
    (place / "transforms" / ("0" * 64 + ".safetensors")).write_bytes(b"nonsense")
    done = repair(place, accept=lambda losses: True)
    assert done.report is not None
    assert not done.report.damage
    with CollectionStore.open(place) as store:
        assert list(store.spaces) == ["cls@2", "mean@1", DERIVED, "cls@2/w3"]
        numbers = range(1, COUNT + 1)
        assert np.allclose(store.vectors(numbers, DERIVED), expected(numbers), atol=1e-6)


def test_a_lost_catalog_drops_those_that_are_lost_too(place: Path) -> None:
    transform_file(place).unlink()
    os.unlink(place / "catalog.duckdb")
    done = repair(place)
    assert any("dropped cls@2/w: fit it again" in line for line in done.actions)
    with CollectionStore.open(place) as store:
        assert list(store.spaces) == ["cls@2", "mean@1", "cls@2/w3"]


def test_an_export_carries_them(place: Path, tmp_path: Path) -> None:
    table = tmp_path / "all.parquet"
    with CollectionStore.open(place) as store:
        export(store, table)
        before = store.vectors([1], DERIVED)
    with CollectionStore.create(tmp_path / "new", FINGERPRINT) as store:
        assert import_into(store, table).kept == ()
        assert store.spaces == {"cls@2": 8, "mean@1": 4, DERIVED: 8, "cls@2/w3": 3}
        assert store.default_weights == {DERIVED: 0.75, "mean@1": 0.25}
        new = store.resolve("/pictures/1.jpg")
        assert np.array_equal(store.vectors([new], DERIVED), before)
    with CollectionStore.create(tmp_path / "own", FINGERPRINT) as store:
        store.commit(Batch(images(range(200, 240)), files(range(200, 240))))
        own = whiten(store, SPACE)
        assert import_into(store, table).kept == (DERIVED,)
        assert own in store.state.derived
        assert store.default_weights == {"cls@2": 0.5, "mean@1": 0.5}
    assert verify(tmp_path / "own").clean or all(
        finding.part == "file" for finding in verify(tmp_path / "own").findings
    )


@pytest.mark.parametrize(
    "told",
    [
        b"{",
        b"[]",
        b'{"derived": {"cls@2/w": "!"}, "weights": {}}',
        b'{"derived": {"cls@2/w": ""}, "weights": {}}',
        b'{"derived": {}, "weights": {"gem@9": 1}}',
        b'{"derived": {}, "weights": {"cls@2": -1}}',
    ],
)
def test_an_export_that_tells_nonsense_of_spaces_is_refused(
    place: Path, tmp_path: Path, told: bytes
) -> None:
    import pyarrow.parquet as pq

    table = tmp_path / "all.parquet"
    with CollectionStore.open(place) as store:
        export(store, table)
    read = pq.read_table(table)
    meta = dict(read.schema.metadata) | {b"vitrail.spaces": told}
    pq.write_table(read.replace_schema_metadata(meta), table)
    with CollectionStore.create(tmp_path / "new", FINGERPRINT) as store:
        with pytest.raises(InputError):
            import_into(store, table)
        assert len(store) == 0
        assert not store.state.derived


def test_another_encoders_transform_is_refused(place: Path, tmp_path: Path) -> None:
    data = transform_file(place).read_bytes()
    with CollectionStore.create(tmp_path / "other", OTHER) as store:
        with pytest.raises(InputError, match="fitted on vectors of another encoder"):
            put(store, DERIVED, data)
        assert not [*(tmp_path / "other" / "transforms").iterdir()]
    with CollectionStore.open(place, writable=True) as store:
        for name in ("mean@1/w", "cls@2/w4", "cls@2", "nonsense"):
            with pytest.raises(VitrailError):
                put(store, name, data)


def test_embedding_anew_drops_them(place: Path) -> None:
    old = CollectionStore.open(place, writable=True)
    new = successor.begin(str(place), OTHER)
    new.commit(Batch(images(range(1, COUNT + 1)), files(range(1, COUNT + 1))))
    successor.take_over(old, new)
    with CollectionStore.open(place, writable=True) as store:
        assert store.spaces == {"cls@2": 8, "mean@1": 4}
        assert store.default_weights == {"cls@2": 0.5, "mean@1": 0.5}
        assert not [*(place / "transforms").iterdir()]
    assert not verify(place).damage


def test_tidying_leaves_nothing_of_removed_images_in_a_lost_spaces_index(place: Path) -> None:
    from vitrail.indexer.collection.tidying import tidy

    assert [*(place / "indexes").glob("cls@2~w.*")]
    transform_file(place).unlink()
    with CollectionStore.open(place, writable=True) as store:
        store.remove([1])
        tidy(store, now=True)
        assert not [*(place / "indexes").glob("cls@2~w.*")]
        assert len(store.index("cls@2/w3")) == COUNT - 1
