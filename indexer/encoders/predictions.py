"""What a classification head says, as labels and probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError

Predictions = tuple[tuple[str, float], ...]


def top_labels(logits: NDArray[np.float32], labels: Sequence[str], k: int = 5) -> list[Predictions]:
    """The k likeliest labels of each row, best first, with their softmax probabilities.

    Args:
        logits: (n, classes) float32.
        labels: the class names, in order.
        k: at most this many.

    Raises:
        InputError: there are not as many labels as columns.
    """
    if logits.ndim != 2 or logits.shape[1] != len(labels):
        raise InputError(f"logits of shape {logits.shape} do not fit {len(labels)} labels")
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return [
        tuple((labels[i], float(row[i])) for i in best)
        for row, best in zip(probabilities, order, strict=True)
    ]
