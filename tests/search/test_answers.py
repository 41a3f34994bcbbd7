"""Answers are those of before, whichever way their metadata is read, and whoever looks when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.search.answers import GOLDEN, answers, change, make
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.store import CollectionStore


@contextmanager
def warmed(place: Path) -> Iterator[CollectionStore]:
    """All in memory, of the last commit alone."""
    change(place)
    with CollectionStore.open(place) as store:
        store.warm()
        yield store


@contextmanager
def brought_forward(place: Path) -> Iterator[CollectionStore]:
    """What was in memory, with layers of what has changed above it."""
    with CollectionStore.open(place) as store:
        store.warm()
        change(place)
        assert store.refresh()
        cache = store.readings.metadata_cache(at_once=True)
        assert cache is not None
        assert len(cache._layers) > 1
        yield store


@contextmanager
def cold(place: Path) -> Iterator[CollectionStore]:
    """Metadata from the tables, in the first answers at least."""
    change(place)
    with CollectionStore.open(place) as store:
        yield store


@pytest.mark.parametrize("opened", [warmed, brought_forward, cold])
def test_answers_are_those_of_before(tmp_path: Path, opened: Any) -> None:
    make(tmp_path / "c")
    with opened(tmp_path / "c") as store:
        snapshot = store.snapshot()
        assert isinstance(snapshot, Snapshot)
        found = json.loads(json.dumps(answers(snapshot, tmp_path / "c")))
    golden = json.loads(GOLDEN.read_text())
    assert found.keys() == golden.keys()
    for name, told in golden.items():
        assert not list(differences(told, found[name], name))


def differences(before: Any, now: Any, place: str) -> Iterator[str]:
    """Where two documents differ by more than another processor's rounding."""
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        for key in before:
            yield from differences(before[key], now[key], f"{place}: {key}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, other, f"{place} {number}")
    elif isinstance(before, float) and isinstance(now, float):
        if now != pytest.approx(before, rel=1e-4, abs=1e-5):
            yield f"{place}: {now} instead of {before}"
    elif before != now:
        yield f"{place}: {now} instead of {before}"
