"""Metadata held in memory: what was answered lately, and what nobody can change for others."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, image, images
from vitrail.indexer.catalog import cached_rows, metadata_cache
from vitrail.indexer.catalog.cached_rows import Table
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import UnknownImageError
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


def test_no_answer_can_be_written_to_by_another(warm: CollectionStore) -> None:
    first, second = warm.metadata([1])[0], warm.metadata([1])[0]
    with pytest.raises(TypeError, match="cannot be set there"):
        first.own["mood"] = "calm"  # type: ignore[index]
    assert second.own == warm.metadata([2])[0].own == {}


def test_images_are_read_a_page_at_a_time(
    place: Path, warm: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached_rows, "_PAGE", 4)
    ids = [9, 2, 7, 1, 3, 8, 4, 6, 5]
    cache = warm.readings.metadata_cache(at_once=True)
    assert cache is not None
    asked: list[int] = []
    columns = Table.columns

    def counted(self: Table, names: Collection[str], places: Sequence[int]) -> dict[str, list[Any]]:
        asked.extend(places if self is cache._layers[0].images else [])
        return columns(self, names, places)

    monkeypatch.setattr(Table, "columns", counted)
    unread = warm.metadata(ids)
    assert [one.paths for one in unread] == [(f"/pictures/{i}.jpg",) for i in ids]
    assert asked == []
    assert unread[5].format == "JPEG"
    assert sorted(asked) == sorted(i - 1 for i in ids[4:8])
    assert unread == cold(place, ids)
    assert sorted(asked) == [i - 1 for i in range(1, 10)]


def test_a_later_commit_answers_for_itself(place: Path, warm: CollectionStore) -> None:
    held = warm.snapshot()
    before = warm.metadata([1, 2])
    with CollectionStore.open(place, writable=True) as writer:
        writer.annotate_images([1], {"mood": pa.chunked_array([["calm"]])})
    assert warm.refresh()
    assert [one.own.get("mood") for one in warm.metadata([1, 2])] == ["calm", None]
    assert held.metadata([1, 2]) == before
    assert isinstance(held, Snapshot)


def test_what_is_looked_at_later_is_of_its_commit(place: Path) -> None:
    with CollectionStore.open(place) as opened:
        opened.warm()
        unread = opened.metadata(range(1, 10))
        with CollectionStore.open(place, writable=True) as writer:
            before = writer.metadata(range(1, 10))
            more = [file(f"/more/{i}.jpg", i) for i in (2, 5)]
            writer.commit(Batch([image(10)], [file("/pictures/10.jpg", 10), *more]))
            writer.remove([9])
        assert opened.refresh()
        now = opened.metadata(range(1, 9))
    assert [one.paths for one in unread[:5]] == [one.paths for one in before[:5]]
    assert unread == before
    assert now == cold(place, [*range(1, 9)])
    assert now[1].paths == ("/more/2.jpg", "/pictures/2.jpg")


def test_an_unknown_image_is_refused_before_anything_is_looked_at(warm: CollectionStore) -> None:
    for ids in ([10], [1, 10, 2], [0], [-1, 3], [2**62]):
        with pytest.raises(UnknownImageError, match=r"no image with id (10|0|-1|4611\d+) "):
            warm.metadata(ids)


def test_columns_go_with_the_last_image_that_was_not_looked_at(warm: CollectionStore) -> None:
    unread = warm.metadata([9, 1])
    cache = warm.readings.metadata_cache(at_once=True)
    assert cache is not None
    columns = weakref.ref(cache._layers[0].files)
    del cache
    warm.close()
    gc.collect()
    assert columns() is not None
    assert [one.format for one in unread] == ["JPEG", "JPEG"]
    gc.collect()
    assert columns() is None


def test_few_are_held(warm: CollectionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_cache, "_DESCRIBED", 3)
    cache = warm.readings.metadata_cache(at_once=True)
    assert cache is not None
    for ids in ([1, 2], [3, 4], [5], [1, 2, 3, 4, 5], [2, 6]):
        assert [one.id for one in warm.metadata(ids)] == ids
        assert len(cache.described()) <= 3
    assert cache.described() == {1, 2, 6}
