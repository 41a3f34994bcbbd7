"""The engines that the search benchmark compares, behind one small interface: ours and FAISS's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.holdings import fill_collection
from benchmarks.truth import Ids
from benchmarks.vectors import Floats, Halves, blocks
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

WIDTHS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""How many rows a search of a graph holds on to."""
M, CONSTRUCTION = 16, 100  # of every rival's graph: hnswlib's usual ones


class Engine(Protocol):
    """Something that indexes rows in a folder, and answers queries from there in another process.

    Making one imports its library, and nothing more.
    """

    def build(self, rows: Halves, place: Path) -> None:
        """Index (n, dim) unit rows under ids 0..n-1, and write the index to an empty folder."""

    def load(self, place: Path) -> None:
        """Make ready to answer from what ``build`` wrote."""

    def efforts(self, k: int) -> tuple[int, ...]:
        """What to try for the ``k`` nearest, ascending."""

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        """(q, k) nearest ids at some effort."""

    def describe(self) -> str:
        """Kind and parameters in one line."""


class Vitrail:
    """Ours; its effort is the recall asked for, in thousandths.

    It chooses its threads itself: who wants one has to hold numpy's products to it meanwhile, which
    takes too long to be done in a search that is timed.
    """

    def __init__(self) -> None:
        import faiss  # noqa: F401 - the library it is made of, as others import theirs

    def build(self, rows: Halves, place: Path) -> None:
        index = VectorIndex.create(rows.shape[1], folder=place)
        for start, block in blocks(rows):
            index = index.with_rows(np.arange(start, start + len(block), dtype=np.int64), block)
        index.built().save(place / "index", {})

    def load(self, place: Path) -> None:
        self.index, _ = VectorIndex.load(place / "index")
        self.index.warm()

    def efforts(self, k: int) -> tuple[int, ...]:
        return (700, 800, 900, 950, 960, 970, 975, 980, 985, 990, 995, 998, 1000)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        return self.index.search(queries, k, recall=effort / 1000, exact=effort == 1000).ids

    def describe(self) -> str:
        return self.index.kind


class VitrailCollection:
    """Ours as a user asks it: a stored collection, every hit with its paths and metadata."""

    def build(self, rows: Halves, place: Path) -> None:
        fill_collection(place / "collection", (block for _, block in blocks(rows)))

    def load(self, place: Path) -> None:
        self._store = CollectionStore.open(place / "collection")
        self._store.warm()
        ((self._space, _),) = self._store.fingerprint.spaces
        self._searcher = Searcher(self._store.snapshot())

    def efforts(self, k: int) -> tuple[int, ...]:
        return (980,)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        found = np.full((len(queries), k), -1, np.int64)
        asked = Query({self._space: queries}, {self._space: 1.0}, SearchOptions(k=k))
        one = len(queries) == 1
        answers = [self._searcher.search(asked)] if one else self._searcher.search_each(asked)
        for number, result in enumerate(answers):
            # The number of the row is in the path, so that hits without metadata would not count.
            for rank, hit in enumerate(result.hits):
                _ = hit.metadata.width  # read, like all of it, when somebody first looks at it
                found[number, rank] = int(hit.paths[0][-12:-4])
        return found

    def describe(self) -> str:
        return f"collection, {self._store.index(self._space).kind}"


class FaissFlat:
    """FAISS's exact index, what a tutorial shows."""

    def __init__(self) -> None:
        import faiss

        self._faiss: Any = faiss

    def build(self, rows: Halves, place: Path) -> None:
        index = self._empty(rows.shape[1])
        for _, block in blocks(rows):
            index.add(block)
        self._faiss.write_index(index, str(place / "index"))

    def load(self, place: Path) -> None:
        self.index: Any = self._faiss.read_index(str(place / "index"))

    def efforts(self, k: int) -> tuple[int, ...]:
        return (0,)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._faiss.omp_set_num_threads(threads)
        found: Ids = self.index.search(queries, k)[1]
        return found

    def describe(self) -> str:
        return "IndexFlatIP"

    def _empty(self, dim: int) -> Any:
        return self._faiss.IndexFlatIP(dim)


class FaissHnsw(FaissFlat):
    """FAISS's graph over float32, with hnswlib's usual parameters."""

    def efforts(self, k: int) -> tuple[int, ...]:
        return widths(k)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self.index.hnsw.efSearch = max(effort, k)
        return super().search(queries, k, effort, threads)

    def describe(self) -> str:
        return f"IndexHNSWFlat M={M} efConstruction={CONSTRUCTION}"

    def _empty(self, dim: int) -> Any:
        index = self._faiss.IndexHNSWFlat(dim, M, self._faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = CONSTRUCTION
        return index


def widths(k: int) -> tuple[int, ...]:
    """How many rows to hold on to for the ``k`` nearest, which fewer than ``k`` cannot be."""
    return tuple(width for width in WIDTHS if width >= k) if k > WIDTHS[0] else WIDTHS
