"""Seeded unit vectors and a plain exact search to judge an index by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Floats:
    result: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return result


def clustered(count: int, dim: int, seed: int = 0) -> Floats:
    """Rows in clusters, as embeddings are; uniform ones are hopeless for any approximate index."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(4, count // 50), dim))
    spread = rng.standard_normal((count, dim)) * 0.5
    return unit(centres[rng.integers(len(centres), size=count)] + spread)


def reference(ids: Ids, rows: Floats, queries: Floats, k: int) -> Ids:
    """(q, k) ids by float64 cosine, equal ones by ascending id."""
    scores = queries.astype(np.float64) @ rows.astype(np.float64).T
    best = np.stack([np.lexsort((ids, -row))[:k] for row in scores])
    return ids[best]


def recall(found: Ids, true: Ids) -> float:
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))
