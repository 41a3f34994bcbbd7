"""Columns that are set on images by id: others stay, empty cells clear, and all of it survives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.service.operations.collection import Collection


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CollectionStore]:
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for name in "abc":
        pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{name}.png")
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as collection:
        collection.index(tmp_path / "images")
    with CollectionStore.open(tmp_path / "c", writable=True) as writer:
        yield writer


def column(*values: str | float | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def told(store: CollectionStore, name: str) -> list[object]:
    ids = store.allowed_ids("true").tolist()
    return [info[name] for info in store.metadata(ids)]


def test_a_column_is_set_and_set_again(store: CollectionStore) -> None:
    ids = store.allowed_ids("true").tolist()
    assert store.annotate_images(ids, {"kind": column("x", "y", "y")}) == 3
    assert told(store, "kind") == ["x", "y", "y"]
    assert (
        store.annotate_images(ids[1:], {"kind": column(None, "z"), "sure": column(None, 0.5)}) == 2
    )
    assert told(store, "kind") == ["x", None, "z"]
    assert told(store, "sure") == [None, None, 0.5]
    assert store.allowed_ids("kind = 'z' and sure >= 0.5").tolist() == [ids[2]]


def test_images_that_are_gone_are_passed_over(store: CollectionStore) -> None:
    ids = store.allowed_ids("true").tolist()
    store.remove(ids[:1])
    assert store.annotate_images([*ids, 99], {"kind": column("x", "y", "y", "q")}) == 2
    assert told(store, "kind") == ["y", "y"]


@pytest.mark.parametrize("name", ["label", "LABEL", "__row", " a", "predictions"])
def test_a_column_of_ours_is_refused_and_nothing_is_written(
    store: CollectionStore, name: str
) -> None:
    ids, before = store.allowed_ids("true").tolist(), store.state.seq
    with pytest.raises(InputError, match="rename it"):
        store.annotate_images(ids, {name: column("x", "y", "y")})
    assert store.state.seq == before


def test_it_comes_back_where_the_catalog_is_lost(store: CollectionStore) -> None:
    from vitrail.indexer.collection.repairs import repair

    ids, directory = store.allowed_ids("true").tolist(), store.directory
    store.annotate_images(ids, {"kind": column("x", "y", None)})
    store.close()
    os.unlink(os.path.join(directory, "catalog.duckdb"))
    repair(directory, accept=lambda _: True)
    with CollectionStore.open(directory) as reader:
        assert told(reader, "kind") == ["x", "y", None]
