"""Several examples as one question: near some images, and far from others.

The two strategies are those that Qdrant's recommendations made known. ``mean`` moves the query: the
mean of the positive rows, and once more its difference to the mean of the negative ones.
``best-score`` compares each image with every row: it scores what its nearest positive row gives it,
and falls behind all others where a negative row is nearer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.ranking import combine, cosines

Floats = NDArray[np.float32]
PENALTY = np.float32(2)
"""What an image loses that is nearer to a negative row: the range of a cosine, so that no such
image comes before another."""
_SAME = 1e-4  # of a cosine; the same image, decoded at another size, differs by less
_NOTHING = 1e-3  # length of a row that points nowhere


def query_row(positives: Floats, negatives: Floats | None = None) -> Floats:
    """The one row that stands for (m, dim) positive and (n, dim) negative ones: (1, dim) float32.

    Without negatives it is the mean, whose product with a vector is the mean of the rows' cosines.
    With them it is turned away from theirs, ``2 p - n`` for the means p and n, and keeps p's
    length: so scores keep the scale that they have without.

    Raises:
        InputError: nothing is left of the query.
    """
    if negatives is None and len(positives) == 1:
        return positives.astype(np.float32, copy=False)
    mean: Floats = positives.mean(axis=0, keepdims=True, dtype=np.float32)
    if negatives is None:
        return mean
    moved = 2 * mean - negatives.mean(axis=0, keepdims=True, dtype=np.float32)
    length = float(np.linalg.norm(moved))
    if length < _NOTHING:
        raise InputError(
            "the negative images cancel the positive ones out; leave some of them out, or ask by "
            "best-score"
        )
    turned: Floats = (moved * (np.linalg.norm(mean) / length)).astype(np.float32)
    return turned


def check_apart(
    positives: Mapping[str, Floats], negatives: Mapping[str, Floats], weights: Mapping[str, float]
) -> None:
    """Refuse a question for and against the same image.

    Args:
        positives: space name -> (m, dim) float32 unit rows.
        negatives: space name -> (n, dim) float32 unit rows.
        weights: of the spaces, summing to 1.

    Raises:
        InputError: naming the first such pair.
    """
    found = sum(weight * (positives[s] @ negatives[s].T) for s, weight in weights.items())
    same = np.argwhere(np.asarray(found) > 1 - _SAME)
    if len(same):
        wanted, unwanted = (same[0] + 1).tolist()
        raise InputError(
            f"negative {unwanted} is the same image as positive {wanted}, which it cancels; leave "
            "one of the two out"
        )


def best_scores(
    positives: Sequence[Floats], negatives: Sequence[Floats]
) -> tuple[Floats, NDArray[np.intp]]:
    """The score of n images by their nearest rows.

    Args:
        positives: of each positive row its (n,) float32 scores; at least one row.
        negatives: likewise of the negative rows; none will do.

    Returns:
        (n,) float32: the best positive score, less ``PENALTY`` where a negative one is higher; and
        (n,) which row gave it.
    """
    wanted = np.stack(positives)
    nearest = wanted.argmax(axis=0)
    best: Floats = wanted.max(axis=0)
    if negatives:
        best = np.where(np.stack(negatives).max(axis=0) > best, best - PENALTY, best)
    return best, nearest


def compare(
    vectors: Mapping[str, Floats], rows: Mapping[str, Floats], weights: Mapping[str, float]
) -> tuple[list[Floats], dict[str, Floats]]:
    """The scores of n images by each of m rows.

    Args:
        vectors: space name -> (n, dim) float32 of the images.
        rows: space name -> (m, dim) float32.
        weights: of the spaces, summing to 1.

    Returns:
        for each row its (n,) float32 weighted sums; and space name -> (m, n) float32 cosines.
    """
    found = {s: np.stack([cosines(vectors[s], row) for row in rows[s]]) for s in weights}
    count = len(next(iter(found.values())))
    totals = [combine({s: found[s][i] for s in weights}, weights) for i in range(count)]
    return totals, found
