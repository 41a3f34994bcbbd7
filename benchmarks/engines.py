"""The engines that the search benchmark compares, behind one small interface."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.holdings import fill_collection
from benchmarks.vectors import Floats, blocks
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.searcher import Searcher

Ids = NDArray[np.int64]


class Engine(Protocol):
    """Something that indexes rows and answers queries."""

    efforts: tuple[int, ...]

    def build(self, rows: NDArray[np.float16]) -> int:
        """Index (n, dim) unit rows under ids 0..n-1; returns the bytes of the index on disk."""

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        """(q, k) nearest ids at some effort, one of ``efforts``."""

    def describe(self) -> str:
        """Kind and parameters in one line."""


class Vitrail:
    """Ours; its effort is the recall asked for, in thousandths. It chooses its threads itself."""

    efforts: tuple[int, ...] = (980, 990, 995)

    def build(self, rows: NDArray[np.float16]) -> int:
        index = VectorIndex.create(rows.shape[1])
        for start, block in blocks(rows):
            index = index.with_rows(np.arange(start, start + len(block), dtype=np.int64), block)
        index = index.built()
        self._folder = tempfile.TemporaryDirectory(prefix="vitrail-benchmark-")
        path = os.path.join(self._folder.name, "index")
        index.save(path, {})
        del index
        # What is timed is what a service does: an index loaded from its file, and warmed up.
        self.index, _ = VectorIndex.load(path)
        self.index.warm()
        return os.path.getsize(path)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        return self.index.search(queries, k, recall=effort / 1000).ids

    def describe(self) -> str:
        return self.index.kind


class VitrailCollection:
    """Ours as a user asks it: a stored collection, every hit with its paths and metadata."""

    efforts: tuple[int, ...] = (980,)

    def build(self, rows: NDArray[np.float16]) -> int:
        self._folder = tempfile.TemporaryDirectory(prefix="vitrail-benchmark-")
        place = os.path.join(self._folder.name, "collection")
        self._space = fill_collection(place, (block for _, block in blocks(rows)))
        self._store = CollectionStore.open(place)
        self._store.warm()
        self._searcher = Searcher(self._store.snapshot())
        files = (os.path.join(root, name) for root, _, names in os.walk(place) for name in names)
        return sum(os.path.getsize(file) for file in files)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        found = np.full((len(queries), k), -1, np.int64)
        asked = Query({self._space: queries}, {self._space: 1.0}, SearchOptions(k=k))
        one = len(queries) == 1
        answers = [self._searcher.search(asked)] if one else self._searcher.search_each(asked)
        for number, result in enumerate(answers):
            # The number of the row is in the path, so that hits without metadata would not count.
            found[number, : len(result.hits)] = [int(hit.paths[0][-12:-4]) for hit in result.hits]
        return found

    def describe(self) -> str:
        return f"collection, {self._store.index(self._space).kind}"


class FaissFlat:
    """FAISS's exact index, what a tutorial shows."""

    efforts: tuple[int, ...] = (0,)

    def build(self, rows: NDArray[np.float16]) -> int:
        import faiss

        self._faiss: Any = faiss
        self._index = faiss.IndexFlatIP(rows.shape[1])
        for _, block in blocks(rows):
            self._index.add(block)
        return int(rows.size) * 4

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._faiss.omp_set_num_threads(threads)
        found: Ids = self._index.search(queries, k)[1]
        return found

    def describe(self) -> str:
        return "IndexFlatIP"


class Hnswlib:
    """hnswlib with its usual M and construction effort, float32."""

    efforts: tuple[int, ...] = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

    def build(self, rows: NDArray[np.float16]) -> int:
        import hnswlib

        self._index: Any = hnswlib.Index(space="ip", dim=rows.shape[1])
        self._index.init_index(len(rows), M=16, ef_construction=100, random_seed=0)
        for start, block in blocks(rows):
            self._index.add_items(block, np.arange(start, start + len(block)))
        return int(self._index.index_file_size())

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._index.set_ef(max(effort, k))
        found = self._index.knn_query(queries, k, num_threads=threads)[0]
        return found.astype(np.int64)  # type: ignore[no-any-return]

    def describe(self) -> str:
        return "HNSW M=16 ef_construction=100 f32"


class Usearch:
    """usearch with its defaults but for half-precision storage."""

    efforts: tuple[int, ...] = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

    def build(self, rows: NDArray[np.float16]) -> int:
        from usearch.index import Index

        self._index: Any = Index(ndim=rows.shape[1], metric="ip", dtype="f16")
        for start, block in blocks(rows):
            self._index.add(np.arange(start, start + len(block)), block)
        return int(self._index.serialized_length)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._index.expansion_search = max(effort, k)
        keys = self._index.search(queries, k, threads=threads).keys
        return np.asarray(keys).reshape(len(queries), k).astype(np.int64)

    def describe(self) -> str:
        return f"HNSW M={self._index.connectivity} ef_add={self._index.expansion_add} f16"


ENGINES: dict[str, type[Engine]] = {
    "vitrail": Vitrail,
    "vitrail-collection": VitrailCollection,
    "faiss-flat": FaissFlat,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
}
