"""The class that ann-benchmarks makes, fits and asks; it needs nothing of theirs."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray

from vitrail.indexer.vectors.index import VectorIndex

EXACT = "exact"
_BLOCK = 50_000

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Vitrail:
    """Cosine search; its effort is the recall to ask for, or ``exact``.

    What is asked is what a service asks: an index loaded from its file, which it maps.

    Args:
        metric: of the data set; only ``angular`` is answered.

    Raises:
        ValueError: the metric is another one.
    """

    def __init__(self, metric: str) -> None:
        if metric != "angular":
            raise ValueError(f"vitrail compares by angle: metric {metric!r} was given, not angular")
        self._effort: float | Literal["exact"] = 0.98
        self._told: list[float] = []
        self._batch: list[Ids] = []
        self._index = VectorIndex.create(1)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def fit(self, X: NDArray[Any]) -> None:  # noqa: N803, their name
        """Index (n, dim) rows of any length under 0..n-1; rows of zeros have no angle, and no id.

        Raises:
            ValueError: no row has a direction.
        """
        self.done()
        index = VectorIndex.create(X.shape[1])
        for start in range(0, len(X), _BLOCK):
            rows, directed = _unit(X[start : start + _BLOCK])
            index = index.with_rows(start + np.flatnonzero(directed), rows[directed])
        if not len(index):
            raise ValueError(f"none of {len(X):,} vectors has a direction to search by")
        self._folder = tempfile.TemporaryDirectory(prefix="vitrail-ann-benchmarks-")
        path = os.path.join(self._folder.name, "index")
        index.built().save(path, {})
        del index
        self._index, _ = VectorIndex.load(path)
        self._index.warm()

    def set_query_arguments(self, effort: float | Literal["exact"]) -> None:
        """The recall to ask for from now on, above 0 and below 1, or ``exact``.

        Raises:
            ValueError: it is neither.
        """
        if effort != EXACT and not (isinstance(effort, float) and 0 < effort < 1):
            raise ValueError(
                f"effort {effort!r} was given; a recall above 0 and below 1, or {EXACT!r}, was "
                "expected"
            )
        self._effort = effort
        self._told = []

    def query(self, q: NDArray[Any], n: int) -> Ids:
        """The ``n`` nearest ids of one (dim,) query, fewer where there are fewer rows."""
        return self._search(q[None], n)[0]

    def batch_query(self, X: NDArray[Any], n: int) -> None:  # noqa: N803, their name
        """The same of (q, dim) queries at once; ``get_batch_results`` gives what was found."""
        self._batch = self._search(X, n)

    def get_batch_results(self) -> list[Ids]:
        """What the last ``batch_query`` found, query by query."""
        return self._batch

    def get_additional(self) -> dict[str, Any]:
        """What is stored beside the answers: the index's kind, and the mean recall it told."""
        told = float(np.mean(self._told)) if self._told else 1.0
        return {"kind": self._index.kind, "recall_told": told}

    def get_memory_usage(self) -> float:
        """Resident kilobytes of this process, mapped pages too, as they count them."""
        return float(psutil.Process().memory_info().rss) / 1024

    def done(self) -> None:
        """Remove the index and its file; once more does nothing."""
        self._index = VectorIndex.create(1)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __str__(self) -> str:
        return f"vitrail(recall={self._effort})"

    def _search(self, queries: NDArray[Any], n: int) -> list[Ids]:
        rows, directed = _unit(queries)
        rows[~directed, 0] = 1  # to a query without direction all rows are alike
        exact = self._effort == EXACT
        recall = 1.0 if self._effort == EXACT else float(self._effort)
        found = self._index.search(rows, n, exact=exact, recall=recall)
        self._told.append(found.recall)
        return [row[row >= 0] for row in found.ids]


def _unit(rows: NDArray[Any]) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows of length 1, and which of them had a length; the others stay zeros."""
    exact = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    directed = lengths[:, 0] > 0
    unit: Floats = (exact / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit, directed
