"""What share of the exact hits approximate answers have, sampled as searches go by."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Vitrail
from vitrail.search.options import SearchOptions
from vitrail.search.query import SearchResult
from vitrail.service.http.hosting import Hosted
from vitrail.service.http.observing.metrics import Metrics
from vitrail.service.http.observing.shadow import Asked, SearchWatch, found_share
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.query_kinds import AnyQuery, ImageQuery, PromptQuery
from vitrail.service.operations.references import ImageId
from vitrail.service.operations.searching import search

QUERY = ImageQuery(ImageId(1))
OPTIONS = SearchOptions(k=4)


@pytest.fixture
def hosted(vitrail: Vitrail, folder: Path) -> Any:
    vitrail.index(folder)
    with Collection.open(vitrail.home) as collection:
        yield Hosted("colours", vitrail.home, collection)


def approximate(hosted: Hosted, hits: int, query: AnyQuery = QUERY) -> Asked:
    """As an index would answer that has found so many of the four."""
    exact = search(hosted.collection, QUERY, OPTIONS).result
    return Asked(hosted, query, OPTIONS, replace(exact, exact=False, hits=exact.hits[:hits]))


def recall(metrics: Metrics) -> str:
    lines = metrics.text().decode().splitlines()
    return next((one for one in lines if one.startswith("vitrail_search_recall{")), "")


def until_told(metrics: Metrics, ends: str) -> None:
    for _ in range(1200):
        if recall(metrics).endswith(ends):
            return
        time.sleep(0.05)
    raise AssertionError(recall(metrics))


def test_the_mean_share_of_the_last_checks_is_told(hosted: Hosted) -> None:
    metrics = Metrics()
    with SearchWatch(metrics, apart=0, clock=lambda: 0.0) as watch:
        watch.answered(approximate(hosted, 4), {"scan": 0.25})
        until_told(metrics, '{collection="colours"} 1.0')
        watch.answered(approximate(hosted, 2), {})
        until_told(metrics, '{collection="colours"} 0.75')
    assert 'vitrail_stage_seconds_sum{stage="scan"} 0.25' in metrics.text().decode()


def test_checks_are_far_apart_and_of_what_is_cheap_to_ask_again(hosted: Hosted) -> None:
    metrics, now = Metrics(), [100.0]
    with SearchWatch(metrics, clock=lambda: now[0]) as watch:
        exact = approximate(hosted, 4)
        watch.answered(replace(exact, result=replace(exact.result, exact=True)), {})
        watch.answered(approximate(hosted, 1, PromptQuery("a cat")), {})
        assert recall(metrics) == ""
        watch.answered(approximate(hosted, 4), {})
        until_told(metrics, " 1.0")
        for _ in range(5):
            watch.answered(approximate(hosted, 1), {})
    assert recall(metrics).endswith(" 1.0")


def test_an_answer_of_another_commit_is_not_compared(hosted: Hosted) -> None:
    asked = approximate(hosted, 2)
    assert asked.result.origin is not None
    other = replace(asked.result, origin=replace(asked.result.origin, commit=99))
    metrics = Metrics()
    with SearchWatch(metrics, apart=0) as watch:
        watch.answered(replace(asked, result=other), {})
    assert recall(metrics) == ""


def test_a_share_is_of_the_exact_hits() -> None:
    nothing = SearchResult(hits=[], exact=True, estimated_recall=1.0, candidates=0, allowed=0)
    assert found_share(nothing, nothing) is None
