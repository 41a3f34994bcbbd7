"""The contenders of the neighbours benchmark: every row's ten nearest others, by each of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import DIM, Floats
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.neighbours import neighbours

Ids = NDArray[np.int64]
K = 10
_BLOCK = 10_000
_EFFORTS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_WHOLE = 200_000  # vectors up to which all are compared with all in earnest
_SHARE = 4_000


class Mapped:
    """Vectors of a mapped file, as neighbours are asked of a collection's."""

    dim = DIM

    def __init__(self, rows: Floats) -> None:
        self._rows = rows

    def ids(self) -> Ids:
        return np.arange(len(self._rows))

    def vectors(self, ids: Ids) -> Floats:
        found: Floats = np.asarray(self._rows[ids])
        return found


class Answer:
    """What a contender found, of all rows or of a share."""

    def __init__(
        self, found: Ids, building: float = 0.0, told: float | None = None, share: float = 1.0
    ) -> None:
        self.found, self.building, self.told, self.share = found, building, told, share


def ours(rows: Floats, sample: Ids, truth: Ids, recall: float) -> Answer:
    """``vitrail.indexer.vectors.neighbours``."""
    used = time.process_time()
    answer = neighbours(Mapped(rows), K, recall=recall)
    building = time.process_time() - used
    found = np.empty((len(rows), K), np.int64)
    for block in answer.blocks:
        found[block.ids] = block.neighbours
    return Answer(found, building, answer.recall)


def our_index(rows: Floats, sample: Ids, truth: Ids, recall: float) -> Answer:
    """The index of a collection, built, and asked for every row in batches."""
    used = time.process_time()
    index = VectorIndex.create(DIM).with_rows(np.arange(len(rows)), rows).built()
    building = time.process_time() - used
    found = np.empty((len(rows), K), np.int64)
    told = 1.0
    for start in range(0, len(rows), _BLOCK):
        part = index.search(np.asarray(rows[start : start + _BLOCK]), K + 1, recall=recall)
        told = min(told, part.recall)
        found[start : start + _BLOCK] = without_own(
            part.ids, np.arange(start, start + len(part.ids))
        )
    return Answer(found, building, told)


def faiss_knn(rows: Floats, sample: Ids, truth: Ids, recall: float) -> Answer:
    """All compared with all, by ``faiss.knn``; a share of the rows where they are many."""
    import faiss

    found = np.full((len(rows), K), -1, np.int64)
    asking = np.arange(0, len(rows), step_of(len(rows)))
    for start in range(0, len(asking), _BLOCK):
        some = asking[start : start + _BLOCK]
        part = faiss.knn(rows[some], rows, K + 1, metric=faiss.METRIC_INNER_PRODUCT)[1]
        found[some] = without_own(part, some)
    return Answer(found, share=len(asking) / len(rows))


def hnswlib(rows: Floats, sample: Ids, truth: Ids, recall: float) -> Answer:
    """HNSW as hnswlib builds it, with its usual M and construction effort."""
    import hnswlib

    used = time.process_time()
    index: Any = hnswlib.Index(space="ip", dim=DIM)
    index.init_index(len(rows), M=16, ef_construction=100, random_seed=0)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        index.add_items(part, np.arange(start, start + len(part)), num_threads=threads())
    building = time.process_time() - used

    def ask(part: Floats, effort: int) -> Ids:
        index.set_ef(max(effort, K + 1))
        ids: Ids = index.knn_query(part, K + 1, num_threads=threads())[0].astype(np.int64)
        return ids

    return Answer(all_by(ask, rows, sample, truth, recall), building)


def usearch(rows: Floats, sample: Ids, truth: Ids, recall: float) -> Answer:
    """HNSW as usearch builds it, with its defaults but for half-precision storage."""
    from usearch.index import Index

    used = time.process_time()
    index: Any = Index(ndim=DIM, metric="ip", dtype="f16")
    for start in range(0, len(rows), _BLOCK):
        part = np.asarray(rows[start : start + _BLOCK])
        index.add(np.arange(start, start + len(part)), part, threads=threads())
    building = time.process_time() - used

    def ask(part: Floats, effort: int) -> Ids:
        index.expansion_search = max(effort, K + 1)
        keys = index.search(np.asarray(part), K + 1, threads=threads()).keys
        return np.asarray(keys).reshape(len(part), K + 1).astype(np.int64)

    return Answer(all_by(ask, rows, sample, truth, recall), building)


Contender = Callable[[Floats, Ids, Ids, float], Answer]
CONTENDERS: dict[str, Contender] = {
    "vitrail": ours,
    "vitrail's index": our_index,
    "faiss.knn": faiss_knn,
    "hnswlib": hnswlib,
    "usearch": usearch,
}


def all_by(
    ask: Callable[[Floats, int], Ids], rows: Floats, sample: Ids, truth: Ids, recall: float
) -> Ids:
    """All rows' neighbours by the least effort that reaches a recall on some of them."""
    for effort in _EFFORTS:
        some = np.stack(
            [without_own(ask(rows[i : i + 1], effort), np.array([i]))[0] for i in sample.tolist()]
        )
        if share_found(some, truth) >= recall:
            break
    found = np.empty((len(rows), K), np.int64)
    for start in range(0, len(rows), _BLOCK):
        part = ask(rows[start : start + _BLOCK], effort)
        found[start : start + _BLOCK] = without_own(part, np.arange(start, start + len(part)))
    return found


def threads() -> int:
    """As many as this process was started with."""
    return int(os.environ["OMP_NUM_THREADS"])


def step_of(size: int) -> int:
    """Every how many rows are asked by who compares all with all."""
    return 1 if size <= _WHOLE else size // _SHARE


def without_own(found: Ids, asked: Ids) -> Ids:
    """(q, 10) of (q, 11) ids, the row's own left out, or the last one where it is not there."""
    own = found == asked[:, None]
    own[~own.any(axis=1), -1] = True
    others: Ids = found[~own].reshape(len(found), K)
    return others


def share_found(found: Ids, truth: Ids) -> float:
    """Recall."""
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)]))
