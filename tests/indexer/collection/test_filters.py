"""What a filter means, and which cannot be used."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indexer.collection.holdings import FILTERED, file, files
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("width > 512", [2, 3]),
        ("label = 'cat' -- a comment", [1]),
        ("label = 'cat' or width > 700", [1, 2]),
        ("list_contains(labels, 'lynx')", [1]),
        ("top_label = 'tabby' and top_score > 0.5", [1]),
        ("generated and prompt like '%apple%'", [2]),
        ("seed = 9223372036854775808 and steps = 20", [2]),
        ("camera = 'Canon EOS'", [3]),
        ("year(taken_at) = 2024", [3]),
        ("name = '2.jpg' and folder = '/pictures'", [2]),
        ("path like '/pictures/%' and bytes > 1001 and height = 480", [2, 3]),
        ("contains(recipe, 'apple') or content_hash is null", [2]),
        ("false", []),
    ],
)
def test_filters(collection: CollectionStore, place: str, where: str, expected: list[int]) -> None:
    cat = file("/pictures/1.jpg", 1, label="cat")
    collection.commit(Batch(FILTERED, [cat, *files([2, 3])]))
    with CollectionStore.open(place) as reader, CollectionStore.open(place) as warm:
        warm.warm()
        for one in (collection, reader, warm):
            found = one.allowed_ids(where)
            assert found.dtype == np.int64
            assert found.tolist() == expected


def test_filters_take_parameters(collection: CollectionStore) -> None:
    collection.commit(Batch(FILTERED, files([1, 2, 3])))
    assert collection.allowed_ids("width between ? and ?", [50, 150]).tolist() == [1]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("colour = 'red'", "'colour', which this collection lacks; it has .*width"),
        ("width >", "cannot be read"),
        ("", "cannot be read"),
        ("width > 1; drop table images", "more than one expression"),
        ("true) or (true", "cannot be read"),
        ("true, false", "more than one expression"),
        ("id in (select image_id from files)", "more than one expression"),
        ("exists (from read_text('/etc/passwd'))", "more than one expression"),
        ("label", "cannot be evaluated|cannot be read"),
        ("width = 'wide'", "cannot be evaluated: .*; compare columns with values of their kind"),
        ("sum(width) > 3", "calls sum, which a filter may not"),
    ],
)
def test_filters_that_cannot_be_used(
    collection: CollectionStore, place: str, where: str, message: str
) -> None:
    collection.commit(Batch(FILTERED, [file("/a.jpg", n, label="x") for n in (1, 2, 3)]))
    with CollectionStore.open(place) as warm:
        warm.warm()
        for one in (collection, warm):
            with pytest.raises(InputError, match=message):
                one.allowed_ids(where)


def test_a_reader_that_filters_often_sees_its_own_commit_and_then_the_next(
    collection: CollectionStore, place: str
) -> None:
    collection.commit(Batch(FILTERED, files([1, 2, 3])))
    with CollectionStore.open(place) as reader:
        for _ in range(5):  # by then all columns are in one table
            assert reader.allowed_ids("label is null").tolist() == [1, 2, 3]
        collection.remove([2])
        assert reader.allowed_ids("label is null").tolist() == [1, 2, 3]
        assert reader.refresh()
        for _ in range(5):
            assert reader.allowed_ids("label is null").tolist() == [1, 3]
