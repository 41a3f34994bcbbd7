"""What filters let through is kept for those who ask again, of the same commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.catalog import filter_cache, filtering
from vitrail.indexer.catalog.filter_cache import FilterCache
from vitrail.indexer.collection import answering
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import FilterError
from vitrail.indexer.records import Batch


@given(
    st.lists(st.integers(0, 300) | st.integers(0, 2**62), unique=True).map(sorted),
    st.integers(0, 2**40),
)
@settings(max_examples=examples(100))
def test_ids_come_back_as_they_were(given_ids: list[int], first: int) -> None:
    ids = np.array(given_ids, np.int64) + first
    cache = FilterCache()
    cache.keep("width > ?", [5], ids)
    for _ in range(2):
        found = cache.find("width > ?", [5])
        assert found is not None
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, ids)
        assert not found.flags.writeable  # for others have the same
    assert cache.find("width > ?", [6]) is None
    assert cache.find("width >= ?", [5]) is None


def test_values_of_other_kinds_are_others() -> None:
    cache = FilterCache()
    for number, value in enumerate((1, True, 1.0, "1", b"1", None)):
        cache.keep("label = ?", [value], np.array([number]))
    for number, value in enumerate((1, True, 1.0, "1", b"1", None)):
        found = cache.find("label = ?", [value])
        assert found is not None
        assert found.tolist() == [number]
    cache.keep("label in ?", [["a"]], np.array([1]))
    assert cache.find("label in ?", [["a"]]) is None


@pytest.mark.parametrize(
    "where",
    [
        *("added_at < now()", "added_at::DATE = Today()", "added_at > CURRENT_DATE - 3"),
        *(
            "age(added_at) > '1 day'",
            "added_at < localtimestamp",
            "added_at < get_current_timestamp()",
        ),
        "taken_at < 'yesterday'::TIMESTAMP",
    ],
)
def test_what_depends_on_the_moment_is_not_kept(where: str) -> None:
    cache = FilterCache()
    cache.keep(where, [], np.array([1]))
    assert cache.find(where, []) is None


def test_the_longest_unused_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_cache, "_MOST_BYTES", 1000)
    dense = np.arange(3200)  # 400 bytes
    cache = FilterCache()
    cache.keep("a", [], dense)
    cache.keep("b", [], dense)
    assert cache.find("a", []) is not None
    cache.keep("b", [], dense)
    cache.keep("c", [], dense)
    kept = [cache.find(name, []) is not None for name in "abc"]
    assert kept == [False, True, True]
    cache.keep("much", [], np.arange(9000))
    assert cache.find("much", []) is None
    assert cache.find("c", []) is not None
    monkeypatch.setattr(filter_cache, "_MOST", 2)
    for number in range(9):
        cache.keep("few", [number], np.array([number]))
    assert sum(cache.find("few", [number]) is not None for number in range(9)) == 2


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        made.commit(Batch(images(range(1, 9)), files(range(1, 9))))
    return tmp_path / "c"


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The filters that were evaluated, in order."""
    asked: list[str] = []

    def watched(source: Any, where: str, parameters: Any = ()) -> Any:
        asked.append(where)
        return filtering.allowed_ids(source, where, parameters)

    monkeypatch.setattr(answering, "allowed_ids", watched)
    return asked


@pytest.fixture
def reader(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as opened:
        yield opened


def test_a_commit_evaluates_a_filter_once_and_the_next_anew(
    place: Path, reader: CollectionStore, evaluated: list[str]
) -> None:
    where = "id > 5"
    held = reader.snapshot()
    assert held.allowed_ids(where).tolist() == held.allowed_ids(where).tolist() == [6, 7, 8]
    assert evaluated == [where]
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([9]), files([9])))
        writer.remove([7])
    assert reader.refresh()
    assert reader.snapshot().allowed_ids(where).tolist() == [6, 8, 9]
    assert held.allowed_ids(where).tolist() == [6, 7, 8]
    assert evaluated == [where, where]


def test_what_cannot_be_evaluated_is_refused_each_time(
    reader: CollectionStore, evaluated: list[str]
) -> None:
    for _ in range(2):
        with pytest.raises(FilterError, match="which this collection lacks"):
            reader.snapshot().allowed_ids("nothing = 1")
    assert len(evaluated) == 2


def test_a_writer_sees_what_it_has_written(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        assert len(writer.allowed_ids("id > 5")) == 3
        writer.remove([7])
        assert writer.allowed_ids("id > 5").tolist() == [6, 8]
