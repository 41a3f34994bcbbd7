"""Pages joined are one long answer, whatever comes and goes between them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import BruteIndex, FakeCollection, Floats, unit
from vitrail.indexer.errors import InputError
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.policy import IndexPolicy
from vitrail.search import paging
from vitrail.search.options import Only, SearchOptions
from vitrail.search.paging import Cursor
from vitrail.search.query import Query, SearchResult
from vitrail.search.searcher import Searcher

SEEDS = st.integers(0, 2**32 - 1)


def draw(random: np.random.Generator, n: int, *, copies: bool = True) -> Floats:
    """Unit rows, many of them twice or more, so that scores tie."""
    rows = unit(random.normal(size=(n, 4)).astype(np.float32))
    return rows[random.integers(0, max(1, n // 2), n)] if copies else rows


def holding(ids: list[int], rows: dict[str, Floats]) -> FakeCollection:
    order = np.argsort(ids)
    return FakeCollection(
        **{s: BruteIndex(np.array(ids)[order].tolist(), own[order]) for s, own in rows.items()}
    )


def ids_of(result: SearchResult) -> list[int]:
    return [hit.id for hit in result.hits]


@settings(max_examples=80, deadline=None)
@given(
    SEEDS,
    st.integers(0, 60),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from([None, "best-score"]),
    st.booleans(),
)
def test_pages_joined_are_the_long_answer_while_images_come_and_go(
    seed: int, size: int, pages: list[int], fusion: Any, two: bool
) -> None:
    random = np.random.default_rng(seed)
    spaces = "ab" if two else "a"
    ids = random.permutation(1000)[:size].tolist()
    rows = {space: draw(random, size) for space in spaces}
    query = Query(
        {space: draw(random, 2, copies=False) for space in spaces},
        dict.fromkeys(spaces, 1 / len(spaces)),
        SearchOptions(k=max(size, 1), fusion=fusion),
        negatives={space: draw(random, 1, copies=False) for space in spaces},
    )
    long = ids_of(Searcher(holding(ids, rows)).search(query))
    joined: list[int] = []
    cursor, turn, gone = None, 0, set[int]()
    while turn == 0 or cursor is not None:
        options = replace(query.options, k=pages[turn % len(pages)], after=cursor)
        page = Searcher(holding(ids, rows)).search(replace(query, options=options))
        assert len(page.hits) <= options.k
        joined += ids_of(page)
        cursor, turn = page.next, turn + 1
        # another process adds some, perhaps nearer than all, and takes out one that was shown
        come = int(random.integers(0, 4))
        ids += [2000 * turn + i for i in range(come)]
        rows = {s: np.concatenate([own, draw(random, come)]) for s, own in rows.items()}
        if joined and random.random() < 0.3 and joined[-1] in ids:
            at = ids.index(joined[-1])
            gone.add(ids.pop(at))
            rows = {s: np.delete(own, at, axis=0) for s, own in rows.items()}
        assert turn < 500
    assert len(set(joined)) == len(joined), "nothing is shown twice"
    assert [one for one in joined if one < 1000] == long


def test_an_approximate_index_shows_nothing_twice_and_ends() -> None:
    random = np.random.default_rng(5)
    rows = unit(random.normal(size=(3000, 16)).astype(np.float32))
    policy = IndexPolicy(exact_floats=100, cold_floats=0, gather_rows=50)
    index = VectorIndex.create(16, policy=policy).with_rows(np.arange(3000), rows).built()
    assert index.kind != "exact"
    collection = FakeCollection(a=BruteIndex(range(3000), rows))
    collection.indexes["a"] = index  # type: ignore[assignment]
    query = Query({"a": rows[:1]}, {"a": 1.0}, SearchOptions(k=70))
    seen: list[int] = []
    cursor = None
    while not seen or cursor is not None:
        options = replace(query.options, after=cursor)
        page = Searcher(collection).search(replace(query, options=options))
        seen += ids_of(page)
        cursor = page.next
    assert len(seen) == len(set(seen))
    assert len(seen) > 0.95 * 3000


def cursor_of(query: Query, collection: FakeCollection) -> str:
    found = Searcher(collection).search(query).next
    assert found is not None
    return found


def test_a_cursor_of_another_question_is_refused() -> None:
    random = np.random.default_rng(1)
    collection = holding(list(range(30)), {"a": draw(random, 30)})
    query = Query({"a": draw(random, 1)}, {"a": 1.0}, SearchOptions(k=3))
    cursor = cursor_of(query, collection)
    others: list[Query] = [
        replace(query, vectors={"a": draw(random, 1)}),
        replace(query, options=replace(query.options, min_score=-1.0)),
        replace(query, options=replace(query.options, where="1,2,3,4,5")),
        replace(query, exclude=frozenset({1})),
        replace(query, negatives={"a": draw(random, 1)}),
    ]
    for other in others:
        with pytest.raises(InputError, match=f"cursor {cursor} is of another.*fitted anew"):
            Searcher(collection).search(
                replace(other, options=replace(other.options, after=cursor))
            )
    fewer = replace(query, options=replace(query.options, k=1, after=cursor))
    assert len(Searcher(collection).search(fewer).hits) == 1


@given(st.text(max_size=60), st.integers(0, 45), st.characters(codec="ascii"))
def test_what_is_no_cursor_is_refused(text: str, place: int, letter: str) -> None:
    query = Query({"a": np.array([[1, 0]], np.float32)}, {"a": 1.0})
    genuine = str(Cursor(b"12345678", 0.5, 7, 3))
    torn = genuine[: place % len(genuine)] + letter + genuine[place % len(genuine) + 1 :]
    for wrong in {text, torn, genuine[:-1], genuine + "A"} - {genuine}:
        with pytest.raises(InputError, match=r"no cursor|another query"):
            Cursor.read(wrong, query)


def test_a_cursor_is_of_the_query_as_it_was_asked_whenever_somebody_looks() -> None:
    random = np.random.default_rng(3)
    searcher = Searcher(holding([*range(9)], {"a": draw(random, 9, copies=False)}))
    vectors, negatives = draw(random, 2, copies=False), draw(random, 1, copies=False)
    left_out, weights = {7}, {"a": 1.0}
    query = Query(
        {"a": vectors},
        weights,
        SearchOptions(k=4),
        left_out,  # type: ignore[arg-type]  # as anybody may who does not check types
        negatives={"a": negatives},
    )
    looked_at, later = searcher.search(query), searcher.search(query)
    told, same = looked_at.next, paging.digest(query)
    vectors[:], negatives[:] = vectors[::-1].copy(), -negatives
    left_out.add(8)
    weights["a"] = 0.5
    assert paging.digest(query) != same
    assert told is not None
    assert later.next == later.next == told
    assert replace(looked_at, seconds={}) == replace(later, seconds={})
    assert pickle.loads(pickle.dumps(looked_at)).next == told
    assert searcher.search(replace(query, options=SearchOptions(k=9))).next is None


def test_a_cursor_that_nobody_looks_at_is_not_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = draw(np.random.default_rng(3), 9, copies=False)
    searcher = Searcher(holding([*range(9)], {"a": rows}))
    monkeypatch.setattr(paging, "_digest", None)
    result = searcher.search(Query({"a": rows[:1]}, {"a": 1.0}, SearchOptions(k=4)))
    assert [len(result.hits), result.exact] == [4, True]
    with pytest.raises(TypeError, match="not callable"):
        _ = result.next
    assert not hasattr(result, "after")


def test_many_questions_have_no_pages() -> None:
    query = Query({"a": np.eye(2, dtype=np.float32)}, {"a": 1.0}, SearchOptions(after="x"))
    with pytest.raises(InputError, match="of one query"):
        Searcher(holding([1], {"a": np.eye(2, dtype=np.float32)[:1]})).search_each(query)


@given(
    options=st.builds(
        SearchOptions,
        k=st.integers(1, 99),
        spaces=st.none() | st.dictionaries(st.text(max_size=3), st.floats(0.1, 9), max_size=2),
        min_score=st.none() | st.floats(-1, 1),
        where=st.none() | st.text(max_size=9),
        only=st.sampled_from(get_args(Only)),
        exact=st.booleans(),
        after=st.none() | st.text(max_size=9),
    )
)
def test_cursors_know_a_query_by_its_options_as_they_always_did(options: SearchOptions) -> None:
    alike = replace(options, k=1, spaces=None, after=None)
    assert paging._told(options) == repr(alike)


def test_a_cursor_that_was_given_long_ago_is_taken() -> None:
    rows = np.array([[0.5, -0.5, 0.5, 0.5]], np.float32)
    options = SearchOptions(k=3, min_score=-0.5, where="width > 5", spaces={"a": 1.0})
    query = Query({"a": rows}, {"a": 1.0}, options, exclude=frozenset({9, 2}))
    assert paging.digest(query).hex() == "84912b83f43b5bc6"
