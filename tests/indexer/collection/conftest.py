"""An empty collection, for tests that begin with one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.collection.store import CollectionStore


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "collection")


@pytest.fixture
def collection(place: str) -> Iterator[CollectionStore]:
    with CollectionStore.create(place, FINGERPRINT) as made:
        yield made
