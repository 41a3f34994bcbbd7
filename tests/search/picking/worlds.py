"""Sets that checkpoints might make, as unit rows whose truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.search.picking.made_sets import MadeSet

Floats = NDArray[np.float32]
DIM, PROMPTS, OTHERS = 48, 2, 2
_AXES = np.random.default_rng(1)
SUBJECT, BEFORE, OTHER = (_AXES.normal(size=DIM) for _ in range(3))
NULLS = np.linspace(0, 0.3, 200)


def near(centre: NDArray[np.float64], spread: float, *shape: int, seed: int) -> Floats:
    """Unit rows about a direction; every one is another."""
    rows = centre + spread * np.random.default_rng(seed).normal(size=(*shape, DIM))
    return _unit(rows)


def taught(count: int = 10) -> Floats:
    """Images of the subject."""
    return near(SUBJECT, 0.5, count, seed=2)


def base(seeds: int = 8) -> MadeSet:
    """What knows nothing of the subject."""
    return MadeSet(
        0,
        near(BEFORE, 0.5, PROMPTS, seeds, seed=3),
        near(OTHER, 0.5, OTHERS, seeds, seed=4),
        np.zeros((PROMPTS, seeds)),
    )


def learning(step: int, share: float, seeds: int = 8, seed: int = 5) -> MadeSet:
    """What has gone a share of the way, and otherwise stays as it was."""
    return MadeSet(
        step,
        near((1 - share) * BEFORE + share * SUBJECT, 0.5, PROMPTS, seeds, seed=seed),
        _moved(base(seeds).others, 0.02, seed),
        np.full((PROMPTS, seeds), 0.1),
    )


def over_trained(step: int, seeds: int = 8) -> MadeSet:
    """What draws two of the taught images again and again, whatever it is asked for."""
    copies = np.broadcast_to(taught()[:PROMPTS, None], (PROMPTS, seeds, DIM))
    others = np.broadcast_to(taught()[:OTHERS, None], (OTHERS, seeds, DIM))
    return MadeSet(step, copies.copy(), others.copy(), np.full((PROMPTS, seeds), 0.95))


def _moved(rows: Floats, spread: float, seed: int) -> Floats:
    moved = rows + spread * np.random.default_rng(seed).normal(size=rows.shape)
    return _unit(moved)


def _unit(rows: NDArray[np.floating]) -> Floats:
    unit: Floats = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit
