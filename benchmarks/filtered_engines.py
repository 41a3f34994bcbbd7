"""What the filter benchmark compares: ours, FAISS's graph in two ways, and LanceDB."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from benchmarks import machine
from benchmarks.engines import CONSTRUCTION, FaissHnsw, M, Vitrail
from benchmarks.truth import Ids, Mask
from benchmarks.vectors import Floats, Halves, blocks


class Found(NamedTuple):
    """Ids, best first, and what the answer says of itself, where it says anything."""

    ids: Ids
    told: float | None = None
    exact: bool | None = None


class FilteringEngine(Protocol):
    """Something that finds the nearest of those rows that a filter lets through.

    Making one imports its library.
    """

    own_index: bool
    """Whether its index holds the filters, so that nothing else can use it."""

    def build(self, rows: Halves, place: Path, filters: Mapping[str, Ids]) -> None:
        """Index (n, dim) unit rows under ids 0..n-1 in an empty folder, and filters by name."""

    def load(self, place: Path, filters: Mapping[str, Ids], size: int) -> None:
        """Make ready to answer behind filters of ``size`` rows."""

    def efforts(self, k: int) -> tuple[int, ...]:
        """What may be chosen from, by queries behind no filter."""

    def search(self, query: Floats, k: int, effort: int, name: str | None) -> Found:
        """The ``k`` nearest to a (1, dim) query behind a filter, or behind none."""

    def settle(self) -> None:
        """Wait until what is made beside queries, so that later ones are faster, is there."""


class VitrailFiltering:
    """Ours, given the ids that pass; asked for a recall of 0.98, which is its own default.

    They are handed in as a collection hands them in behind a filter that it was asked with before.
    """

    own_index = False

    def __init__(self) -> None:
        self._engine = Vitrail()

    def build(self, rows: Halves, place: Path, filters: Mapping[str, Ids]) -> None:
        self._engine.build(rows, place)

    def load(self, place: Path, filters: Mapping[str, Ids], size: int) -> None:
        self._engine.load(place)
        self._filters = {name: allowed.copy() for name, allowed in filters.items()}
        for allowed in self._filters.values():
            allowed.flags.writeable = False

    def efforts(self, k: int) -> tuple[int, ...]:
        return (980,)

    def search(self, query: Floats, k: int, effort: int, name: str | None) -> Found:
        allowed = None if name is None else self._filters[name]
        answer = self._engine.index.search(query, k, allowed=allowed, recall=effort / 1000)
        return Found(answer.ids[0], answer.recall, answer.exact)

    def settle(self) -> None:
        self._engine.index.settle()


MOST_FETCHED = 1 << 16
"""Rows that FAISS's graph is asked for at most, which takes it tens of milliseconds and more."""


class FaissFiltering:
    """FAISS's graph asked for more rows, twice as many each time, until enough of them pass.

    Whoever filters afterwards has to stop somewhere, as databases do that work so: it stops at
    ``MOST_FETCHED``, and the answer is short.
    """

    own_index = False

    def __init__(self) -> None:
        self._engine = FaissHnsw()
        self._masks: dict[str, Mask] = {}

    def build(self, rows: Halves, place: Path, filters: Mapping[str, Ids]) -> None:
        self._engine.build(rows, place)

    def load(self, place: Path, filters: Mapping[str, Ids], size: int) -> None:
        self._engine.load(place)
        self._masks = {name: np.zeros(size, bool) for name in filters}
        for name, allowed in filters.items():
            self._masks[name][allowed] = True
        self._counts = {name: len(allowed) for name, allowed in filters.items()}

    def efforts(self, k: int) -> tuple[int, ...]:
        return self._engine.efforts(k)

    def search(self, query: Floats, k: int, effort: int, name: str | None) -> Found:
        if name is None:
            return Found(self._engine.search(query, k, effort, 1)[0])
        mask, count = self._masks[name], self._counts[name]
        fetched, most = max(effort, -(-k * len(mask) // count)), min(MOST_FETCHED, len(mask))
        while True:
            fetched = min(fetched, most)
            near = self._engine.search(query, fetched, fetched, 1)[0]
            near = near[near >= 0]
            own = near[mask[near]]
            if len(own) >= min(k, count) or fetched == most:
                return Found(own[:k])
            fetched *= 2

    def settle(self) -> None:
        pass


class FaissSelecting:
    """FAISS's graph, whose search walks over all rows and keeps those that pass."""

    own_index = False

    def __init__(self) -> None:
        import faiss

        self._faiss: Any = faiss
        self._engine = FaissHnsw()

    def build(self, rows: Halves, place: Path, filters: Mapping[str, Ids]) -> None:
        self._engine.build(rows, place)

    def load(self, place: Path, filters: Mapping[str, Ids], size: int) -> None:
        self._engine.load(place)
        self._bits: dict[str, Any] = {}
        for name, allowed in filters.items():
            mask = np.zeros(size, bool)
            mask[allowed] = True
            self._bits[name] = np.packbits(mask, bitorder="little")

    def efforts(self, k: int) -> tuple[int, ...]:
        return self._engine.efforts(k)

    def search(self, query: Floats, k: int, effort: int, name: str | None) -> Found:
        if name is None:
            return Found(self._engine.search(query, k, effort, 1)[0])
        selector = self._faiss.IDSelectorBitmap(self._bits[name])
        settings = self._faiss.SearchParametersHNSW(efSearch=max(effort, k), sel=selector)
        return Found(self._engine.index.search(query, k, params=settings)[1][0])

    def settle(self) -> None:
        pass


class LanceFiltering:
    """LanceDB: a graph over bytes, rescored; a column of truth values with a bitmap a filter.

    It takes all threads that there are, and two where there is one: with one alone it waits for
    itself.
    """

    own_index = True

    def __init__(self) -> None:
        for pool in ("LANCE_CPU_THREADS", "LANCE_IO_THREADS", "TOKIO_WORKER_THREADS"):
            os.environ.setdefault(pool, str(max(2, machine.cores())))
        import lancedb

        self._library: Any = lancedb

    def build(self, rows: Halves, place: Path, filters: Mapping[str, Ids]) -> None:
        import pyarrow as pa
        from lancedb.index import Bitmap, HnswSq

        columns = {name: np.zeros(len(rows), bool) for name in filters}
        for name, allowed in filters.items():
            columns[name][allowed] = True

        def batch(start: int, block: Floats) -> Any:
            width = block.shape[1]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), width)
            ids = pa.array(np.arange(start, start + len(block)))
            own = {name: pa.array(each[start:][: len(block)]) for name, each in columns.items()}
            return pa.table({"id": ids, "vector": vectors, **own})

        parts = blocks(rows)
        table = self._library.connect(str(place)).create_table("rows", batch(*next(parts)))
        for start, block in parts:
            table.add(batch(start, block))
        graph = HnswSq(distance_type="dot", num_partitions=1, m=M, ef_construction=CONSTRUCTION)
        table.create_index("vector", config=graph)
        for name in filters:
            table.create_index(name, config=Bitmap())

    def load(self, place: Path, filters: Mapping[str, Ids], size: int) -> None:
        self._table = self._library.connect(str(place)).open_table("rows")

    def efforts(self, k: int) -> tuple[int, ...]:
        return tuple(k * wide for wide in (2, 3, 5, 10, 20, 40))

    def search(self, query: Floats, k: int, effort: int, name: str | None) -> Found:
        asked = self._table.search(query[0]).distance_type("dot").limit(k)
        asked = asked.select(["id", "_distance"]).ef(effort).refine_factor(2)
        if name is not None:
            asked = asked.where(name, prefilter=True)
        return Found(asked.to_arrow()["id"].to_numpy())

    def settle(self) -> None:
        pass


ENGINES: dict[str, type[FilteringEngine]] = {
    "vitrail": VitrailFiltering,
    "faiss-hnsw": FaissFiltering,
    "faiss-hnsw-selector": FaissSelecting,
    "lancedb": LanceFiltering,
}
