"""Rows that are added: in memory and in files without a name, shared by tails that grow apart."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexer.vectors.vector_sets import clustered, reference
from vitrail.indexer.vectors import index as index_module
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.room import Spill
from vitrail.indexer.vectors.tail import Tail, merged

ROWS = clustered(300, 8)
IDS = np.random.default_rng(3).permutation(len(ROWS)).astype(np.int64)
"""Of ``ROWS``; those of a step are any, so that ids come in any order."""
PICKS = st.lists(st.integers(0, len(ROWS) - 1), max_size=90)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "add", "hide", "branch"]), PICKS), max_size=14)
SPILLS = st.sampled_from([None, 0, 2000])


def _holds(tail: Tail, wanted: set[int]) -> None:
    ids = np.array(sorted(wanted), np.int64)
    assert tail.ids[~tail.hidden].tolist() == ids.tolist()
    np.testing.assert_array_equal(tail.take(tail.positions(ids)), _rows_of(ids))


def _rows_of(ids: np.ndarray) -> np.ndarray:
    row_of = np.empty(len(IDS), np.int64)
    row_of[IDS] = np.arange(len(IDS))
    rows: np.ndarray = ROWS[row_of[ids]]
    return rows


@given(steps=STEPS, least=SPILLS)
@settings(max_examples=150, deadline=None)
def test_tails_that_grew_from_the_same_beginning_keep_what_they_have(
    steps: list[tuple[str, list[int]]], least: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spill = Spill() if least is None else Spill(folder, least)
        tails: list[tuple[Tail, set[int]]] = [(Tail.empty(8, spill), set())]
        for step, picks in steps:
            tail, held = tails[-1]
            if step == "branch":
                tail, held = tails[picks[0] % len(tails) if picks else 0]
            some = {int(IDS[pick]) for pick in picks}
            if step == "hide":
                made = tail.without(np.array(sorted(some), np.int64)), held - some
            else:
                # In no order, as an index takes them.
                new = np.array([i for i in some if i not in held], np.int64)
                made = tail.appended(new, _rows_of(new)), held | some
            tails.append(made)
        for tail, held in tails:
            _holds(tail, held)
        whole = merged(Tail.empty(8, spill), tails[-1][0], spill)
        assert whole.ids.tolist() == sorted(tails[-1][1])
        np.testing.assert_array_equal(whole.matrix, _rows_of(whole.ids))
        assert os.listdir(folder) == []  # nothing that a kill could leave


def test_a_file_grows_without_being_copied(tmp_path: Path) -> None:
    ids = np.arange(len(ROWS), dtype=np.int64)
    one = Tail.empty(8, Spill(str(tmp_path), 0)).appended(ids[:100], ROWS[:100])
    other = one.appended(ids[100:], ROWS[100:])
    assert not np.shares_memory(one.matrix, other.matrix)
    writable = other.matrix
    writable[5] = ROWS[200]
    np.testing.assert_array_equal(one.matrix[5], ROWS[200])  # the same page, mapped twice


def test_both_parts_of_an_index_become_one_in_any_order_of_ids(tmp_path: Path) -> None:
    base = Tail.empty(8).appended(IDS[:200], ROWS[:200]).without(IDS[:20])
    tail = Tail.empty(8).appended(IDS[200:], ROWS[200:]).without(IDS[290:])
    for spill in (Spill(), Spill(str(tmp_path), 0)):
        whole = merged(base, tail, spill)
        wanted = np.sort(IDS[20:290])
        np.testing.assert_array_equal(whole.ids, wanted)
        np.testing.assert_array_equal(whole.matrix, _rows_of(wanted))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("more", [10, 100])
def test_a_forked_process_leaves_its_parents_rows_alone(tmp_path: Path, more: int) -> None:
    ids = np.arange(len(ROWS), dtype=np.int64)
    tail = Tail.empty(8, Spill(str(tmp_path), 0)).appended(ids[:10], ROWS[:10])  # of 64
    for_parent, from_parent = os.pipe()
    child = os.fork()
    if not child:
        os.close(from_parent)
        os.read(for_parent, 1)  # until the parent has added its own
        own = tail.appended(ids[10 : 10 + more], ROWS[190 : 190 + more])
        os._exit(0 if np.array_equal(own.matrix[10:], ROWS[190 : 190 + more]) else 1)
    os.close(for_parent)
    mine = tail.appended(ids[10 : 10 + more], ROWS[10 : 10 + more])
    os.close(from_parent)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(mine.matrix, ROWS[: 10 + more])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_process_forked_while_a_thread_adds_may_add_its_own(tmp_path: Path) -> None:
    ids = np.arange(len(ROWS), dtype=np.int64)
    tail = Tail.empty(8, Spill(str(tmp_path), 0)).appended(ids[:10], ROWS[:10])
    with tail._room._guard:  # as another thread's would be
        child = os.fork()
        if not child:
            signal.alarm(10)
            own = tail.appended(ids[10:20], ROWS[10:20])
            os._exit(0 if np.array_equal(own.matrix, ROWS[:20]) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("fault", ["full", "read-only", "none"])
def test_without_room_on_the_disk_vectors_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def refuse(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC if fault == "full" else errno.EROFS, "refused")

    if fault == "full":
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    elif fault == "read-only":
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    folder = tmp_path if fault != "none" else tmp_path / "not there"
    room = Spill(str(folder), 0).empty(20, 8)
    assert room.file is None
    assert room.rows.shape == (20, 8)


def test_a_full_disk_stops_a_file_from_growing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = np.arange(len(ROWS), dtype=np.int64)
    tail = Tail.empty(8, Spill(str(tmp_path), 0)).appended(ids[:100], ROWS[:100])

    def refuse(*given: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    grown = tail.appended(ids[100:], ROWS[100:])
    np.testing.assert_array_equal(tail.matrix, ROWS[:100])
    np.testing.assert_array_equal(grown.matrix, ROWS)


def test_where_room_cannot_be_claimed_at_once_zeros_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    room = Spill(str(tmp_path), 0).empty(10, 8)
    room.rows[:] = ROWS[:10]
    grown = room.grown(30)
    assert grown is not None
    np.testing.assert_array_equal(grown.rows[:10], ROWS[:10])
    assert not grown.rows[10:].any()


def test_an_index_in_files_answers_and_is_built_as_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "Spill", partial(Spill, least=0))
    rows, ids = clustered(900, 16), np.arange(900, dtype=np.int64)
    index = VectorIndex.create(16, folder=tmp_path)
    for start in range(0, 900, 70):
        index = index.with_rows(ids[start : start + 70], rows[start : start + 70])
    index = index.without(ids[::7])
    keep = ids % 7 > 0
    true = reference(ids[keep], rows[keep], rows[:9], 5)
    np.testing.assert_array_equal(index.search(rows[:9], 5).ids, true)
    built = index.built()
    np.testing.assert_array_equal(built.search(rows[:9], 5).ids, true)
    assert os.listdir(tmp_path) == []
    built.save(tmp_path / "index", {})
    loaded, _ = VectorIndex.load(tmp_path / "index")
    more = loaded.with_rows(np.array([5000], np.int64), rows[:1])
    np.testing.assert_array_equal(more.vectors(np.array([5000])), rows[:1])
    np.testing.assert_array_equal(loaded.search(rows[:9], 5).ids, true)
