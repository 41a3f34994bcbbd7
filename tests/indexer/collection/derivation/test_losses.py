"""Derived spaces that are lost, made anew, carried along and given up."""

from __future__ import annotations

import os
import shutil
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
from tests.indexer.collection.holdings import FINGERPRINT, OTHER, files, images
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.collection import successor
from vitrail.indexer.collection.derivation import drop, put, set_default_weights, whiten
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import (
    CollectionError,
    DamagedError,
    InputError,
    UnreadableError,
    VitrailError,
)
from vitrail.indexer.records import Batch


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


@pytest.mark.parametrize("catalog", ["there", "lost"])
@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({DERIVED: 2.0}, "fit it again with `vitrail whiten cls@2 --default`"),
        ({DERIVED: 0.75, "mean@1": 0.25}, "fit it again with `vitrail whiten cls@2`"),
        ({}, "fit it again with `vitrail whiten cls@2`"),
    ],
)
def test_what_is_said_of_a_lost_one_makes_searches_weigh_it_as_before(
    place: Path, catalog: str, weights: dict[str, float], said: str
) -> None:
    with CollectionStore.open(place, writable=True) as store:
        set_default_weights(store, weights)
    transform_file(place).unlink()
    with CollectionStore.open(place) as store, pytest.raises(CollectionError) as told:
        store.vectors([1], DERIVED)
    assert str(told.value).endswith(said.removeprefix("fit it again with "))
    if catalog == "lost":
        os.unlink(place / "catalog.duckdb")
    assert any(said in line for line in repair(place).actions)


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


def test_a_cut_that_cuts_nothing_away_keeps_its_name_without_copies(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as store:
        width = store.spaces[SPACE]
        whiten(store, SPACE, width)
        before = list(store.spaces)
    os.unlink(place / "catalog.duckdb")
    for name in ("journal", "snapshots"):
        shutil.rmtree(place / name)
        os.mkdir(place / name)
    repair(place, accept=lambda losses: True)
    with CollectionStore.open(place) as store:
        assert sorted(store.spaces) == sorted(before)
        assert f"{SPACE}/w{width}" in store.spaces


def test_a_pipe_in_the_place_of_a_transform_keeps_nobody_waiting(place: Path) -> None:
    path = transform_file(place)
    path.unlink()
    os.mkfifo(path)
    with (
        CollectionStore.open(place) as store,
        pytest.raises(
            UnreadableError, match=r"something else than a file lies there.*: move that away"
        ),
    ):
        store.snapshot().transform(DERIVED)
    assert [finding.part for finding in verify(place).unreadable] == ["transform"]


def test_a_held_snapshot_says_that_a_space_was_fitted_anew(place: Path) -> None:
    with CollectionStore.open(place) as reader:
        held = reader.snapshot()
        with CollectionStore.open(place, writable=True) as writer:
            writer.commit(Batch(images([71]), files([71])))
            whiten(writer, SPACE)
        with CollectionStore.open(place, writable=True):
            pass  # who sweeps
        with pytest.raises(CollectionError, match=r"cls@2/w was fitted anew .*; refresh"):
            held.vectors([1], DERIVED)
        reader.refresh()
        assert len(reader.snapshot().vectors([1], DERIVED)) == 1


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
