"""Approximate search for large collections: a graph of near neighbours over bytes, in FAISS.

A row is turned at random and kept as a byte a number; a search walks from neighbour to neighbour
towards the query (HNSW; Malkov and Yashunin, 2018). What it comes by only chooses candidates, which
are then scored from the stored vectors. It answers in a fraction of the time of inverted lists, and
takes longer to build. Where a filter leads, it is asked for more rows than are wanted, of which
those are dropped that may not be found: how far out the wanted ones lay is then seen, not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.building import OnStep, no_step
from vitrail.indexer.vectors.exact import Floats, Ids, Mask, clipped
from vitrail.indexer.vectors.faiss_memory import permute, read_copy, reserve, write_pieces
from vitrail.indexer.vectors.index_layout import Write
from vitrail.indexer.vectors.later import once
from vitrail.indexer.vectors.lists import threads
from vitrail.indexer.vectors.passing import Passing
from vitrail.indexer.vectors.plans import (
    Curves,
    ProbePlan,
    Trials,
    chosen,
    farthest,
    measured,
    measured_depth,
)
from vitrail.indexer.vectors.turning import random_axes, turned

_NEIGHBOURS = 16  # of a row in the graph; twice as many on the ground floor
_BUILDING = 72  # rows that a new one's neighbours are chosen among
_FIRST_EFFORT, _MOST_EFFORT = 16, 8192  # rows that a search holds on to
_SEED = 20240524
_SAMPLE = 4096  # rows by which it is told how large their numbers are
_WITHIN = 0.9999  # of their numbers fit into a byte, the others are cut off
_BYTE = 127
_ADD_NUMBERS = 3 << 18  # of rows that are added between two steps that are told: 2048 of 384
_ADD_LEAST = 256  # rows, as FAISS looks at all that are there before it adds any
_LINKS = 1 << 22  # looked at together
# Recall is measured by the graph's own images. Of the neighbours of new ones more are missed: 1.5
# times as many of those of parts of photographs, 1.2 to 1.4 of parts of a million drawn pictures.
_MISSING = 1.5
_MEGABYTE = 1 << 20
Places = NDArray[np.int32]
_PLANS = 256  # remembered
_FEW_BITS = 17  # of the number of rows: a hundred thousand


def _faiss() -> Any:
    """FAISS, loaded late because it takes a third of a second; its stubs miss half of its calls."""
    import faiss

    return faiss


class NeighbourGraph:
    """Candidates for the rows of a matrix, by their positions 0..n-1.

    Args:
        turn: (b, dim / b, dim / b) float32 by which rows are turned and enlarged to the range of a
            byte: every b-th number of a row by the first, those that come after each by the next.
        curves: k -> plans, ascending, with recall@k.
        places: (n,) int32, the position of the row that each node of the graph stands for.
        load: gives the ``faiss.IndexHNSWSQ``; called at the first use.
        size: bytes that ``load`` reads.
    """

    def __init__(
        self,
        turn: Floats,
        curves: Curves,
        places: Places,
        load: Callable[[], Any],
        *,
        size: int = 0,
    ) -> None:
        self.turn = turn
        self.curves = curves
        self.places = places
        self._load = load
        self._in_file = size > 0
        self._awaited = size // _MEGABYTE
        self._plans: dict[tuple[float, int, float], ProbePlan | None] = {}
        self._settings: dict[int, Any] = {}

    @classmethod
    def empty(cls, matrix: Floats) -> NeighbourGraph:
        """A graph for rows like those of (n, dim) ``matrix``, n at least 1; holds none yet."""
        faiss = _faiss()
        dim = matrix.shape[1]
        rng = np.random.default_rng(_SEED)
        axes = random_axes(dim, rng)
        sample = np.sort(rng.choice(len(matrix), min(len(matrix), _SAMPLE), replace=False))
        largest = max(float(np.quantile(np.abs(turned(matrix[sample], axes)), _WITHIN)), 1e-6)
        codec = faiss.ScalarQuantizer.QT_8bit_direct_signed
        index = faiss.IndexHNSWSQ(dim, codec, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _BUILDING
        index.is_trained = True  # bytes as they are: there is nothing to learn
        return cls(axes * np.float32(_BYTE / largest), {}, np.empty(0, np.int32), lambda: index)

    @classmethod
    def from_bytes(
        cls,
        data: Callable[[], NDArray[np.uint8]],
        size: int,
        turn: Floats,
        places: Places,
        header: dict[str, Any],
    ) -> NeighbourGraph:
        """A graph that is read where it lies: what ``write_to`` and its attributes gave.

        Args:
            data: gives (size,) bytes, their checksum compared; called at the first use.
            size: in bytes.
            turn: as ``turn`` was.
            places: as ``places`` were.
            header: as ``header`` gave it.

        Raises:
            KeyError, TypeError, ValueError: the header is of another make.
        """

        def load() -> Any:
            faiss, held = _faiss(), data()
            index = faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(held), held.size))
            index.referenced_objects = [held]  # which FAISS reads where it lies
            if index.ntotal != len(places):
                raise ValueError(f"a graph of {index.ntotal} nodes has {len(places)} places")
            return index

        curves = {
            int(k): [ProbePlan(int(effort), float(recall)) for effort, recall in plans]
            for k, plans in header["curves"].items()
        }
        if turn.ndim != 3 or turn.shape[1] != turn.shape[2]:
            raise ValueError(f"a graph's turn is {turn.shape}")
        return cls(turn, curves, places, load, size=size)

    def write_to(self, write: Write) -> None:
        """FAISS's own serialisation, in pieces."""
        write_pieces(self._index, write)

    def header(self) -> dict[str, Any]:
        """What ``from_bytes`` needs beside the bytes, as plain JSON types."""
        return {"curves": self.curves}

    def copied(self) -> NeighbourGraph:
        """The same graph once more, for rows to be appended to."""
        own = self._index
        # A clone of what is read where it lies would lie there too.
        index = read_copy(own.referenced_objects[0]) if self._in_file else _faiss().clone_index(own)
        return NeighbourGraph(self.turn, self.curves, self.places, lambda: index)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def kind(self) -> str:
        """FAISS's factory string."""
        return f"HNSW{_NEIGHBOURS},SQ8_direct_signed"

    def ready(self, queries: int) -> bool:
        """Whether it is loaded, or is worth loading now that so many more queries come.

        Loading reads all of it to compare its checksum, at .7 ms a megabyte, which is about what
        two queries save; one a megabyte is awaited.
        """
        if self.loaded:
            return True
        self._awaited -= queries
        return self._awaited < 0

    @property
    def loaded(self) -> bool:
        """Whether FAISS holds it already."""
        return "_index" in self.__dict__

    def warm(self) -> None:
        """Load it."""
        _ = self._index

    @once
    def _index(self) -> Any:
        return self._load()

    def append(self, matrix: Floats, on_step: OnStep = no_step) -> None:
        """Add the rows of ``matrix`` that are beyond those already here.

        Raises:
            RuntimeError: it is read where it lies in a file, which FAISS would end the process for.
        """
        if self._in_file:
            raise RuntimeError("rows are added to a copy of a graph that lies in a file")
        # At random, as images that come one after the other are often alike: links of the first
        # ones would lead nowhere else.
        before = len(self)
        order = np.random.default_rng(_SEED).permutation(len(matrix) - before) + before
        size = max(_ADD_LEAST, _ADD_NUMBERS // matrix.shape[1])
        for start in range(0, len(order), size):
            order[start : start + size].sort()
        reserve(self._index, len(matrix))
        with threads(_faiss(), 1):  # several would make another graph each time
            for start in range(0, len(order), size):
                block = order[start : start + size]
                # FAISS cuts off what is behind the point, which would move all rows one way.
                self._index.add(np.rint(self._turned(matrix[block])))
                on_step("linking", start + len(block), len(order))
        self.places = np.concatenate([self.places, order.astype(np.int32)])

    def lay_out(self, order: NDArray[np.integer], on_step: OnStep = no_step) -> None:
        """Put nodes that are looked at one after the other beside each other in memory.

        Of a million rows a search comes to its neighbours in four fifths of the time then. Only of
        a graph that was made here, and not shared yet.

        Args:
            order: (n,) positions of all rows, near ones one after the other.
            on_step: told of ``ordering``.
        """
        node_of = np.empty(len(self), np.int64)
        node_of[self.places] = np.arange(len(self))
        permute(self._index, node_of[order], lambda done: on_step("ordering", done, len(order)))
        self.places = order.astype(np.int32)

    def measure(self, trials: Trials, on_step: OnStep = no_step) -> None:
        """Fill ``curves`` by looking up rows, and comparing with what an exact scan found."""
        steps = []
        effort = float(_FIRST_EFFORT)
        while effort < min(_MOST_EFFORT, 2 * len(self)):
            steps.append(round(effort))
            effort *= math.sqrt(2)
        with self._unlinked(~trials.others.marks):
            self.curves = measured(self._for_trial, steps, trials, on_step)
        self._plans = {}

    @contextmanager
    def _unlinked(self, rows: Mask) -> Iterator[None]:
        """No way leads to (n,) bool ``rows`` meanwhile, as if they had never been added.

        A row that is looked up would be met early, and its neighbours with it, whereas a new image
        has no neighbours in the graph. Each link to one leads to where it comes from, which is
        where nothing is left to be seen. Only of a graph that was made here, and not shared yet.
        """
        faiss, graph = _faiss(), self._index.hnsw
        links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())
        ends = faiss.rev_swig_ptr(graph.offsets.data(), graph.offsets.size())
        marks = np.append(rows[self.places], False)  # the last for empty ones, which are -1
        starts = range(0, len(links), _LINKS)  # in pieces: numpy takes 8 bytes for each
        pieces = (np.flatnonzero(marks[links[at : at + _LINKS]]) + at for at in starts)
        cut = np.concatenate([np.empty(0, np.int64), *pieces])
        kept = links[cut]
        links[cut] = np.searchsorted(ends, cut, side="right") - 1
        try:
            yield
        finally:
            links[cut] = kept

    def _for_trial(
        self, queries: Floats, k: int, effort: int, keep: Passing | None
    ) -> NDArray[np.int64]:
        found = self._near(queries, effort, effort, alone=False)
        near = np.full((len(queries), self._spare(k)), -1, np.int64)
        for i, row in enumerate(found):
            own = row[row >= 0] if keep is None else row[row >= 0][keep.marks[row[row >= 0]]]
            near[i, : min(len(own), near.shape[1])] = own[: near.shape[1]]
        return near

    def plan(self, recall: float, k: int, share: float = 1.0) -> ProbePlan | None:
        """The cheapest plan that reaches ``recall`` for the ``k`` nearest; None if none does.

        Args:
            recall: from 0 to 1.
            k: how many are wanted.
            share: of the rows that may be found, taken at random.
        """
        asked = recall, k, share
        known = self._plans  # other threads may put another one in its place
        if asked in known:
            return known[asked]
        plan = self._planned(*asked)
        self._plans = {asked: plan} if len(known) >= _PLANS else {**known, asked: plan}
        return plan

    def _planned(self, recall: float, k: int, share: float) -> ProbePlan | None:
        reach = k / share
        if reach > max(self.curves, default=0):
            return None
        found = chosen(self.curves, recall, reach, missing=_MISSING)
        least = math.ceil(farthest(k, reach)) if share < 1 else self._spare(k)
        return found and found._replace(probes=max(found.probes, least))

    def candidates(
        self,
        queries: Floats,
        k: int,
        plan: ProbePlan,
        keep: Passing | None,
        share: float,
        *,
        alone: bool = True,
    ) -> list[Ids | None]:
        """Positions that probably hold the ``k`` nearest rows of each query.

        ``None`` stands where too few of the rows that it came by may be found, or where they lie
        farther out than the plan is for.

        Args:
            queries: (q, dim) float32, unit rows.
            k: how many are wanted, at least 1; some more are returned.
            plan: as ``plan`` gave it for this ``k`` and ``share``.
            keep: the rows that may be found; ``None`` for all.
            share: of the rows that may be found.
            alone: whether this thread does it all, as where others answer other queries.
        """
        wanted = plan.probes if keep is not None else min(self._spare(k), plan.probes)
        found = self._near(queries, wanted, plan.probes, alone=alone)
        if keep is None:
            return [_enough(row, k) for row in found]
        reach = k / share
        most = max(measured_depth(self.curves, reach), farthest(k, reach))
        return [_allowed(row, k, self._spare(k), keep.marks, most) for row in found]

    def _spare(self, k: int) -> int:
        """Candidates to score for the ``k`` nearest: bytes hardly swap any but the last.

        Among more rows more are nearly as near: six for each tenfold.
        """
        return k + k // 5 + 4 + 2 * max(0, len(self).bit_length() - _FEW_BITS)

    def _turned(self, rows: Floats) -> Floats:
        return clipped(turned(rows, self.turn), -_BYTE - 1, _BYTE)

    def _near(self, queries: Floats, wanted: int, effort: int, *, alone: bool) -> NDArray[np.int64]:
        """(q, wanted) int64 positions, the best by their bytes first; -1 fills up."""
        faiss, many = _faiss(), len(queries)
        turned = self._turned(queries)
        found = np.empty((many, wanted), np.int64)
        scores = np.empty((many, wanted), np.float32)
        pointers = faiss.swig_ptr(scores), faiss.swig_ptr(found)
        ask = many, faiss.swig_ptr(turned), wanted, *pointers, self._efforts(effort)
        if many == 1:  # FAISS starts no threads for one
            self._index.search_c(*ask)
        else:
            with threads(faiss, 1 if alone else None):
                self._index.search_c(*ask)
        positions = self.places.take(found, mode="wrap").astype(np.int64)  # -1 is the last one
        if found[:, -1].min() < 0:
            positions[found < 0] = -1
        return positions

    def _efforts(self, effort: int) -> Any:
        """FAISS's parameters, which any number of threads may read; making them takes a while."""
        known = self._settings
        if effort not in known:
            made = _faiss().SearchParametersHNSW(efSearch=effort)
            known = self._settings = (
                {effort: made} if len(known) >= _PLANS else {**known, effort: made}
            )
        return known[effort]


def _enough(row: Ids, k: int) -> Ids | None:
    if row[-1] < 0:
        row = row[row >= 0]
    return row if len(row) >= k else None


def _allowed(row: Ids, k: int, spare: int, keep: Mask, most: float) -> Ids | None:
    """The first ``spare`` that may be found, unless the k-th is farther out than ``most``."""
    row = row[row >= 0]
    places = np.flatnonzero(keep[row])
    if len(places) < k or places[k - 1] >= most:
        return None
    return row[places[:spare]]
