"""A collection that a reader follows; where tests ask for it, with its catalog in a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, files, images
from tests.indexer.collection.refreshing.changes import annotate
from vitrail.indexer.catalog import private_copy
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("followed") / "c"
    with CollectionStore.create(place, FINGERPRINT) as made:
        for numbers in (range(6), range(6, 12)):
            made.commit(Batch(images(numbers), files(numbers)))
        made.commit(Batch([], [file("/pictures/1b.jpg", 1, label="twice")]))
        annotate(made, {2: "5", 3: "1"})
    return place


@pytest.fixture
def place(
    made: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A collection whose catalog readers copy into memory, or into a file."""
    if getattr(request, "param", False):
        monkeypatch.setattr(private_copy, "IN_MEMORY", 0)
    return Path(shutil.copytree(made, tmp_path / "c"))


@pytest.fixture
def reader(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as reader:
        reader.warm()
        yield reader
