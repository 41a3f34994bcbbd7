"""What a filter lets through is worked out once, for the array that it gave and no other."""

from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import Ids, clustered
from vitrail.indexer.vectors import passing as module
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.passing import LatestPassing, Passing
from vitrail.indexer.vectors.rows import Rows

SIZE = 500
ROWS = clustered(SIZE, 24)
IDS = np.arange(SIZE, dtype=np.int64) * 2 + 7


def unwritable(ids: Ids) -> Ids:
    own = np.array(ids, np.int64)
    own.flags.writeable = False
    return own


def test_it_is_marks_and_bits_of_its_places() -> None:
    places = np.array([0, 3, 9, 17])
    passing = Passing(20, places)
    assert len(passing) == 4
    assert passing.share == 0.2
    np.testing.assert_array_equal(np.flatnonzero(passing.marks), places)
    unpacked = np.unpackbits(passing.bits, bitorder="little")[:20]
    np.testing.assert_array_equal(np.flatnonzero(unpacked), places)
    again = Passing.marked(passing.marks)
    np.testing.assert_array_equal(again.places, places)
    assert Passing(0, places[:0]).share == 0


def test_the_same_array_is_worked_out_once() -> None:
    rows = Rows(IDS, ROWS)
    allowed = unwritable(IDS[::3])
    first = rows.passing(allowed)
    assert rows.passing(allowed) is first
    assert rows.passing(unwritable(IDS[::3])) is not first, "equal, but who knows"


def test_an_array_out_of_another_process_is_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex.create(24).with_rows(IDS, ROWS).built()
    allowed = pickle.loads(pickle.dumps(IDS[::3].copy())).copy()
    allowed.flags.writeable = False
    asked: list[int] = []
    passing = Rows._passing

    def counting(rows: Rows, ids: Ids) -> Passing:
        asked.append(len(ids))
        return passing(rows, ids)

    monkeypatch.setattr(Rows, "_passing", counting)
    for query in ROWS[:3]:
        index.search(query[None], 2, allowed=allowed)
    assert asked == [len(allowed)]


@pytest.mark.parametrize("whose", ["writable", "a view of what is writable"])
def test_what_can_change_is_worked_out_anew(whose: str) -> None:
    rows = Rows(IDS, ROWS)
    base = IDS.copy()
    allowed = base[:]
    if whose == "writable":
        allowed = base
    else:
        allowed.flags.writeable = False
    np.testing.assert_array_equal(rows.passing(allowed).places, np.arange(SIZE))
    base[0] = 8  # no row's
    np.testing.assert_array_equal(rows.passing(allowed).places, np.arange(1, SIZE))


def test_hidden_rows_do_not_pass_any_more_and_do_again() -> None:
    index = VectorIndex.create(24).with_rows(IDS, ROWS).built()
    allowed = unwritable(IDS[:50])
    query = ROWS[:1]
    assert index.search(query, 1, allowed=allowed).ids[0, 0] == IDS[0]
    without = index.without(IDS[:1])
    assert without.search(query, 1, allowed=allowed).ids[0, 0] != IDS[0]
    assert index.search(query, 1, allowed=allowed).ids[0, 0] == IDS[0]
    assert without.restored(IDS[:1])[0].search(query, 1, allowed=allowed).ids[0, 0] == IDS[0]
    np.testing.assert_array_equal(without.search(query, SIZE).ids[0, -1:], [-1])


def test_rows_that_were_added_pass_too() -> None:
    index = VectorIndex.create(24).with_rows(IDS[:400], ROWS[:400]).built()
    allowed = unwritable(IDS[300:])
    assert index.search(ROWS[450:451], 1, allowed=allowed).ids[0, 0] != IDS[450]
    more = index.with_rows(IDS[400:], ROWS[400:])
    assert more.search(ROWS[450:451], 1, allowed=allowed).ids[0, 0] == IDS[450]
    assert more.built().search(ROWS[450:451], 1, allowed=allowed).ids[0, 0] == IDS[450]


def test_few_are_kept_and_none_of_those_who_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    asked: list[int] = []

    def work_out(ids: Ids) -> Passing:
        asked.append(len(ids))
        return Passing(SIZE, ids.copy())

    latest = LatestPassing()
    one, two, three = (unwritable(np.arange(n)) for n in (1, 2, 3))
    for ids in (one, two, one, three, one, two):
        assert len(latest.of(ids, work_out)) == len(ids)
    assert asked == [1, 2, 3, 2], "the one that was asked for longest ago went"
    del two, ids
    gc.collect()
    latest.of(three, work_out)
    latest.of(one, work_out)
    assert asked == [1, 2, 3, 2, 3], "what is gone took no place"
