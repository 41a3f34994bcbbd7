"""An empty collection, and its writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.collection.store import CollectionStore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    return tmp_path / "c"


@pytest.fixture
def writer(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place, writable=True) as writer:
        yield writer
