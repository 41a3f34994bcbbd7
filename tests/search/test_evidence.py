from __future__ import annotations

from dataclasses import replace
from typing import Unpack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.fakes import BruteIndex, FakeCollection, Floats, unit
from vitrail.indexer.errors import InputError
from vitrail.search.evidence import mean_distance, verdict
from vitrail.search.options import SearchKeywords, SearchOptions
from vitrail.search.query import Evidence, Query
from vitrail.search.searcher import Searcher

E1 = np.array([[1, 0]], np.float32)


def scattered(count: int, seed: int = 0, dim: int = 16) -> Floats:
    """Unit rows in all directions."""
    return unit(np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32))


def near(row: Floats, count: int, distance: float, seed: int = 0) -> Floats:
    """Unit rows around one: the same picture again but for details."""
    noise = np.random.default_rng(seed).normal(size=(count, row.shape[-1]))
    return unit((row + distance * noise).astype(np.float32))


def asked(
    rows: Floats,
    collection: FakeCollection,
    *,
    background: dict[str, Floats] | None = None,
    **options: Unpack[SearchKeywords],
) -> Evidence:
    query = Query({"a": rows}, {"a": 1.0}, SearchOptions(**options), background=background)
    return Searcher(collection).search(query).evidence


@pytest.fixture
def collection() -> FakeCollection:
    return FakeCollection(a=BruteIndex(range(0, 1000, 2), scattered(500)))


def test_one_picture_has_no_evidence(collection: FakeCollection) -> None:
    assert asked(scattered(1, 7), collection) == Evidence()


def test_copies_agree_without_telling_anything(collection: FakeCollection) -> None:
    row = scattered(1, 7)
    copies = asked(np.repeat(row, 4, axis=0), collection)
    assert copies.overlap == 1.0
    assert copies.spread == pytest.approx(0, abs=1e-6)
    assert copies.agreement == pytest.approx(0, abs=1e-6)
    alike = asked(near(row, 4, 0.01), collection)
    assert alike.overlap is not None
    assert alike.agreement is not None
    assert alike.overlap > 0.8
    assert alike.agreement < 0.05


def test_pictures_that_differ_as_images_do_agree_as_far_as_they_share_hits() -> None:
    rows = unit(np.array([[1, 0], [0, 1]], np.float32))
    evidence = asked(rows, FakeCollection(a=BruteIndex([1, 2], rows)), k=2)
    assert evidence == replace(Evidence(), overlap=1.0, spread=1.0, agreement=1.0)
    apart = asked(rows, FakeCollection(a=BruteIndex([1, 2], rows)), k=1)
    assert (apart.overlap, apart.agreement) == (0.0, 0.0)


def test_a_collection_of_copies_has_no_usual_distance() -> None:
    copies = FakeCollection(a=BruteIndex([1, 2, 3], np.repeat(E1, 3, axis=0)))
    evidence = asked(np.repeat(E1, 2, axis=0), copies)
    assert (evidence.overlap, evidence.spread, evidence.agreement) == (1.0, None, None)


def test_hits_are_compared_with_those_of_unrelated_rows(collection: FakeCollection) -> None:
    background = {"a": scattered(32, 1)}
    rows = collection.index("a").rows
    found = asked(near(rows[3], 4, 0.01), collection, background=background)
    assert (found.nearer_than, found.background, found.verdict) == (32, 32, "good")
    assert found.nearness == pytest.approx(1, abs=0.01)
    assert found.inside is not None
    assert found.inside > 0.95
    axis = scattered(1, 2)
    narrow = FakeCollection(a=BruteIndex(range(200), near(axis, 200, 0.1)))
    lost = asked(-axis, narrow, background=background)
    assert (lost.nearer_than, lost.inside, lost.verdict) == (0, 0.0, "noise")


def test_what_is_asked_for_does_not_change_the_evidence(collection: FakeCollection) -> None:
    rows, background = near(scattered(1, 7), 2, 0.3), {"a": scattered(20, 1)}
    plain = asked(rows, collection, background=background)
    assert plain.nearness is not None
    # no hit is left, and still it is told how near the nearest was
    strict = asked(rows, collection, background=background, min_score=1.0, exact=True)
    for name in ("spread", "nearness", "inside", "nearer_than", "verdict"):
        assert getattr(strict, name) == getattr(plain, name)


def test_a_filter_is_compared_within(collection: FakeCollection) -> None:
    rows = collection.index("a").rows
    background = {"a": scattered(32, 1)}
    without = asked(
        near(rows[3], 2, 0.01), collection, where="10,20,30,40,50", background=background
    )
    assert without.nearness is not None
    assert without.nearness < 0.9  # the image itself, 6, does not pass
    alone = asked(near(rows[3], 2, 0.01), collection, where="6", background=background)
    assert (alone.inside, alone.verdict) == (None, "good")


def test_an_empty_collection_vouches_for_nothing() -> None:
    empty = FakeCollection(a=BruteIndex([], np.zeros((0, 16), np.float32)))
    evidence = asked(scattered(2, 7), empty, background={"a": scattered(32, 1)})
    assert evidence.verdict is None


def test_spaces_are_weighted_as_in_the_hits() -> None:
    rows = {"a": np.array([[1, 0], [0, 1]], np.float32), "b": np.repeat(E1, 2, axis=0)}
    assert mean_distance(rows, {"a": 0.75, "b": 0.25}) == pytest.approx(0.75)
    assert mean_distance({"a": E1}, {"a": 1.0}) is None


def test_a_background_of_other_spaces_is_refused() -> None:
    with pytest.raises(InputError, match="background has no vectors for space a"):
        Query({"a": E1}, {"a": 1.0}, background={"b": E1})


def test_verdicts_by_hand() -> None:
    assert verdict(0, 0) is None
    assert [verdict(n, 32) for n in (32, 31, 25, 24, 0)] == [
        *("good", "doubtful", "doubtful", "noise", "noise")
    ]
    # too few to be sure of anything
    assert [verdict(n, n) for n in (19, 18, 3, 2)] == ["good", "doubtful", "doubtful", "noise"]


@given(st.integers(1, 100), st.data())
def test_to_be_nearer_is_never_worse(background: int, data: st.DataObject) -> None:
    order = ("noise", "doubtful", "good")
    one, other = sorted(data.draw(st.integers(0, background)) for _ in range(2))
    ranks = [order.index(verdict(n, background) or "") for n in (one, other)]
    assert ranks[0] <= ranks[1]


def test_chance_is_seldom_vouched_for(collection: FakeCollection) -> None:
    verdicts = [
        asked(scattered(1, 100 + i), collection, background={"a": scattered(32, i)}).verdict
        for i in range(60)
    ]
    assert verdicts.count("good") <= 6
    assert verdicts.count("noise") >= 36
