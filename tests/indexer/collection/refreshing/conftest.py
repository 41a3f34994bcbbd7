"""A collection that a reader follows; where tests ask for it, with its catalog in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, files, images
from tests.indexer.collection.refreshing.changes import annotate
from vitrail.indexer.catalog import private_copy
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection whose catalog readers copy into memory, or into a file."""
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        for numbers in (range(6), range(6, 12)):
            made.commit(Batch(images(numbers), files(numbers)))
        made.commit(Batch([], [file("/pictures/1b.jpg", 1, label="twice")]))
        annotate(made, {2: "5", 3: "1"})
    if getattr(request, "param", False):
        monkeypatch.setattr(private_copy, "IN_MEMORY", 0)
    return tmp_path / "c"


@pytest.fixture
def reader(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as reader:
        reader.warm()
        yield reader
