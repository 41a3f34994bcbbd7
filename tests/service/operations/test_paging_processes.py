"""Pages while another process adds images, and batches in derived spaces."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import ColourEncoder
from tests.indexer.collection.holdings import DIM, FINGERPRINT, files, images
from tests.indexer.vectors.vector_sets import unit
from vitrail.indexer.collection.derivation import whiten
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch
from vitrail.search.options import SearchOptions
from vitrail.search.query import SearchResult
from vitrail.service.operations.batches import BatchQuery, answer_batch
from vitrail.service.operations.collection import Collection

COUNT = 90
ADDING = """
import sys, time
from tests.indexer.collection.holdings import files, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch
with CollectionStore.open(sys.argv[1], writable=True) as store:
    for start in range(1000, 100_000, 3):
        numbers = range(start, start + 3)
        store.commit(Batch(images(numbers), files(numbers)))
        print(start, flush=True)
        time.sleep(0.05)
"""
"""Commits three images at a time until it is killed, and says so after each."""


class EitherEncoder(ColourEncoder):
    """Of the hand-made contents; nothing is embedded here."""

    @property
    def fingerprint(self) -> Fingerprint:
        return FINGERPRINT


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as store:
        store.commit(Batch(images(range(1, COUNT + 1)), files(range(1, COUNT + 1))))
        whiten(store, "cls@2")
    return tmp_path / "c"


def _options(words: dict[str, Any]) -> SearchOptions:
    return SearchOptions(k=12, **words)


def ranked(result: SearchResult) -> list[tuple[int, float]]:
    return [(hit.id, hit.score) for hit in result.hits]


def test_pages_joined_are_the_long_answer_while_another_process_adds(place: Path) -> None:
    row = {"cls@2": unit(np.random.default_rng(3).normal(size=(1, DIM)))}
    with Collection.open(place, encoder=EitherEncoder()) as reader:
        long = ranked(reader.find(row, k=COUNT, spaces={"cls@2": 1}))
        assert len(long) == COUNT
        writer = subprocess.Popen(
            [sys.executable, "-c", ADDING, str(place)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert writer.stdout is not None
            joined: list[tuple[int, float]] = []
            cursor, sizes = None, set()
            while not joined or cursor is not None:
                assert writer.stdout.readline(), "it is at work"
                reader.store.refresh()
                sizes.add(len(reader.store))
                page = reader.find(row, k=15, spaces={"cls@2": 1}, after=cursor)
                joined += ranked(page)
                cursor = page.next
        finally:
            writer.kill()
            writer.communicate()
    assert len(sizes) > 4, "it added from page to page"
    ids = [one for one, _ in joined]
    assert len(set(ids)) == len(ids), "nothing is shown twice"
    assert [one for one in joined if one[0] <= COUNT] == long


@pytest.mark.parametrize(
    "words",
    [
        {"spaces": {"cls@2/w": 1.0}},
        {"spaces": {"cls@2/w": 0.4, "mean@1": 0.6}},
        {"spaces": {"cls@2/w": 1.0}, "where": "id % 3 = 0"},
        {"spaces": {"cls@2/w": 0.5, "cls@2": 0.5}, "diverse": 0.3},
        {"spaces": {"cls@2/w": 1.0}, "group_by": "copies", "min_score": 0.1},
    ],
    ids=["alone", "mixed", "filtered", "diverse", "grouped"],
)
def test_a_batch_in_derived_spaces_equals_one_by_one(place: Path, words: dict[str, Any]) -> None:
    random = np.random.default_rng(5)
    with Collection.open(place, encoder=EitherEncoder()) as reader:
        rows = [
            {name: unit(random.normal(size=(1, dim))) for name, dim in FINGERPRINT.spaces}
            for _ in range(9)
        ]
        asked: list[BatchQuery] = [BatchQuery(f"row {i}", row) for i, row in enumerate(rows)]
        asked += [BatchQuery(str(number), number) for number in (1, 7, COUNT)]
        together = list(answer_batch(reader, asked, _options(words)))
        alone = [reader.find(row, options=_options(words)) for row in rows]
        alone += [reader.similar(number, options=_options(words)) for number in (1, 7, COUNT)]
    assert [answer.error for answer in together] == [""] * len(asked)
    for answer, single in zip(together, alone, strict=True):
        assert answer.result is not None
        assert ranked(answer.result) == ranked(single)
        assert answer.result.exact == single.exact
        assert [h.scores for h in answer.result.hits] == [h.scores for h in single.hits]
