"""A collection with derived spaces, and copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.indexer.collection.derivation.derived import (
    COUNT,
    DERIVED,
    SPACE,
)
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.derivation import set_default_weights, whiten
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch


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
