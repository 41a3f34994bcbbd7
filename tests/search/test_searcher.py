from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.search.fakes import BruteIndex, FakeCollection, Floats, unit
from vitrail.indexer.errors import InputError
from vitrail.search.options import Fusion, SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

E1 = np.array([[1, 0]], np.float32)


def compass() -> FakeCollection:
    """Ids 10, 20, 30, 40 point east, north-east, north and west."""
    rows = unit(np.array([[1, 0], [1, 1], [0, 1], [-1, 0]], np.float32))
    return FakeCollection(a=BruteIndex([10, 20, 30, 40], rows))


def test_hits_are_ranked_by_cosine_with_metadata() -> None:
    result = Searcher(compass()).search(Query({"a": E1}, {"a": 1.0}, SearchOptions(k=3)))
    assert [hit.id for hit in result.hits] == [10, 20, 30]
    assert [hit.score for hit in result.hits] == pytest.approx([1, 2**-0.5, 0], abs=1e-6)
    assert result.hits[0].paths == ("/pictures/10.png",)
    assert result.exact
    assert result.estimated_recall == 1.0
    assert result.agreement is None


def test_threshold_exclusion_and_filter() -> None:
    searcher = Searcher(compass())
    above = searcher.search(Query({"a": E1}, {"a": 1.0}, SearchOptions(min_score=0.5)))
    assert [hit.id for hit in above.hits] == [10, 20]
    without_self = searcher.search(
        Query({"a": E1}, {"a": 1.0}, SearchOptions(k=2), exclude=frozenset({10}))
    )
    assert [hit.id for hit in without_self.hits] == [20, 30]
    filtered = searcher.search(Query({"a": E1}, {"a": 1.0}, SearchOptions(where="30,40")))
    assert [hit.id for hit in filtered.hits] == [30, 40]
    assert filtered.allowed == 2


def test_several_rows_average_their_cosines() -> None:
    rows = unit(np.array([[1, 0], [0, 1]], np.float32))
    result = Searcher(compass()).search(Query({"a": rows}, {"a": 1.0}, SearchOptions(k=2)))
    assert result.hits[0].id == 20
    assert result.hits[0].score == pytest.approx(2**-0.5)
    assert result.hits[0].seed_ranks == (2, 2)
    assert result.hits[1].score == pytest.approx(0.5)


def test_reciprocal_ranks_decide_the_fused_order() -> None:
    rows = unit(np.array([[1, 0], [0, 1]], np.float32))
    result = Searcher(compass()).search(
        Query({"a": rows}, {"a": 1.0}, SearchOptions(k=4, fusion="rrf"))
    )
    # 1/61 + 1/63 for 10 and 30 beats 2/62 for 20
    assert [hit.id for hit in result.hits] == [10, 30, 20, 40]
    assert result.evidence.overlap == 1.0  # the top 4 of 4 are the same set


def test_an_approximate_index_is_said_to_be_so() -> None:
    index = BruteIndex([1, 2], unit(np.eye(2, dtype=np.float32)), exact=False)
    searcher = Searcher(FakeCollection(a=index))
    assert not searcher.search(Query({"a": E1}, {"a": 1.0})).exact
    assert searcher.search(Query({"a": E1}, {"a": 1.0}, SearchOptions(exact=True))).exact


def test_vectors_that_cancel_are_refused() -> None:
    rows = np.array([[1, 0], [-1, 0]], np.float32)
    with pytest.raises(InputError, match="cancel out"):
        Searcher(compass()).search(Query({"a": rows}, {"a": 1.0}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {}}, "no embedding space"),
        ({"weights": {"b": 1.0}}, "no vectors for space b"),
    ],
)
def test_unusable_queries_name_the_problem(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"vectors": {"a": E1}, "weights": {"a": 1.0}} | changes
    with pytest.raises(InputError, match=message):
        Query(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"k": 0}, "at least 1"), ({"min_score": 1.5}, "between -1 and 1")],
)
def test_unusable_options_name_the_problem(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SearchOptions(**options)


@settings(max_examples=examples(60), deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 400),
    k=st.integers(1, 20),
    weight=st.floats(0.05, 0.95),
)
def test_weighted_spaces_equal_a_full_scan(seed: int, size: int, k: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = (unit(rng.normal(size=(size, 4)).astype(np.float32)) for _ in range(2))
    collection = FakeCollection(a=BruteIndex(range(size), a), b=BruteIndex(range(size), b))
    qa, qb = (unit(rng.normal(size=(1, 4)).astype(np.float32)) for _ in range(2))
    weights = {"a": weight, "b": 1 - weight}
    result = Searcher(collection).search(Query({"a": qa, "b": qb}, weights, SearchOptions(k=k)))
    full: Floats = weight * (a @ qa[0]) + (1 - weight) * (b @ qb[0])
    expected = np.sort(full)[::-1][:k]
    assert [hit.score for hit in result.hits] == pytest.approx(expected.tolist(), abs=1e-5)
    assert result.exact


def test_many_spaces_stop_before_scanning_everything() -> None:
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(5000, 8)).astype(np.float32))
    a, b = BruteIndex(range(5000), rows), BruteIndex(range(5000), rows)
    query = Query({"a": rows[:1], "b": rows[:1]}, {"a": 0.5, "b": 0.5}, SearchOptions(k=5))
    Searcher(FakeCollection(a=a, b=b)).search(query)
    assert max(a.depths) < 5000


def near_copies(random: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """A row, and others as long as rounding leaves some: of products with it that surpass 1."""
    row = unit(random.normal(size=(1, 64)).astype(np.float32))
    longer = 1 + random.integers(4, 12, size=(count, 1)) * np.finfo(np.float32).eps
    near = (row * longer).astype(np.float32)
    products = np.vecdot(near, row[0])
    assert products.min() > 1
    assert len(np.unique(products)) > 1
    return row, near


@pytest.mark.parametrize("fusion", ["mean", "rrf", "best-score"])
@pytest.mark.parametrize("spaces", ["a", "abc"])
def test_no_copy_scores_above_1_and_copies_come_by_their_ids(fusion: Fusion, spaces: str) -> None:
    random = np.random.default_rng(4)
    made = {space: near_copies(random, 30) for space in spaces}
    away = unit(random.normal(size=(20, 64)).astype(np.float32))
    collection = FakeCollection(
        **{s: BruteIndex(range(50), np.concatenate([near, away])) for s, (_, near) in made.items()}
    )
    weights = {"a": 1.0} if spaces == "a" else {"a": 0.6, "b": 0.3, "c": 0.1}
    for times in (1, 2):
        asked = {space: np.repeat(row, times, axis=0) for space, (row, _) in made.items()}
        options = SearchOptions(k=25, fusion=fusion)
        result = Searcher(collection).search(Query(asked, weights, options))
        assert [hit.id for hit in result.hits] == [*range(25)]
        assert len({hit.score for hit in result.hits}) == 1
        assert all(max(hit.score, *hit.scores.values()) <= 1 for hit in result.hits)


def test_threads_share_a_searcher() -> None:
    rng = np.random.default_rng(1)
    rows = unit(rng.normal(size=(300, 4)).astype(np.float32))
    searcher = Searcher(
        FakeCollection(a=BruteIndex(range(300), rows), b=BruteIndex([*range(300)], rows))
    )
    weights = {"a": 0.3, "b": 0.7}
    queries = [
        Query(
            {"a": rows[i : i + 2], "b": rows[i : i + 2]},
            weights,
            SearchOptions(k=3),
            exclude=frozenset({i}),
        )
        for i in range(40)
    ]
    alone = [[hit.id for hit in searcher.search(query).hits] for query in queries]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(searcher.search, queries))
    assert [[hit.id for hit in result.hits] for result in together] == alone
    assert all(i not in ids for i, ids in enumerate(alone))


def test_a_threshold_holds_for_fused_ranks_too() -> None:
    rows = unit(np.array([[1, 0], [0, 1]], np.float32))
    query = Query({"a": rows}, {"a": 1.0}, SearchOptions(k=4, fusion="rrf", min_score=0.6))
    assert [hit.id for hit in Searcher(compass()).search(query).hits] == [20]


def draw(random: np.random.Generator, n: int, dim: int) -> Floats:
    return unit(random.normal(size=(n, dim)).astype(np.float32))


@settings(max_examples=examples(60))
@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([None, "1,3,5,8,13"]),
    st.sampled_from([None, 0.3]),
)
def test_each_row_of_many_is_answered_as_if_alone(
    rows: int, k: int, seed: int, two: bool, where: str | None, least: float | None
) -> None:
    random = np.random.default_rng(seed)
    spaces = ["a", "b"] if two else ["a"]
    ids = list(range(20))
    collection = FakeCollection(**{s: BruteIndex(ids, draw(random, 20, 3)) for s in spaces})
    vectors = {space: draw(random, rows, 3) for space in spaces}
    weights = dict.fromkeys(spaces, 1 / len(spaces))
    options, exclude = SearchOptions(k=k, where=where, min_score=least), frozenset({3, 4})
    searcher = Searcher(collection)
    own = tuple(None if i % 3 == 1 else int(random.integers(20)) for i in range(rows))
    many = searcher.search_each(Query(vectors, weights, options, exclude, own=own))
    assert len(many) == rows
    for i, answer in enumerate(many):
        one = {space: vectors[space][i : i + 1] for space in spaces}
        left_out = exclude | {image for image in own[i : i + 1] if image is not None}
        alone = searcher.search(Query(one, weights, options, left_out))
        assert [hit.id for hit in answer.hits] == [hit.id for hit in alone.hits]
        assert [hit.score for hit in answer.hits] == pytest.approx(
            [hit.score for hit in alone.hits], abs=1e-6
        )
        assert (answer.exact, answer.allowed) == (alone.exact, alone.allowed)
        assert answer.agreement is None


def test_one_space_is_read_once_for_many_rows() -> None:
    collection = compass()
    rows = draw(np.random.default_rng(1), 50, 2)
    answers = Searcher(collection).search_each(Query({"a": rows}, {"a": 1.0}, SearchOptions(k=2)))
    assert len(answers) == 50
    assert collection.indexes["a"].depths == [2]


def test_several_spaces_are_each_read_once_for_many_rows() -> None:
    random = np.random.default_rng(2)
    collection = FakeCollection(
        **{space: BruteIndex(range(40), draw(random, 40, 3)) for space in "ab"}
    )
    rows = {space: draw(random, 30, 3) for space in "ab"}
    Searcher(collection).search_each(Query(rows, {"a": 0.5, "b": 0.5}, SearchOptions(k=2)))
    assert [len(collection.indexes[space].depths) for space in "ab"] == [1, 1]


def test_no_index_makes_room_for_more_hits_than_it_can_have() -> None:
    collection = compass()
    both = np.concatenate([E1, E1])
    many = SearchOptions(k=10**30)
    for rows in (E1, both):
        assert len(Searcher(collection).search(Query({"a": rows}, {"a": 1.0}, many)).hits) == 4
    each = Searcher(collection).search_each(Query({"a": both}, {"a": 1.0}, many))
    assert [len(result.hits) for result in each] == [4, 4]
    assert max(collection.indexes["a"].depths) <= 4
