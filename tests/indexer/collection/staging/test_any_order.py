"""Whatever is staged, adopted, merged and removed in whatever order, by whichever process."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from tests.indexer.collection.staging.ranges import check, held, merge, put, save
from vitrail.indexer.catalog.reservations import Reservation
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch

ROOT = Path(__file__).parents[4]


STAGER = """
import pickle, sys
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.staging import stage
place, given = pickle.loads(bytes.fromhex(sys.argv[1]))
for reservation, numbers in given:
    staged = stage(place, FINGERPRINT, reservation, images(numbers), files(numbers))
    print(pickle.dumps(staged).hex(), flush=True)
assert "duckdb" not in sys.modules, "whoever stages needs no catalog"
"""


def start(place: Path, given: list[tuple[Reservation, range]]) -> subprocess.Popen[str]:
    text = pickle.dumps((str(place), given)).hex()
    command = [sys.executable, "-c", STAGER, text]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_two_processes_stage_and_the_writer_adopts_as_they_come(
    place: Path, writer: CollectionStore
) -> None:
    parts = [range(first, first + 8) for first in range(0, 128, 8)]
    given = [(writer.reserve(8), numbers) for numbers in parts]
    workers = [start(place, given[::2]), start(place, given[1::2])]
    expected: set[int] = set()
    staged = []
    for worker in workers:
        with worker:
            assert worker.stdout is not None
            staged += [pickle.loads(bytes.fromhex(line)) for line in worker.stdout]
        assert worker.returncode == 0
    order = np.random.default_rng(5).permutation(len(staged))
    by_first = {one.first: numbers for one, numbers in given}
    with CollectionStore.open(place) as reader:
        for turn, number in enumerate(order.tolist()):
            one = staged[number]
            expected |= {*by_first[one.reservation.first]}
            assert writer.adopt([one]).new == 8
            assert reader.refresh()
            assert held(reader) == expected
            if turn % 5 == 2:
                save(writer)
            if turn % 6 == 3:
                writer.commit(Batch(gone=[f"/pictures/{min(expected)}.jpg"]))
                expected.discard(min(expected))
            if turn % 7 == 4:
                merge(writer, range(0, len(writer.state.segments), 2))  # the others lie between
                check(place)
        writer.maintain()
    check(place)
    assert held(writer) == expected
    os.unlink(place / "catalog.duckdb")
    writer.close()
    repair(place)
    with CollectionStore.open(place) as reader:
        assert held(reader) == expected


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("stage"), st.integers(0, 12), st.integers(1, 4)),
        st.tuples(st.just("adopt"), st.integers(0, 5), st.integers(1, 2)),
        st.tuples(st.just("commit"), st.integers(0, 12), st.integers(1, 3)),
        st.tuples(st.just("gone"), st.integers(0, 15), st.just(0)),
        st.tuples(st.just("remove"), st.integers(0, 15), st.just(0)),
        st.tuples(st.just("merge"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("save"), st.just(0), st.just(0)),
        st.tuples(st.just("read"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=examples(25), deadline=None)
@given(STEPS)
def test_whatever_is_done_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    place = tmp_path_factory.mktemp("any") / "c"
    waiting: list[tuple[Staged, set[int]]] = []
    expected: set[int] = set()
    with (
        CollectionStore.create(place, FINGERPRINT) as writer,
        CollectionStore.open(place) as reader,
    ):
        for name, at, size in steps:
            numbers = range(at, at + size)
            path = f"/pictures/{at}.jpg"
            if name == "stage":
                waiting.append((put(writer, numbers), {*numbers}))
            elif name == "adopt" and waiting:
                taken = [waiting.pop(at % len(waiting)) for _ in range(min(size, len(waiting)))]
                writer.adopt([staged for staged, _ in taken])
                expected |= set().union(*(each for _, each in taken))
            elif name == "commit":
                writer.commit(Batch(images(numbers), files(numbers)))
                expected |= {*numbers}
            elif name == "gone":
                writer.commit(Batch(gone=[path]))
                expected.discard(at)
            elif name == "remove" and at in expected:
                writer.remove([writer.resolve(path)])
                expected.discard(at)
            elif name == "merge" and writer.state.segments:
                merge(
                    writer, range(at % len(writer.state.segments), len(writer.state.segments), size)
                )
            elif name == "save":
                save(writer)
            elif name == "read":
                reader.refresh()
                assert held(reader) == expected
        assert held(writer) == expected
        writer.forget_changes()
    with CollectionStore.open(place) as fresh:
        assert held(fresh) == expected
    check(place)
