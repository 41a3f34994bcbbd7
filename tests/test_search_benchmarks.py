"""What the search benchmarks judge by: true neighbours, cases, curves, results that join."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from benchmarks import filtered, report, runs, search, truth, vectors
from benchmarks.filter_cases import KINDS, cases
from benchmarks.filtered_engines import ENGINES, Found
from benchmarks.search_page import at_recall, frontier
from benchmarks.truth import Best, cached_nearest, nearest, recall_of
from tests.indexer.vectors.vector_sets import clustered, reference
from vitrail.indexer.vectors.one_thread import product_threads

ROWS, QUERIES = clustered(700, 12).astype(np.float16), clustered(30, 12, seed=1)


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(vectors, "_BLOCK", 64)


def test_the_nearest_are_those_of_a_comparison_of_all_block_by_block() -> None:
    true = reference(np.arange(700), vectors.unit(ROWS), QUERIES, 9)
    np.testing.assert_array_equal(nearest(ROWS, QUERIES, 9), true)
    for _ in range(2):  # computed, and read
        np.testing.assert_array_equal(cached_nearest(ROWS, QUERIES, 9), true)
    other = cached_nearest(ROWS[:300], QUERIES, 9)
    assert other.max() < 300


def test_where_there_are_fewer_the_rest_is_none_and_counts_for_nothing() -> None:
    best = Best(QUERIES, 5)
    best.add(np.array([], np.int64), np.empty((0, 12), np.float32))
    best.add(np.array([40]), vectors.unit(ROWS[40:41]))
    best.add(np.array([3, 8]), vectors.unit(ROWS[[3, 8]]))
    assert (best.ids[:, 3:] == -1).all()
    assert {*best.ids[:, :3].ravel().tolist()} == {3, 8, 40}
    assert recall_of(np.array([[3, -1, 9]]), np.array([[3, 8, -1]])) == 0.5


def test_filters_let_through_what_they_say_and_are_asked_from_within_and_from_far() -> None:
    pool = clustered(600, 12, seed=2)
    asked = cases(ROWS, pool, (0.5, 0.1, 0.001), 2, 10, 4)
    again = cases(ROWS, pool, (0.5, 0.1, 0.001), 2, 10, 4)
    assert [case.kind for case in asked] == [kind for kind in KINDS for _ in range(6)]
    near: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for case, same in zip(asked, again, strict=True):
        assert len(case.allowed) == max(1, round(case.share * 700))
        assert (np.diff(case.allowed) > 0).all()
        own = vectors.unit(ROWS[case.allowed])
        true = reference(case.allowed, own, case.queries, min(4, len(case.allowed)))
        np.testing.assert_array_equal(case.truth[:, : true.shape[1]], true)
        np.testing.assert_array_equal(case.truth, same.truth)
        assert (case.truth[:, true.shape[1] :] == -1).all()
        near[case.kind].append(float((case.queries @ own.T).max(axis=1).mean()))
    for kind in KINDS[1:]:
        assert len({case.name for case in asked if case.kind == kind}) == 6
    assert np.mean(near["correlated"]) > np.mean(near["random"]) > np.mean(near["anti-correlated"])


def point(recall: float, p50: float) -> dict[str, Any]:
    return {"recall": recall, "p50": p50}


def test_a_curve_is_read_where_it_crosses_the_recall() -> None:
    points = [point(0.99, 4.0), point(0.9, 1.0), point(0.95, 9.0), point(0.5, 0.5)]
    assert frontier(points) == [point(0.5, 0.5), point(0.9, 1.0), point(0.99, 4.0)]
    assert at_recall(points, 0.9) == pytest.approx(1)
    assert at_recall(points, 0.99) == pytest.approx(4)
    between = at_recall(points, 1 - 0.1 / 10**0.5)
    assert between == pytest.approx(2), "half of the way, by logarithms"
    assert at_recall(points, 0.995) is None
    assert at_recall([point(1.0, 3.0)], 0.985) == pytest.approx(3)


def test_results_join_those_of_earlier_runs_that_were_measured_alike(tmp_path: Path) -> None:
    def of(engine: str, size: int, value: int) -> dict[str, Any]:
        return {"engine": engine, "size": size, "dim": 3, "machine": {}, "value": value}

    file = tmp_path / "search.json"
    content = runs.earlier(file, {"recall": 0.9})
    assert content == {"recall": 0.9, "results": [], "left_out": {}}
    for new in (of("b", 10, 1), of("a", 20, 2), of("a", 10, 3), of("b", 10, 4)):
        content["results"] = runs.merged(content["results"], new, ["a", "b"])
    assert [one["value"] for one in content["results"]] == [3, 4, 2]
    file.write_text(json.dumps(content))
    assert runs.earlier(file, {"recall": 0.9}) == content


def test_results_that_were_measured_otherwise_are_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    about = {"recall": 0.9, "seed": 0}

    def refused(content: dict[str, Any]) -> str:
        file.write_text(json.dumps(content))
        with pytest.raises(
            SystemExit, match=r"^[^\n]*search\.json[^\n]*--results[^\n]*$"
        ) as raised:
            runs.earlier(file, about)
        assert json.loads(file.read_text()) == content
        return str(raised.value)

    results = [{"engine": "a", "machine": {}}]
    assert "recall is 0.8 there and 0.9 here;" in refused(
        {**about, "recall": 0.8, "results": results}
    )
    assert "seed is not told there and 0 here;" in refused({"recall": 0.9, "results": results})
    assert "earlier form" in refused({**about, "results": [*results, {"engine": "b"}]})
    file.write_text(json.dumps({"recall": 0.8, "results": []}))
    assert runs.earlier(file, about) == {**about, "results": [], "left_out": {}}


class Threads:
    """An engine that notes how many threads numpy's products take."""

    own_index = False
    seen: ClassVar[set[int]] = set()

    def build(self, rows: vectors.Halves, place: Path, *filters: object) -> None: ...

    def load(self, place: Path, *filters: object) -> None: ...

    def efforts(self, k: int) -> tuple[int, ...]:
        return (1,)

    def describe(self) -> str:
        return "none"

    def _note(self, count: int, k: int) -> truth.Ids:
        self.seen.add(product_threads())
        return np.zeros((count, k), np.int64)


class OneByOne(Threads):
    def search(self, queries: vectors.Floats, k: int, effort: int, threads: int) -> truth.Ids:
        return self._note(len(queries), k)


class Behind(Threads):
    def search(self, query: vectors.Floats, k: int, effort: int, name: str | None) -> Found:
        return Found(self._note(1, k if name else 0)[0])

    def settle(self) -> None:
        """There is nothing to wait for."""


def test_one_query_at_a_time_is_timed_with_products_by_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Threads, "seen", set())
    monkeypatch.setitem(ENGINES, "threads", Behind)
    true = nearest(ROWS, QUERIES, 3)
    asked = cases(ROWS, clustered(600, 12, seed=2), (0.5,), 1, 5, 3)
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        assert product_threads() == 2
        search.clock(OneByOne(), QUERIES, true, 1, 1.0, 1.0)
        assert Threads.seen == {1}
        Threads.seen.clear()
        filtered.answer("threads", tmp_path, 700, filtered.Tuning(QUERIES, true, 1.0), asked)
        assert Threads.seen == {1}


def test_an_index_is_kept_once_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "one" / "index"
    assert not runs.is_built(place)
    (place / "half").write_text("of an interrupted run")
    assert not runs.is_built(place)
    assert not list(place.iterdir())
    runs.build(lambda: (place / "whole").write_bytes(b"1234"), place)
    assert runs.is_built(place)
    assert runs.index_bytes(place) == 4
    assert runs.build_times(place).keys() == {"build_seconds", "build_cpu_seconds"}


def test_an_engine_that_is_not_installed_says_how_to_come_by_it() -> None:
    class Missing:
        def __init__(self) -> None:
            raise ImportError("No module named 'rival'")

    assert runs.why_not(Missing) == "No module named 'rival'; the extra bench has it"
    assert runs.why_not(dict) is None


def test_a_page_says_where_runs_that_joined_differ() -> None:
    def by(**changes: object) -> dict[str, Any]:
        about = {"processor": "P", "cores": 2, "memory_gb": 1.0, "packages": {"a": "1"}}
        return {"machine": {**about, "command": "c", **changes}}

    assert report.apart([by(), by()]) == ""
    assert report.apart([by(), by(command="d")]).startswith("Several runs")
    assert "same packages" in report.apart([by(), by(packages={"a": "2"}, command="d")])
    assert "one machine" in report.apart([by(), by(cores=1)])
