"""Neighbours of all vectors, and near pairs, beside what a plain comparison of all finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.collection.holdings import FINGERPRINT, files, images
from tests.indexer.vectors.vector_sets import Floats, Ids, clustered, recall, unit
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import best_of_block, meetings
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.neighbour_plans import NeighbourPolicy
from vitrail.indexer.vectors.neighbours import NeighbourBlock, PairBlock, near_pairs, neighbours

IN_CLUSTERS = NeighbourPolicy(scanned=0, cluster_rows=40, samples=200)
ROOT = Path(__file__).parents[3]


def stored(rows: Floats, ids: Ids | None = None) -> VectorIndex:
    ids = np.arange(len(rows), dtype=np.int64) if ids is None else ids
    return VectorIndex.create(rows.shape[1]).with_rows(ids, rows)


def whole(blocks: list[NeighbourBlock]) -> NeighbourBlock:
    """All blocks as one, by ascending id."""
    ids, found, cosines = (np.concatenate(part) for part in zip(*blocks, strict=True))
    order = np.argsort(ids)
    return NeighbourBlock(ids[order], found[order], cosines[order])


def by_hand(asking: VectorIndex, answering: VectorIndex, k: int, *, own: bool) -> NeighbourBlock:
    """Each of one with each of the other; ``own``: an id is no neighbour of itself."""
    ids, known = asking.ids(), answering.ids()
    found = np.full((len(ids), k), -1, np.int64)
    cosines = np.full((len(ids), k), np.nan, np.float32)
    rows = answering.vectors(known)
    for i, query in enumerate(asking.vectors(ids)):
        scores = np.clip(np.vecdot(rows, query), -1, 1)
        first = np.lexsort((known, -scores))[: k + 1]
        order = [j for j in first if not (own and known[j] == ids[i])][:k]
        found[i, : len(order)], cosines[i, : len(order)] = known[order], scores[order]
    return NeighbourBlock(ids, found, cosines)


def agree(found: NeighbourBlock, true: NeighbourBlock) -> None:
    for ours, theirs in zip(found, true, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def pairs_of(blocks: list[PairBlock]) -> dict[tuple[int, int], float]:
    """Pairs and their cosines; none is told twice."""
    told = [
        ((int(a), int(b)), float(cosine))
        for block in blocks
        for a, b, cosine in zip(*block, strict=True)
    ]
    assert len(dict(told)) == len(told)
    return dict(told)


# Small whole numbers, so that there are copies, opposites and ties of vectors that differ.
coarse = st.lists(st.tuples(*[st.integers(-2, 2)] * 3).filter(any), min_size=1, max_size=40).map(
    lambda rows: unit(np.array(rows, np.float64))
)


def test_four_vectors_on_a_circle() -> None:
    angles = np.radians([0, 10, 30, 90])
    rows = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    answer = neighbours(stored(rows, np.array([3, 5, 8, 9])), 2)
    assert answer.exact
    [block] = answer.blocks
    assert block.ids.tolist() == [3, 5, 8, 9]
    assert block.neighbours.tolist() == [[5, 8], [3, 8], [5, 3], [8, 5]]
    apart = np.radians([[10, 30], [10, 20], [20, 30], [60, 80]])
    np.testing.assert_allclose(block.cosines, np.cos(apart), atol=1e-6)
    near = near_pairs(stored(rows), np.cos(np.radians(20.1)))
    assert pairs_of(list(near.blocks)).keys() == {(0, 1), (1, 2)}


@settings(max_examples=examples(150), deadline=None)
@given(coarse, st.integers(1, 6), st.integers(0, 1000))
def test_a_scan_finds_what_all_comparisons_find(rows: Floats, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = stored(rows, np.sort(rng.choice(100, len(rows), replace=False)).astype(np.int64))
    agree(whole(list(neighbours(index, k).blocks)), by_hand(index, index, k, own=True))
    least = float(rng.uniform(-1, 1))
    true = by_hand(index, index, len(rows), own=True)
    expected = {
        (int(a), int(b)): float(cosine)
        for a, row, cosines in zip(*true, strict=True)
        for b, cosine in zip(row, cosines, strict=True)
        if b > a and cosine >= least
    }
    assert pairs_of(list(near_pairs(index, least).blocks)) == expected


@settings(max_examples=examples(100), deadline=None)
@given(coarse, coarse, st.integers(1, 6), st.integers(0, 1000))
def test_others_may_ask_and_some_may_be_left_out(
    rows: Floats, others: Floats, k: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    index, asking = stored(rows), stored(others)  # whose ids overlap, and mean other images
    allowed, asked = rng.choice(60, 30), rng.choice(60, 30)
    some = index.without(np.setdiff1d(index.ids(), allowed))
    few = asking.without(np.setdiff1d(asking.ids(), asked))
    found = neighbours(index, k, asking=asking, allowed=allowed, asked=asked)
    if len(few):
        agree(whole(list(found.blocks)), by_hand(few, some, k, own=False))
    else:
        assert list(found.blocks) == []
    own = index.without(np.setdiff1d(index.ids(), asked))
    if len(own):
        found = neighbours(index, k, allowed=allowed, asked=asked)
        agree(whole(list(found.blocks)), by_hand(own, some, k, own=True))


@settings(max_examples=examples(100), deadline=None)
@given(coarse, st.integers(0, 1000))
def test_pairs_of_some_with_some_are_told_once(rows: Floats, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = stored(rows)
    allowed, asked = (np.unique(rng.choice(40, 20)) for _ in range(2))
    told = pairs_of(list(near_pairs(index, 0.5, allowed=allowed, asked=asked).blocks))
    true = by_hand(index, index, len(rows), own=True)
    expected = {
        frozenset((int(a), int(b)))
        for a, row, cosines in zip(*true, strict=True)
        for b, cosine in zip(row, cosines, strict=True)
        if a in asked and b in allowed and cosine >= 0.5
    }
    assert {frozenset(pair) for pair in told} == expected
    assert len(told) == len(expected)


def test_nothing_one_image_and_more_neighbours_than_images() -> None:
    empty = VectorIndex.create(3)
    assert list(neighbours(empty, 4).blocks) == []
    assert list(near_pairs(empty, 0.5).blocks) == []
    one = stored(unit(np.ones((1, 3))))
    [block] = neighbours(one, 2).blocks
    assert (block.ids.tolist(), block.neighbours.tolist()) == ([0], [[-1, -1]])
    assert np.isnan(block.cosines).all()
    [block] = neighbours(empty, 1, asking=one).blocks
    assert block.neighbours.tolist() == [[-1]]
    [block] = neighbours(stored(unit(np.eye(3))), 5).blocks
    assert block.neighbours.tolist() == [[1, 2, -1, -1, -1], [0, 2, -1, -1, -1], [0, 1, -1, -1, -1]]


@pytest.mark.parametrize("policy", [NeighbourPolicy(), IN_CLUSTERS])
def test_of_many_copies_the_first_are_given(policy: NeighbourPolicy) -> None:
    rows = np.concatenate([np.repeat(clustered(1, 16), 900, axis=0), clustered(3000, 16, seed=1)])
    order = np.random.default_rng(2).permutation(len(rows))
    found = whole(list(neighbours(stored(rows[order]), 5, policy=policy).blocks))
    copies = np.flatnonzero(order < 900)
    first = copies[:6].tolist()
    for image_id in copies:
        assert found.neighbours[image_id].tolist() == [i for i in first if i != image_id][:5]
    np.testing.assert_allclose(found.cosines[copies], 1, atol=1e-6)


@pytest.fixture(scope="module")
def many() -> VectorIndex:
    return stored(clustered(4000, 32), np.arange(4000, dtype=np.int64) * 3 + 1)


@pytest.fixture(scope="module")
def truth(many: VectorIndex) -> NeighbourBlock:
    return by_hand(many, many, 60, own=True)


@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("wanted", [0.8, 0.95])
def test_clusters_hold_the_share_of_neighbours_that_they_tell(
    many: VectorIndex, truth: NeighbourBlock, k: int, wanted: float
) -> None:
    answer = neighbours(many, k, recall=wanted, policy=IN_CLUSTERS)
    assert wanted - 0.03 <= answer.recall < 1
    found = whole(list(answer.blocks))
    assert found.ids.tolist() == many.ids().tolist()
    true = truth.neighbours[:, :k]
    assert recall(found.neighbours, true) >= answer.recall - 0.03
    assert recall(found.neighbours, true) < 1, "or nothing was approximated"
    np.testing.assert_array_less(np.diff(found.cosines, axis=1), 1e-9)
    rows = many.vectors(found.neighbours.ravel()).reshape(-1, k, 32)
    expected = np.einsum("qd,qkd->qk", many.vectors(found.ids), rows)
    np.testing.assert_allclose(found.cosines, expected, atol=1e-6)


def test_full_recall_compares_everything(many: VectorIndex) -> None:
    answer = neighbours(many, 3, recall=1, policy=IN_CLUSTERS, asked=np.arange(1, 900))
    assert answer.exact
    found = whole(list(answer.blocks))
    own = many.without(np.arange(900, 20_000))
    agree(found, by_hand(own, many, 3, own=True))


def test_others_ask_clusters(many: VectorIndex) -> None:
    others = stored(clustered(700, 32, seed=3))
    answer = neighbours(many, 5, asking=others, policy=IN_CLUSTERS, recall=0.9)
    found = whole(list(answer.blocks))
    assert not answer.exact
    true = by_hand(others, many, 5, own=False)
    assert recall(found.neighbours, true.neighbours) >= 0.87


def test_clusters_hold_the_share_of_pairs_that_they_tell(many: VectorIndex) -> None:
    truth = pairs_of(list(near_pairs(many, 0.9).blocks))
    assert len(truth) > 1000
    answer = near_pairs(many, 0.9, recall=0.9, policy=IN_CLUSTERS)
    told = pairs_of(list(answer.blocks))
    assert told.keys() < truth.keys()
    assert len(told) / len(truth) >= answer.recall - 0.03
    assert all(abs(truth[pair] - cosine) < 1e-6 for pair, cosine in told.items())


def test_an_answer_is_the_same_again_and_in_smaller_parts(
    many: VectorIndex, truth: NeighbourBlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = whole(list(neighbours(many, 8, policy=IN_CLUSTERS, recall=0.9).blocks))
    again = whole(list(neighbours(many, 8, policy=IN_CLUSTERS, recall=0.9).blocks))
    agree(again, first)
    monkeypatch.setattr(meetings, "_SCORES", 1 << 12)
    monkeypatch.setattr(meetings, "_BLOCK", 500)
    monkeypatch.setattr(meetings, "_CLUSTERED_FLOATS", 1 << 10)
    monkeypatch.setattr(best_of_block, "_HELD", 3000)
    monkeypatch.setattr(best_of_block, "_SCORED", 100)
    parts = list(neighbours(many, 8, policy=IN_CLUSTERS, recall=0.9).blocks)
    assert len(parts) > 5
    agree(whole(parts), first)
    scanned = list(neighbours(many, 8).blocks)
    assert len(scanned) == 8
    found = whole(scanned)
    agree(found, NeighbourBlock(found.ids, truth.neighbours[:, :8], truth.cosines[:, :8]))


@pytest.mark.parametrize("policy", [NeighbourPolicy(), IN_CLUSTERS])
def test_progress_is_told_and_a_stop_is_heard(many: VectorIndex, policy: NeighbourPolicy) -> None:
    told: list[tuple[int, int]] = []
    answer = neighbours(
        many, 2, policy=policy, recall=0.9, on_progress=lambda *counts: told.append(counts)
    )
    sizes = [len(block.ids) for block in answer.blocks]
    assert told == [(int(done), 4000) for done in np.cumsum(sizes)]
    assert told[-1] == (4000, 4000)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    answer = neighbours(many, 2, policy=policy, recall=0.9, stop=stop)
    assert sum(len(block.ids) for block in answer.blocks) < 4000
    assert list(neighbours(many, 2, policy=policy, stop=lambda: True).blocks) == []
    assert list(near_pairs(many, 0.9, policy=policy, stop=lambda: True).blocks) == []


def test_snapshots_of_two_commits(tmp_path: Path) -> None:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as writer:
        writer.commit(Batch(images(range(30)), files(range(30))))
    with (
        CollectionStore.open(tmp_path / "c") as reader,
        CollectionStore.open(tmp_path / "c", writable=True) as writer,
    ):
        before = reader.snapshot("cls@2")
        writer.remove([writer.resolve("/pictures/3.jpg")])
        writer.commit(Batch(images(range(30, 40)), files(range(30, 40))))
        reader.refresh()
        after = reader.snapshot("cls@2")
        gone = before.resolve("/pictures/3.jpg")
        found = whole(list(neighbours(after.index("cls@2"), 4).blocks))
        assert gone not in found.ids
        assert gone not in found.neighbours
        agree(found, by_hand(after.index("cls@2"), after.index("cls@2"), 4, own=True))
        across = neighbours(after.index("cls@2"), 1, asking=before.index("cls@2"))
        found = whole(list(across.blocks))
        same = found.ids == found.neighbours[:, 0]
        assert found.ids[~same].tolist() == [gone]
        np.testing.assert_allclose(found.cosines[same], 1, atol=1e-6)


def test_what_cannot_be_asked(many: VectorIndex) -> None:
    with pytest.raises(InputError, match="k must be at least 1, not 0"):
        neighbours(many, 0)
    with pytest.raises(InputError, match=r"recall must be above 0 and at most 1, not 1\.5"):
        neighbours(many, 1, recall=1.5)
    with pytest.raises(InputError, match=r"vectors of 3 numbers .* among vectors of 32"):
        neighbours(many, 1, asking=VectorIndex.create(3))
    with pytest.raises(InputError, match="least cosine is 2"):
        near_pairs(many, 2)


class Broken:
    """Two vectors, one of them of NaN."""

    dim = 2

    def ids(self) -> Ids:
        return np.array([4, 7])

    def vectors(self, ids: Ids) -> Floats:
        rows = np.array([[1, 0], [np.nan, 0]], np.float32)
        return rows[np.searchsorted([4, 7], ids)]


def test_no_neighbours_of_nonsense() -> None:
    with pytest.raises(CollectionError, match="no unit vectors"):
        list(neighbours(Broken(), 1).blocks)


def test_memory_is_bounded_by_blocks(tmp_path: Path) -> None:
    """120,000 vectors of 64 on the disk take 31 MB; their products with one another 58 GB."""
    path = tmp_path / "rows.npy"
    np.save(path, clustered(120_000, 64))
    script = f"""
import resource, sys
import numpy as np
from vitrail.indexer.vectors.neighbours import neighbours
import faiss
rows = np.load({str(path)!r}, mmap_mode="r")
class Stored:
    dim = 64
    def ids(self): return np.arange(len(rows))
    def vectors(self, ids): return np.asarray(rows[ids])
rows[:10] @ rows[:10].T
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer = neighbours(Stored(), 10, recall=0.8)
assert not answer.exact
count = sum(len(block.ids) for block in answer.blocks)
assert count == len(rows), count
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(result.stdout) < 400_000, "kilobytes"
