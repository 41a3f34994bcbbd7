"""Ranges of numbers that are staged, and what a collection then holds of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tests.indexer.collection.holdings import content, files, images, vector
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.collection.maintenance import merge_segments, save_index
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify

SPACE = "cls@2"


def put(writer: CollectionStore, numbers: range) -> Staged:
    return writer.stage(writer.reserve(len(numbers)), images(numbers), files(numbers))


def held(store: CollectionStore) -> set[int]:
    """The numbers of the images that filters, metadata and every index agree on."""
    ids = store.allowed_ids("true")
    numbers = {content(number): number for number in range(200)}
    told = [numbers[row["content_hash"]] for row in store.metadata(ids.tolist())]
    for space in store.spaces:
        index = store.index(space)
        np.testing.assert_array_equal(index.ids(), ids)
        for found, number in zip(index.vectors(ids), told, strict=True):
            np.testing.assert_array_equal(found, vector(number, space))
    assert len(set(told)) == len(told)
    return set(told)


def check(place: Path) -> None:
    report = verify(place)
    assert not report.damage, report.damage
    assert as_rebuilt(place) == as_it_is(place)


def save(writer: CollectionStore) -> None:
    for space in writer.spaces:
        assert save_index(writer.indexes, space, writer.readings)


def merge(writer: CollectionStore, segments: range | None = None) -> None:
    chosen = (
        [*writer.state.segments]
        if segments is None
        else [writer.state.segments[number] for number in segments]
    )
    folder = os.path.join(writer.directory, "segments")
    merge_segments(writer._catalog, folder, writer.fingerprint, chosen)
    writer.refresh()
