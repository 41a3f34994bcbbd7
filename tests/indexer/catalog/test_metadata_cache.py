"""Metadata held in memory: what was answered lately, and what nobody can change for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, image, images
from vitrail.indexer.catalog import metadata_cache
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch

RECIPE = {"prompt": "a red apple", "steps": 20, "loras": ["one"]}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        some = [*images(range(1, 9)), image(9, recipe=RECIPE, predictions=(("cat", 0.5),))]
        made.commit(Batch(some, [file(f"/pictures/{i}.jpg", i) for i in range(1, 10)]))
    return tmp_path / "c"


@pytest.fixture
def warm(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as opened:
        opened.warm()
        yield opened


def cold(place: Path, ids: list[int]) -> object:
    with CollectionStore.open(place) as opened:
        return opened.metadata(ids)


def test_what_was_answered_lately_is_so(place: Path, warm: CollectionStore) -> None:
    ids = [3, 1, 9, 3, 2]
    assert warm.metadata(ids) == warm.metadata(ids) == cold(place, ids)
    assert warm.metadata([1, 4]) == cold(place, [1, 4])


def test_what_can_be_changed_is_each_answers_own(warm: CollectionStore) -> None:
    first, second = warm.metadata([9])[0], warm.metadata([9])[0]
    assert first == second
    assert first.recipe is not None
    first.recipe["loras"].append("two")
    assert second.recipe == warm.metadata([9])[0].recipe == RECIPE


def test_a_later_commit_answers_for_itself(place: Path, warm: CollectionStore) -> None:
    held = warm.snapshot()
    before = warm.metadata([1, 2])
    with CollectionStore.open(place, writable=True) as writer:
        writer.annotate_images([1], {"mood": pa.chunked_array([["calm"]])})
    assert warm.refresh()
    assert [one.own.get("mood") for one in warm.metadata([1, 2])] == ["calm", None]
    assert held.metadata([1, 2]) == before
    assert isinstance(held, Snapshot)


def test_few_are_held(warm: CollectionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_cache, "_DESCRIBED", 3)
    cache = warm.readings.metadata_cache(at_once=True)
    assert cache is not None
    for ids in ([1, 2], [3, 4], [5], [1, 2, 3, 4, 5], [2, 6]):
        assert [one.id for one in warm.metadata(ids)] == ids
        assert len(cache.described(range(1, 10))) <= 3
    assert set(cache.described(range(1, 10))) == {1, 2, 6}
