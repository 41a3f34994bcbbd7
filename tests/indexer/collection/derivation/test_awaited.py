"""A whitened space that searches are to weigh, before there are images enough to fit it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.derivation.derived import DERIVED, expected
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.derivation import (
    drop,
    fit_awaited,
    set_default_weights,
    weigh_once_fitted,
)
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.records import Batch

STORED = {"cls@2": 0.5, "mean@1": 0.5}
FEW, ENOUGH = range(1, 32), range(1, 41)  # 32 images are needed


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """One of too few images."""
    place = tmp_path / "collection"
    with CollectionStore.create(place, FINGERPRINT) as store:
        weigh_once_fitted(store, DERIVED)
        store.commit(Batch(images(FEW), files(FEW)))
    return place


def grown(place: Path) -> CollectionStore:
    """Open for writing, of images that suffice."""
    store = CollectionStore.open(place, writable=True)
    store.commit(Batch(images(range(32, 41)), files(range(32, 41))))
    return store


def test_stored_spaces_are_weighed_until_it_can_be_fitted(waiting: Path) -> None:
    with CollectionStore.open(waiting, writable=True) as store:
        assert store.default_weights == STORED
        assert fit_awaited(store) == ()
    with grown(waiting) as store:
        assert store.default_weights == STORED
        (made,) = fit_awaited(store)
        assert (made.name, made.fitted_rows) == (DERIVED, len(ENOUGH))
        assert store.default_weights == {DERIVED: 1.0}
        found = store.vectors(ENOUGH, DERIVED)
        assert np.allclose(found, expected(ENOUGH, fit=len(ENOUGH)), atol=1e-6)
        assert fit_awaited(store) == (), "once is enough"
    assert verify(waiting).clean


def test_whoever_says_otherwise_meanwhile_is_heeded(waiting: Path) -> None:
    with grown(waiting) as store:
        set_default_weights(store, {})
        assert fit_awaited(store) == ()
        assert store.default_weights == STORED


def test_what_was_dropped_does_not_come_back(waiting: Path) -> None:
    with grown(waiting) as store:
        fit_awaited(store)
        drop(store, DERIVED)
        assert fit_awaited(store) == ()
        assert store.default_weights == STORED


def test_a_full_disk_leaves_the_wish(waiting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with grown(waiting) as store:
        monkeypatch.setattr(transforms, "write", full)
        with pytest.raises(CollectionError, match="full"):
            fit_awaited(store)
        monkeypatch.undo()
        assert store.default_weights == STORED
        assert [space.name for space in fit_awaited(store)] == [DERIVED]
    assert verify(waiting).clean


def test_a_lost_catalog_brings_the_wish_back(waiting: Path) -> None:
    os.unlink(waiting / "catalog.duckdb")
    repair(waiting)
    with grown(waiting) as store:
        assert [space.name for space in fit_awaited(store)] == [DERIVED]


def test_an_export_leaves_the_wish_at_home(waiting: Path, tmp_path: Path) -> None:
    table = tmp_path / "all.parquet"
    with CollectionStore.open(waiting) as store:
        export(store, table)
    with CollectionStore.create(tmp_path / "other", FINGERPRINT) as store:
        import_into(store, table)
        assert store.default_weights == STORED
        assert not store.state.chosen_weights


def test_images_that_do_not_differ_are_no_error(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "same", FINGERPRINT) as store:
        weigh_once_fitted(store, DERIVED)
        row = images([1])[0].vectors
        alike = [replace(one, vectors=row) for one in images(ENOUGH)]
        store.commit(Batch(alike, files(ENOUGH)))
        assert fit_awaited(store) == ()
        assert store.default_weights == STORED


@pytest.mark.parametrize("name", ["cls@9/w", "cls@2", "nonsense"])
def test_only_a_whitened_form_of_a_stored_space_can_be_awaited(tmp_path: Path, name: str) -> None:
    with CollectionStore.create(tmp_path / "new", FINGERPRINT) as store:
        before = store.state.seq
        with pytest.raises(InputError, match="space"):
            weigh_once_fitted(store, name)
        assert store.state.seq == before
