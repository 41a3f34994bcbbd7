"""Labelled rows that are made, in clusters, with copies of some."""

from __future__ import annotations

import numpy as np

from vitrail.search.classification.labelled import Labelled, copy_groups, labelled


def clusters(
    count: int = 120, classes: int = 4, dim: int = 24, spread: float = 0.3, seed: int = 0
) -> Labelled:
    """Unit rows around as many centres as there are classes, without copies."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, dim)) / np.sqrt(dim)
    targets = random.integers(0, classes, count)
    rows = (centres[targets] + spread * random.normal(size=(count, dim)) / np.sqrt(dim)).astype(
        np.float32
    )
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = [f"class {target}" for target in targets]
    return labelled(np.arange(count) + 7, names, rows, np.arange(count))


def with_copies(known: Labelled, times: int = 2) -> Labelled:
    """The same with the very same rows again: each a copy of the one that it is of."""
    n = len(known)
    again = np.tile(np.arange(n), times)
    first, second = np.tile(np.arange(n), times - 1), np.arange(n, times * n)
    names = [known.classes[target] for target in known.targets[again]]
    return labelled(
        np.arange(times * n), names, known.rows[again], copy_groups(times * n, first, second)
    )
