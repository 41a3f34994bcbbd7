"""Rivals of the search benchmark beside FAISS: hnswlib, usearch, voyager, RaBitQ's own library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.engines import (
    CONSTRUCTION,
    Engine,
    FaissFlat,
    FaissHnsw,
    M,
    Vitrail,
    VitrailCollection,
    widths,
)
from benchmarks.truth import Ids
from benchmarks.vectors import Floats, Halves, blocks, unit


class Hnswlib:
    """hnswlib with its usual M and construction effort, float32."""

    def __init__(self) -> None:
        import hnswlib

        self._library: Any = hnswlib

    def build(self, rows: Halves, place: Path) -> None:
        index = self._library.Index(space="ip", dim=rows.shape[1])
        index.init_index(len(rows), M=M, ef_construction=CONSTRUCTION, random_seed=0)
        for start, block in blocks(rows):
            index.add_items(block, np.arange(start, start + len(block)))
        index.save_index(str(place / "index"))
        (place / "dim").write_text(str(rows.shape[1]))

    def load(self, place: Path) -> None:
        self._index = self._library.Index(space="ip", dim=int((place / "dim").read_text()))
        self._index.load_index(str(place / "index"))

    def efforts(self, k: int) -> tuple[int, ...]:
        return widths(k)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._index.set_ef(max(effort, k))
        found = self._index.knn_query(queries, k, num_threads=threads)[0]
        return found.astype(np.int64)  # type: ignore[no-any-return]

    def describe(self) -> str:
        return f"HNSW M={M} ef_construction={CONSTRUCTION} f32"


class Usearch:
    """usearch with its defaults but for half-precision storage."""

    def __init__(self) -> None:
        from usearch.index import Index

        self._library: Any = Index

    def build(self, rows: Halves, place: Path) -> None:
        index = self._library(ndim=rows.shape[1], metric="ip", dtype="f16")
        for start, block in blocks(rows):
            index.add(np.arange(start, start + len(block)), block)
        index.save(str(place / "index"))

    def load(self, place: Path) -> None:
        self._index = self._library.restore(str(place / "index"))

    def efforts(self, k: int) -> tuple[int, ...]:
        return widths(k)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        self._index.expansion_search = max(effort, k)
        keys = self._index.search(queries, k, threads=threads).keys
        return np.asarray(keys).reshape(len(queries), k).astype(np.int64)

    def describe(self) -> str:
        return f"HNSW M={self._index.connectivity} ef_add={self._index.expansion_add} f16"


class Voyager:
    """Spotify's fork of hnswlib, with hnswlib's usual parameters, float32."""

    def __init__(self) -> None:
        import voyager

        self._library: Any = voyager

    def build(self, rows: Halves, place: Path) -> None:
        index = self._library.Index(
            self._library.Space.InnerProduct,
            num_dimensions=rows.shape[1],
            M=M,
            ef_construction=CONSTRUCTION,
            max_elements=len(rows),
        )
        for start, block in blocks(rows):
            index.add_items(block, list(range(start, start + len(block))))
        index.save(str(place / "index"))

    def load(self, place: Path) -> None:
        self._index = self._library.Index.load(str(place / "index"))

    def efforts(self, k: int) -> tuple[int, ...]:
        return widths(k)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        found = self._index.query(queries, k, num_threads=threads, query_ef=max(effort, k))[0]
        return found.astype(np.int64)  # type: ignore[no-any-return]

    def describe(self) -> str:
        return f"HNSW M={M} ef_construction={CONSTRUCTION} f32"


class Rabitqlib:
    """SymphonyQG of RaBitQ's authors, vectors kept; of its kinds the best on these vectors.

    By Euclidean distance, whose order is the cosine's and whose graph is far better (at 10,000
    vectors and 100 rows held on to, recall is 0.99, by the inner product 0.83).
    """

    def __init__(self) -> None:
        import rabitqlib

        self._library: Any = rabitqlib

    def build(self, rows: Halves, place: Path) -> None:
        index = self._library.SymqgIndex(rows.shape[1], 2 * M, "l2", 0)
        index.build(unit(rows), CONSTRUCTION, machine.cores())
        index.save(str(place / "index"))

    def load(self, place: Path) -> None:
        self._index = self._library.SymqgIndex.load(str(place / "index"))

    def efforts(self, k: int) -> tuple[int, ...]:
        return widths(k)

    def search(self, queries: Floats, k: int, effort: int, threads: int) -> Ids:
        found = self._index.search(queries, k, max(effort, k), threads)[0]
        return found.astype(np.int64)  # type: ignore[no-any-return]

    def describe(self) -> str:
        return f"SymphonyQG degree={2 * M} ef_construction={CONSTRUCTION} f32"


ENGINES: dict[str, type[Engine]] = {
    "vitrail": Vitrail,
    "vitrail-collection": VitrailCollection,
    "faiss-flat": FaissFlat,
    "faiss-hnsw": FaissHnsw,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "voyager": Voyager,
    "rabitqlib": Rabitqlib,
}
