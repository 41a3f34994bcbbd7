"""Groups: the best hit of each, none hidden, each image in one at most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import BruteIndex, FakeCollection, Floats, Ids, described, unit
from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.search.calibration.calibration import SAME
from vitrail.search.group_members import best_version
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher


class Labelled(FakeCollection):
    """Images with labels, which it filters by as the catalog does."""

    def __init__(self, labels: dict[int, str | None], **indexes: BruteIndex) -> None:
        super().__init__(**indexes)
        self.labels = labels

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> Ids:
        if where == '"label" IS NULL':
            return self._having(None)
        if where == '"label" = ?':
            return self._having(parameters[0])
        return super().allowed_ids(where, parameters)

    def _having(self, label: str | None) -> Ids:
        return np.array(sorted(i for i, own in self.labels.items() if own == label), np.int64)

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[ImageInfo]:
        return [described(i, f"/images/{i}.png", label=self.labels[i]) for i in ids]

    def listed(self, listing: Any) -> Any:
        from contextlib import nullcontext

        return nullcontext((["label" if n.lower() == "label" else n for n in listing.columns], ()))


def scene(seed: int, size: int, labels: int) -> tuple[Labelled, Floats, Floats]:
    random = np.random.default_rng(seed)
    rows = unit(random.normal(size=(size, 3)).astype(np.float32))
    # a few labels have nearly all images
    drawn = np.minimum(random.geometric(0.4, size), labels)
    known = {i: None if own == 2 else f"label {own}" for i, own in enumerate(drawn.tolist())}
    query = unit(random.normal(size=(1, 3)).astype(np.float32))
    return Labelled(known, a=BruteIndex(range(size), rows)), rows, query


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 9), st.integers(1, 12))
def test_groups_are_those_of_a_scan_and_never_hide_the_best_hit(
    seed: int, size: int, labels: int, k: int
) -> None:
    collection, rows, query = scene(seed, size, labels)
    options = SearchOptions(k=k, group_by="LABEL")
    result = Searcher(collection).search(Query({"a": query}, {"a": 1.0}, options))
    best: dict[str | None, tuple[float, int]] = {}
    for i, score in enumerate((rows @ query[0]).tolist()):
        label = collection.labels[i]
        best[label] = max(best.get(label, (-2.0, 0)), (score, -i))
    expected = sorted(best.values(), reverse=True)[:k]
    assert [hit.id for hit in result.hits] == [-i for _, i in expected]
    assert result.exact
    for hit in result.hits:
        assert hit.group is not None
        assert hit.group.by == "label"
        assert hit.group.value == collection.labels[hit.id]
        assert hit.group.more == list(collection.labels.values()).count(hit.group.value) - 1


def test_a_filter_and_the_query_itself_count_neither() -> None:
    collection, _, query = scene(3, 40, 3)
    allowed = ",".join(str(i) for i in range(0, 40, 2))
    options = SearchOptions(k=9, group_by="label", where=allowed)
    asked = Query({"a": query}, {"a": 1.0}, options, frozenset({0, 2}))
    hits = Searcher(collection).search(asked).hits
    assert sum(1 + hit.group.more for hit in hits if hit.group) == 18


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 6))
def test_copies_are_folded_and_the_best_hit_is_in_the_first_group(
    seed: int, originals: int, k: int
) -> None:
    random = np.random.default_rng(seed)
    bases = np.linalg.qr(random.normal(size=(12, 12)))[0][:originals]
    number = random.integers(1, 90, originals)
    rows = np.repeat(bases, number, axis=0)
    rows = unit((rows + random.normal(size=rows.shape) * 1e-4).astype(np.float32))
    of = np.repeat(np.arange(originals), number)
    query = unit(random.normal(size=(1, 12)).astype(np.float32))
    labels: dict[int, str | None] = dict.fromkeys(range(len(rows)))
    collection = Labelled(labels, a=BruteIndex(range(len(rows)), rows))
    plain = Searcher(collection).search(Query({"a": query}, {"a": 1.0}, SearchOptions(k=1)))
    options = SearchOptions(k=k, group_by="copies")
    result = Searcher(collection).search(Query({"a": query}, {"a": 1.0}, options))
    assert len(result.hits) == min(k, originals)
    first = result.hits[0].group
    assert first is not None
    assert first.best == plain.hits[0].id
    shown = [int(of[hit.id]) for hit in result.hits]
    assert len(set(shown)) == len(shown), "each original once"
    for hit, original in zip(result.hits, shown, strict=True):
        assert hit.group is not None
        assert hit.group.more == number[original] - 1
        assert hit.id == int(np.flatnonzero(of == original)[0]), "of equal ones the first"
        assert rows[hit.id] @ rows[hit.group.best] > SAME


def test_the_best_version_has_the_most_pixels_then_is_the_earliest() -> None:
    early, late = datetime(2020, 1, 1), datetime(2021, 1, 1)
    versions = [
        described(1, width=10, height=10, taken_at=early),
        described(2, width=20, height=10, taken_at=late),
        described(3, width=10, height=20, taken_at=early),
        described(4, width=10, height=20),
    ]
    assert best_version(versions) == 3
    assert best_version(versions[:2]) == 2
    assert best_version([versions[3], versions[1]]) == 2, "known is before unknown"


def test_what_cannot_be_grouped_by_is_refused() -> None:
    collection, _, query = scene(1, 5, 2)
    options = SearchOptions(group_by="keywords")
    with pytest.raises(InputError, match="cannot be grouped by keywords"):
        Searcher(collection).search(Query({"a": query}, {"a": 1.0}, options))


def test_many_questions_are_grouped_one_by_one() -> None:
    collection, _, query = scene(1, 60, 4)
    other = -query
    options = SearchOptions(k=3, group_by="label")
    both = Query({"a": np.concatenate([query, other])}, {"a": 1.0}, options)
    for row, answer in zip((query, other), Searcher(collection).search_each(both), strict=True):
        alone = Searcher(collection).search(Query({"a": row}, {"a": 1.0}, options))
        assert [(h.id, h.group) for h in answer.hits] == [(h.id, h.group) for h in alone.hits]
