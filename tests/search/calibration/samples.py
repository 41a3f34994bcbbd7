"""Embeddings whose spread is known, and those of the example images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.search.fakes import unit
from vitrail.search.calibration.calibration import Calibration
from vitrail.search.calibration.pairs import PairSample, sample_pairs, usable_labels

Floats = NDArray[np.float32]
FILE = Path(__file__).with_name("example_vectors.npz")


def example_vectors() -> tuple[Floats, list[str]]:
    """(377, 384) float32 unit rows of the example images in gem@9, and the kind of each.

    Written by ``vitrail index examples --checkpoint dinov2-small-focus --label-from parent``, and
    rounded to half precision.
    """
    with np.load(FILE) as file:
        rows = file["vectors"].astype(np.float32)
        labels = file["labels"].tolist()
    return unit(rows), labels


def random_rows(count: int, dim: int = 16, *, seed: int = 0, leaning: float = 1.0) -> Floats:
    """(count, dim) unit rows that lean towards one direction, as ViTs' do."""
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    rows[:, 0] += leaning
    return unit(rows)


def calibration_of(
    rows: dict[str, Floats],
    *,
    labels: list[str | None] | None = None,
    copies: Floats | None = None,
    images: int | None = None,
) -> Calibration:
    """As fitted to these images, with (c, s) cosines of copies."""
    count = len(next(iter(rows.values())))
    sample = sample_pairs(list(rows.values()), usable_labels(labels) if labels else None)
    planted = np.zeros((0, len(rows)), np.float32) if copies is None else copies
    kinds = tuple(f"kind {i % 2}" for i in range(len(planted)))
    return Calibration(tuple(rows), sample, planted, kinds, images or count, count)


def pairs_of(sample: PairSample) -> Floats:
    """The scores of a sample of one space."""
    return sample.scores[:, 0]
