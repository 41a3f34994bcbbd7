"""Several examples as one question, for and against, held to a scan that scores everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import BruteIndex, FakeCollection, Floats, unit
from vitrail.indexer.errors import InputError
from vitrail.search.options import Fusion, SearchOptions
from vitrail.search.query import Query, SearchResult
from vitrail.search.recommending import PENALTY, best_scores, query_row
from vitrail.search.searcher import Searcher

SEEDS = st.integers(0, 2**32 - 1)


def draw(random: np.random.Generator, n: int, dim: int = 4) -> Floats:
    return unit(random.normal(size=(n, dim)).astype(np.float32))


class Scene:
    """A collection of two spaces, and rows to ask it with."""

    def __init__(self, seed: int, size: int = 60, positives: int = 2, negatives: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.rows = {space: draw(random, size) for space in "ab"}
        self.asked = {space: draw(random, positives) for space in "ab"}
        self.unlike = {space: draw(random, negatives) for space in "ab"}
        self.weights = {"a": 0.3, "b": 0.7}
        self.ids = np.arange(size) * 3

    def collection(self, *, exact: bool = True) -> FakeCollection:
        return FakeCollection(
            **{s: BruteIndex(self.ids.tolist(), rows, exact=exact) for s, rows in self.rows.items()}
        )

    def ask(
        self, fusion: Fusion | None, k: int, *, unlike: bool = True, exact: bool = True
    ) -> SearchResult:
        options = SearchOptions(k=k, fusion=fusion)
        query = Query(self.asked, self.weights, options, negatives=self.unlike if unlike else {})
        return Searcher(self.collection(exact=exact)).search(query)

    def totals(self, rows: dict[str, Floats]) -> Floats:
        """(m, n) weighted cosines of each row with each image."""
        total: Floats = sum(self.weights[s] * (rows[s] @ self.rows[s].T) for s in "ab")  # type: ignore[assignment]
        return total


def scores(result: SearchResult) -> list[float]:
    return [hit.score for hit in result.hits]


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 200), st.integers(1, 4), st.integers(0, 3), st.integers(1, 12))
def test_best_score_equals_a_scan_of_everything(
    seed: int, size: int, positives: int, negatives: int, k: int
) -> None:
    scene = Scene(seed, size, positives, max(negatives, 1))
    result = scene.ask("best-score", k, unlike=negatives > 0)
    best = scene.totals(scene.asked).max(axis=0)
    if negatives:
        nearer = scene.totals(scene.unlike).max(axis=0) > best
        best = np.where(nearer, best - PENALTY, best)
    assert scores(result) == pytest.approx(np.sort(best)[::-1][:k].tolist(), abs=1e-5)
    assert result.exact
    for hit in result.hits:
        own = sum(scene.weights[space] * score for space, score in hit.scores.items())
        assert own == pytest.approx(hit.score if hit.score >= -1 else hit.score + 2, abs=1e-5)


def test_best_score_looks_behind_all_images_that_are_nearer_to_a_negative() -> None:
    """Of 400 images the 150 nearest to the query are nearer to what hits shall not be like."""
    random = np.random.default_rng(0)
    away = np.concatenate([np.linspace(0.1, 0.2, 150), -np.linspace(0.3, 0.9, 250)])
    noise = 0.01 * random.normal(size=400)
    images = unit(np.stack([np.ones(400), away, noise], 1).astype(np.float32))
    asked, unlike = unit(np.eye(1, 3, dtype=np.float32)), unit(np.array([[1, 0.1, 0]], np.float32))
    collection = FakeCollection(a=BruteIndex([*range(400)], images))
    options = SearchOptions(k=5, fusion="best-score")
    query = Query({"a": asked}, {"a": 1.0}, options, negatives={"a": unlike})
    result = Searcher(collection).search(query)
    assert result.exact
    assert [hit.id for hit in result.hits] == [150, 151, 152, 153, 154]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_positives_alone_equal_the_mean_query(seed: int, positives: int) -> None:
    scene = Scene(seed, positives=positives)
    result = scene.ask(None, 7, unlike=False)
    mean = scene.totals(scene.asked).mean(axis=0)
    assert scores(result) == pytest.approx(np.sort(mean)[::-1][:7].tolist(), abs=1e-5)
    alone = {space: rows.mean(axis=0, keepdims=True) for space, rows in scene.asked.items()}
    one = Searcher(scene.collection()).search(Query(alone, scene.weights, SearchOptions(k=7)))
    assert [hit.id for hit in one.hits] == [hit.id for hit in result.hits]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 12))
def test_a_negative_far_from_all_changes_nothing_by_best_score(seed: int, k: int) -> None:
    scene = Scene(seed, positives=1)
    # the opposite of the query: whatever is nearer to it than to the query itself is in the way
    scene.unlike = {space: -rows for space, rows in scene.asked.items()}
    near = scene.totals(scene.asked)[0] > 0
    scene.rows = {space: rows[near] for space, rows in scene.rows.items()}
    scene.ids = scene.ids[near]
    if near.any():
        with_it, without = scene.ask("best-score", k), scene.ask("best-score", k, unlike=False)
        assert [(hit.id, hit.score) for hit in with_it.hits] == [
            (hit.id, hit.score) for hit in without.hits
        ]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_a_moved_query_turns_away_and_keeps_its_length(
    seed: int, positives: int, negatives: int
) -> None:
    random = np.random.default_rng(seed)
    asked, unlike = draw(random, positives), draw(random, negatives)
    mean, away = asked.mean(axis=0), unlike.mean(axis=0)
    row = query_row(asked, unlike)[0]
    assert np.linalg.norm(row) == pytest.approx(np.linalg.norm(mean), rel=1e-4)
    own = np.dot(row, away) / np.linalg.norm(row)
    assert own <= np.dot(mean, away) / np.linalg.norm(mean) + 1e-5
    assert query_row(asked, asked)[0] == pytest.approx(mean, abs=1e-6)


def test_images_nearer_to_a_negative_come_after_all_others() -> None:
    total, nearest = best_scores(
        [np.array([0.9, 0.2, -0.9], np.float32), np.array([0.5, 0.4, -0.8], np.float32)],
        [np.array([0.1, 0.95, -1.0], np.float32)],
    )
    assert total.tolist() == pytest.approx([0.9, 0.4 - 2, -0.8])
    assert nearest.tolist() == [0, 1, 1]


def test_an_approximate_index_is_never_called_exact() -> None:
    scene = Scene(3, size=500)
    for fusion in ("mean", "best-score"):
        result = scene.ask(fusion, 5, exact=False)
        assert not result.exact
        assert result.estimated_recall == 0.9


def test_for_and_against_the_same_image_is_refused() -> None:
    scene = Scene(1, positives=3, negatives=2)
    for space in "ab":
        scene.unlike[space][1] = scene.asked[space][2]
    with pytest.raises(InputError, match=r"^negative 2 is the same image as positive 3, .*leave"):
        scene.ask("best-score", 3)


def test_negatives_that_cancel_the_mean_are_refused() -> None:
    cosine = 0.5
    rows = np.array([[cosine, 3**0.5 / 2], [cosine, -(3**0.5) / 2]], np.float32)
    unlike = np.array([[1, 0]], np.float32)
    collection = FakeCollection(a=BruteIndex([1], unit(np.array([[1, 1]], np.float32))))
    query = Query({"a": rows}, {"a": 1.0}, negatives={"a": unlike})
    with pytest.raises(InputError, match=r"cancel the positive ones out; .* best-score"):
        Searcher(collection).search(query)
    best = SearchOptions(fusion="best-score")
    query = Query({"a": rows}, {"a": 1.0}, best, negatives={"a": unlike})
    assert len(Searcher(collection).search(query).hits) == 1


def test_ranks_have_no_place_for_negatives() -> None:
    with pytest.raises(InputError, match="rrf counts ranks"):
        Scene(1).ask("rrf", 3)
    scene = Scene(1)
    with pytest.raises(InputError, match="the negatives have no vectors for space b"):
        Query(scene.asked, scene.weights, negatives={"a": scene.unlike["a"]})


def test_a_threshold_and_a_filter_hold_for_best_score() -> None:
    scene = Scene(5)
    allowed = ",".join(map(str, scene.ids[::2].tolist()))
    options = SearchOptions(k=50, fusion="best-score", min_score=0.2, where=allowed)
    query = Query(scene.asked, scene.weights, options, frozenset({0, 6}), negatives=scene.unlike)
    result = Searcher(scene.collection()).search(query)
    best = scene.totals(scene.asked).max(axis=0)
    kept = (best >= 0.2) & (scene.totals(scene.unlike).max(axis=0) <= best)
    expected = {i for i in scene.ids[kept].tolist() if i % 2 == 0} - {0, 6}
    assert {hit.id for hit in result.hits} == expected
