"""The approximate type, forced by a policy at sizes where exact answers are quick to have."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import Ids, clustered, recall, reference
from vitrail.indexer.errors import DamagedIndexError
from vitrail.indexer.vectors import lists
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.plans import ProbePlan, between
from vitrail.indexer.vectors.policy import IndexPolicy

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=150, samples=60, graph=False)
SIZE, DIM = 6000, 32
IDS = np.arange(SIZE, dtype=np.int64) * 2 + 7
ROWS = clustered(SIZE + 60, DIM)
ROWS, QUERIES = ROWS[:SIZE], ROWS[SIZE:]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = VectorIndex.create(DIM, policy=POLICY)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    path = tmp_path_factory.mktemp("lists") / "index"
    index.save(path, {"made": "once"})
    return path


@pytest.fixture
def index(saved: Path) -> VectorIndex:
    return VectorIndex.load(saved, policy=POLICY)[0]


@pytest.mark.parametrize("dim", [3, 48, 384])
@pytest.mark.parametrize("size", [1000, 4000])
def test_recall_reaches_what_was_asked_for(dim: int, size: int) -> None:
    rows = clustered(size + 50, dim, seed=dim)
    ids = np.arange(size, dtype=np.int64)
    index = VectorIndex.create(dim, policy=POLICY)
    index = index.with_rows(ids, rows[:size])
    index = index.built()
    queries = rows[size:]
    assert index.kind.startswith("IVF")
    assert index.kind.endswith(",RaBitQfs")
    found = index.search(queries, 10)
    assert recall(found.ids, reference(ids, rows[:size], queries, 10)) >= 0.95
    assert 0.98 <= found.recall <= 1


@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("wanted", [0.7, 0.9, 0.97])
def test_the_recall_that_is_told_is_that_of_what_was_asked(
    index: VectorIndex, k: int, wanted: float
) -> None:
    found = index.search(QUERIES, k, recall=wanted)
    assert wanted <= found.recall < 1
    true = recall(found.ids, reference(IDS, ROWS, QUERIES, k))
    assert true >= found.recall - 0.12, "60 queries of a sample"
    assert index.search(QUERIES, k, recall=0.98).recall >= found.recall


def test_scores_are_exact_and_fall(index: VectorIndex) -> None:
    found = index.search(QUERIES, 10)
    assert not found.exact
    assert found.scanned < SIZE * len(QUERIES)
    rows = index.vectors(found.ids.ravel()).reshape(len(QUERIES), 10, DIM)
    np.testing.assert_allclose(found.scores, np.einsum("qd,qkd->qk", QUERIES, rows), atol=2e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_a_wish_for_more_recall_is_met_in_the_end_by_a_scan(index: VectorIndex) -> None:
    true = reference(IDS, ROWS, QUERIES, 10)
    low = index.search(QUERIES, 10, recall=0.3)
    assert recall(low.ids, true) >= 0.3
    for found in (index.search(QUERIES, 10, recall=1), index.search(QUERIES, 10, exact=True)):
        assert found.exact
        np.testing.assert_array_equal(found.ids, true)


def test_a_large_k_is_a_scan(index: VectorIndex) -> None:
    found = index.search(QUERIES[:2], SIZE + 5)
    assert found.exact
    assert sorted(found.ids[0, :SIZE]) == IDS.tolist()
    assert (found.ids[:, SIZE:] == -1).all()


def test_rows_added_since_the_build_are_found_exactly(index: VectorIndex) -> None:
    ids = np.arange(60, dtype=np.int64) + 10**9
    index = index.with_rows(ids, QUERIES)
    found = index.search(QUERIES, 3)
    np.testing.assert_array_equal(found.ids[:, 0], ids)
    assert not found.exact


def test_hidden_rows_never_show_though_neighbours_do(index: VectorIndex, tmp_path: Path) -> None:
    before = index.search(QUERIES, 10)
    index = index.without(before.ids[:, :5].ravel())
    index.save(tmp_path / "index", {})
    for one in (index, VectorIndex.load(tmp_path / "index", policy=POLICY)[0]):
        after = one.search(QUERIES, 10)
        keep = ~np.isin(IDS, before.ids[:, :5])
        assert np.isin(after.ids, IDS[keep]).all()
        assert recall(after.ids, reference(IDS[keep], ROWS[keep], QUERIES, 10)) >= 0.95


def draw(share: float) -> Ids:
    return IDS[np.random.default_rng(3).random(SIZE) < share]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_a_wide_filter_keeps_recall(index: VectorIndex, share: float) -> None:
    allowed = draw(share)
    found = index.search(QUERIES, 5, allowed=allowed)
    assert np.isin(found.ids, allowed).all()
    keep = np.isin(IDS, allowed)
    assert recall(found.ids, reference(allowed, ROWS[keep], QUERIES, 5)) >= 0.95


def test_a_narrow_filter_is_exact(index: VectorIndex) -> None:
    allowed = draw(0.02)
    found = index.search(QUERIES, 10, allowed=allowed)
    assert found.exact
    assert found.scanned == len(allowed) * len(QUERIES)
    true = reference(allowed, ROWS[np.isin(IDS, allowed)], QUERIES, 10)
    np.testing.assert_array_equal(found.ids, true)


def test_a_filter_far_from_the_query_is_answered_in_full(index: VectorIndex) -> None:
    # All allowed rows lie on the far side: the query's own lists hold none of them.
    far = np.sort(IDS[np.argsort(ROWS @ QUERIES[0])[:2000]])
    found = index.search(QUERIES[:1], 5, allowed=far)
    assert np.isin(found.ids, far).all()
    assert (np.diff(found.scores) <= 0).all()


def test_a_filter_that_allows_nothing_finds_nothing(index: VectorIndex) -> None:
    for allowed in (np.empty(0, np.int64), np.array([1, 3], np.int64)):
        found = index.search(QUERIES, 3, allowed=allowed)
        assert found.exact
        assert (found.ids == -1).all()


def test_lists_too_thin_for_k_fall_back_to_a_scan() -> None:
    policy = replace(POLICY, lists_factor=20, gather_rows=10)
    index = VectorIndex.create(DIM, policy=policy)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    found = index.search(QUERIES, 40, recall=0.05)
    assert (found.ids >= 0).all()


def test_growing_keeps_the_lists_and_a_deletion_trains_anew(index: VectorIndex) -> None:
    kind = index.kind
    new = clustered(500, DIM, seed=9)
    index = index.with_rows(np.arange(500, dtype=np.int64) + 10**6, new)
    index = index.built()
    assert index.kind == kind
    found = index.search(new, 1)
    assert (found.ids[:, 0] == np.arange(500) + 10**6).mean() >= 0.97
    index = index.without(IDS[:3000])
    index = index.built()
    assert index.kind != kind
    assert len(index) == 3500
    assert not np.isin(index.search(ROWS[:100], 5).ids, IDS[:3000]).any()


def test_shrinking_below_the_threshold_returns_to_a_scan(saved: Path) -> None:
    policy = replace(POLICY, exact_floats=1000 * DIM)
    index, _ = VectorIndex.load(saved, policy=policy)
    index = index.without(IDS[1000:])
    index = index.built()
    assert index.kind == "exact"
    assert index.search(QUERIES, 5).exact


def test_two_builds_of_the_same_rows_answer_alike(saved: Path) -> None:
    index = VectorIndex.create(DIM, policy=POLICY)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    loaded, meta = VectorIndex.load(saved, verify=True, policy=POLICY)
    assert meta == {"made": "once"}
    assert loaded.kind == index.kind
    one, two = index.search(QUERIES, 10), loaded.search(QUERIES, 10)
    np.testing.assert_array_equal(one.ids, two.ids)


def test_a_batch_answers_like_its_queries_one_by_one(index: VectorIndex) -> None:
    together = index.search(QUERIES, 5)
    alone = [index.search(query[None], 5).ids[0] for query in QUERIES]
    assert recall(together.ids, np.stack(alone)) >= 0.99


def test_lists_are_asked_by_more_queries_than_faiss_is_at_once(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = index.search(QUERIES, 5)
    monkeypatch.setattr(lists, "_TOGETHER", 7)
    again = index.search(QUERIES, 5)
    np.testing.assert_array_equal(again.ids, together.ids)
    assert again.scanned == together.scanned


def test_damaged_lists_are_told_before_faiss_reads_them(saved: Path, tmp_path: Path) -> None:
    from vitrail.indexer.vectors.index_file import read_index_file

    section = read_index_file(saved).sections["lists"]
    whole = bytearray(saved.read_bytes())
    for at in np.linspace(0, section.length - 1, 20).astype(int):
        flipped = whole.copy()
        flipped[section.offset + at] ^= 1
        (tmp_path / "damaged").write_bytes(flipped)
        with pytest.raises(DamagedIndexError, match="'lists' fails its checksum"):
            VectorIndex.load(tmp_path / "damaged")


def test_a_cold_process_scans_instead_of_loading_faiss(saved: Path) -> None:
    code = (
        "import sys; from vitrail.indexer.vectors.index import VectorIndex; "
        f"index, _ = VectorIndex.load({str(saved)!r}); "
        "found = index.search(index.vectors(index.ids()[:1]), 3); "
        "sys.exit('faiss' in sys.modules or not found.exact)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_plan_between_two_measured_ones_probes_no_more_lists_than_it_needs() -> None:
    assert between(ProbePlan(4, 0.90), ProbePlan(16, 0.98), 0.94) == ProbePlan(8, 0.94)
    assert between(ProbePlan(4, 0.90), ProbePlan(16, 0.98), 0.98) == ProbePlan(16, 0.98)


def test_a_warm_index_answers_as_a_cold_one(index: VectorIndex, saved: Path) -> None:
    warm, _ = VectorIndex.load(saved, policy=POLICY)
    warm.warm()
    cold, found = (each.search(QUERIES, 10) for each in (index, warm))
    assert np.array_equal(cold.ids, found.ids)
    assert not found.exact
