from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.indexer.vectors.vector_sets import clustered, reference, unit
from vitrail.indexer.errors import DamagedIndexError, InputError
from vitrail.indexer.vectors.index import VectorIndex

IDS = np.arange(100, 700, 3, dtype=np.int64)
ROWS = clustered(len(IDS), 16)
QUERIES = clustered(20, 16, seed=1)


def filled(*, built: int = 0) -> VectorIndex:
    index = VectorIndex.create(16)
    index.add(IDS[:built], ROWS[:built])
    index.build()
    index.add(IDS[built:], ROWS[built:])
    return index


@pytest.mark.parametrize("dim", [1, 3, 16, 384])
@pytest.mark.parametrize("size", [1, 10, 5000])
@pytest.mark.parametrize("k", [1, 10])
def test_a_scan_equals_the_reference(dim: int, size: int, k: int) -> None:
    rows, ids = clustered(size, dim), np.arange(size, dtype=np.int64) * 5
    index = VectorIndex.create(dim)
    index.add(ids, rows)
    queries = clustered(70, dim, seed=2)
    found = index.search(queries, k)
    true = reference(ids, rows, queries, k)
    width = true.shape[1]
    assert found.exact
    assert found.ids.shape == found.scores.shape == (70, k)
    scores = np.einsum("qd,qkd->qk", queries, index.vectors(true.ravel()).reshape(70, width, dim))
    np.testing.assert_allclose(found.scores[:, :width], scores, atol=2e-6)
    assert (found.ids[:, width:] == -1).all()
    assert np.isneginf(found.scores[:, width:]).all()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_mixture_of_parts_equals_a_scan_of_the_visible(data: st.DataObject) -> None:
    built = data.draw(st.integers(0, len(IDS)))
    hidden = np.array(data.draw(st.lists(st.sampled_from(IDS.tolist()), max_size=50)), np.int64)
    allowed = data.draw(st.none() | st.lists(st.integers(90, 710), unique=True).map(sorted))
    k = data.draw(st.integers(1, 250))
    index = filled(built=built)
    index.hide(hidden)
    keep = ~np.isin(IDS, hidden)
    if allowed is not None:
        keep &= np.isin(IDS, allowed)
    chosen = None if allowed is None else np.array(allowed, np.int64)
    found = index.search(QUERIES, k, allowed=chosen)
    true = reference(IDS[keep], ROWS[keep], QUERIES, k)
    np.testing.assert_array_equal(found.ids[:, : true.shape[1]], true)
    assert (found.ids[:, true.shape[1] :] == -1).all()
    assert found.exact
    assert len(index) == len(np.setdiff1d(IDS, hidden))


def test_a_row_is_its_own_nearest_and_scores_fall() -> None:
    found = filled(built=50).search(ROWS, 5)
    np.testing.assert_array_equal(found.ids[:, 0], IDS)
    np.testing.assert_allclose(found.scores[:, 0], 1, atol=1e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert found.scores.max() <= 1


def test_equal_rows_come_in_order_of_id_wherever_they_lie() -> None:
    index = VectorIndex.create(16)
    row = ROWS[:1]
    index.add(np.arange(3000, 6000), np.repeat(row, 3000, axis=0))
    index.build()
    index.add(np.arange(10, 20), np.repeat(row, 10, axis=0))
    found = index.search(row, 12)
    assert found.ids[0].tolist() == [*range(10, 20), 3000, 3001]


def test_a_batch_answers_like_its_queries_one_by_one() -> None:
    index = filled(built=100)
    together = index.search(ROWS, 7)
    for i in range(0, len(ROWS), 17):
        alone = index.search(ROWS[i : i + 1], 7)
        np.testing.assert_array_equal(alone.ids[0], together.ids[i])
        np.testing.assert_array_equal(alone.scores[0], together.scores[i])


def test_hiding_shows_at_once_survives_and_ends_with_a_build(tmp_path: Path) -> None:
    index = filled(built=150)
    gone = np.array([IDS[0], IDS[160], 5], np.int64)
    index.hide(gone)
    index.hide(gone)
    assert len(index) == len(IDS) - 2
    index.save(tmp_path / "index", {})
    loaded, _ = VectorIndex.load(tmp_path / "index")
    for one in (index, loaded):
        assert not np.isin(one.search(ROWS, 300).ids, gone).any()
        with pytest.raises(KeyError, match="100"):
            one.vectors(gone[:1])
    index.build()
    assert not np.isin(index.ids(), gone).any()
    index.add(gone[:2], ROWS[[0, 160]])
    np.testing.assert_array_equal(index.ids(), IDS)


def test_a_hidden_id_can_come_again_with_another_row() -> None:
    index = filled(built=100)
    for old in (3, 120):
        index.hide(IDS[old : old + 1])
        index.add(IDS[old : old + 1], QUERIES[:1])
        np.testing.assert_array_equal(index.vectors(IDS[old : old + 1]), QUERIES[:1])
        assert IDS[old] in index.search(QUERIES[:1], 2).ids
    assert len(index) == len(IDS)


def test_rows_come_back_in_the_order_asked_for() -> None:
    index = filled(built=100)
    order = np.random.default_rng(0).permutation(len(IDS))
    np.testing.assert_array_equal(index.vectors(IDS[order]), ROWS[order])
    assert index.vectors(np.empty(0, np.int64)).shape == (0, 16)


def test_adding_one_by_one_in_any_order_equals_adding_at_once() -> None:
    index = VectorIndex.create(16)
    for i in np.random.default_rng(0).permutation(len(IDS)):
        index.add(IDS[i : i + 1], ROWS[i : i + 1])
    found, true = index.search(QUERIES, 5), filled().search(QUERIES, 5)
    np.testing.assert_array_equal(found.ids, true.ids)


def test_building_again_changes_nothing() -> None:
    index = filled(built=10)
    before = index.search(QUERIES, 5)
    for _ in range(2):
        index.build()
        assert index.kind == "exact"
        assert index.estimated_recall == 1
        np.testing.assert_array_equal(index.search(QUERIES, 5).ids, before.ids)


@pytest.mark.parametrize("built", [0, 80, 200])
def test_a_round_trip_keeps_everything(tmp_path: Path, built: int) -> None:
    index = filled(built=built)
    meta = {"fingerprint": "ab", "segments": [1, 2], "none": None}
    index.save(tmp_path / "index", meta)
    loaded, found = VectorIndex.load(tmp_path / "index", verify=True)
    assert found == meta
    assert (loaded.dim, len(loaded), loaded.kind) == (16, len(IDS), "exact")
    np.testing.assert_array_equal(loaded.vectors(IDS), ROWS)
    np.testing.assert_array_equal(loaded.ids(), IDS)
    loaded.add(np.array([1]), ROWS[:1])
    loaded.build()
    loaded.save(tmp_path / "index", {})
    assert len(VectorIndex.load(tmp_path / "index")[0]) == len(IDS) + 1


def test_an_empty_index_answers_and_round_trips(tmp_path: Path) -> None:
    index = VectorIndex.create(16)
    index.build()
    index.save(tmp_path / "index", {})
    loaded, _ = VectorIndex.load(tmp_path / "index")
    found = loaded.search(QUERIES, 3)
    assert found.exact
    assert (found.ids == -1).all()
    assert loaded.search(QUERIES[:0], 3).ids.shape == (0, 3)


def test_damage_anywhere_in_a_small_file_is_told_or_harmless(tmp_path: Path) -> None:
    index = filled(built=100)
    index.save(tmp_path / "index", {"a": 1})
    whole = (tmp_path / "index").read_bytes()
    expected = index.search(QUERIES, 5)
    for at in range(0, len(whole), 97):
        flipped = bytearray(whole)
        flipped[at] ^= 16
        (tmp_path / "index").write_bytes(flipped)
        try:
            loaded, meta = VectorIndex.load(tmp_path / "index")
        except DamagedIndexError:
            continue
        assert meta == {"a": 1}
        np.testing.assert_array_equal(loaded.search(QUERIES, 5).ids, expected.ids)


def test_parts_that_disagree_are_told(tmp_path: Path) -> None:
    from vitrail.indexer.vectors.index_file import write_index_file

    arrays: dict[str, NDArray[Any]] = {
        "ids": IDS,
        "vectors": ROWS[:-1],
        "hidden": np.zeros(len(IDS), np.uint8),
    }
    write_index_file(tmp_path / "index", {"kind": "exact", "dim": 16, "meta": {}}, arrays)
    with pytest.raises(DamagedIndexError, match="disagree"):
        VectorIndex.load(tmp_path / "index")
    write_index_file(tmp_path / "index", {}, {})
    with pytest.raises(DamagedIndexError, match="'ids' is missing"):
        VectorIndex.load(tmp_path / "index")


def test_bad_input_is_refused_with_both_numbers() -> None:
    index = filled()
    one = np.array([1], np.int64)
    with pytest.raises(InputError, match=r"\(1, 8\) does not fit this index of \(n, 16\)"):
        index.search(unit(np.ones((1, 8))), 1)
    with pytest.raises(InputError, match="k must be at least 1, not 0"):
        index.search(QUERIES, 0)
    with pytest.raises(InputError, match="recall must be above 0 and at most 1, not 0"):
        index.search(QUERIES, 1, recall=0)
    with pytest.raises(InputError, match="query 1 has length 2 where 1"):
        index.search(QUERIES[:2] * np.array([[1], [2]], np.float32), 1)
    with pytest.raises(InputError, match="vector 0 has length nan"):
        index.add(one, np.full((1, 16), np.nan, np.float32))
    with pytest.raises(InputError, match="vector 0 has length 0 "):
        index.add(one, np.zeros((1, 16), np.float32))
    with pytest.raises(InputError, match="2 ids were given for 1 vectors"):
        index.add(np.array([1, 2]), ROWS[:1])
    with pytest.raises(InputError, match="id 1 is given twice"):
        index.add(np.array([1, 1]), ROWS[:2])
    with pytest.raises(InputError, match="id 103 is in the index already"):
        index.add(np.array([1, 103]), ROWS[:2])
    with pytest.raises(InputError, match="id -1 is negative"):
        index.add(-one, ROWS[:1])
    with pytest.raises(InputError, match="at least 1 dimension, not 0"):
        VectorIndex.create(0)
    assert len(index) == len(IDS)


def test_a_small_collection_loads_no_faiss(tmp_path: Path) -> None:
    filled(built=100).save(tmp_path / "index", {})
    code = (
        "import sys; from vitrail.indexer.vectors.index import VectorIndex; "
        f"index, _ = VectorIndex.load({str(tmp_path / 'index')!r}); "
        "index.search(index.vectors(index.ids()[:1]), 3); "
        "sys.exit('faiss' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
