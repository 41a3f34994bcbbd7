"""Labels that are likely wrong, and images that are like no other.

Confident learning (Northcutt, Jiang and Chuang, 2021): an image counts as one of a label if it is
told to be at least as surely as images of that label are on average. Where that is so of another
label than the one that it has, and that one is likelier, its own label is under suspicion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
_SPREAD = 1.4826  # median deviations to a standard deviation, of a normal distribution
FAR = 3.5  # of them beyond which an image is an outlier (Iglewicz and Hoaglin, 1993)


class Suspicion(NamedTuple):
    """Labels under suspicion, the likeliest to be wrong first.

    Attributes:
        places: (m,) int64 of the images, in the order that was given.
        likely: (m,) int64 the label that each seems to have.
        probability: (m,) float64 of that label.
        given: (m,) float64 probability of the label that it has.
    """

    places: Ids
    likely: Ids
    probability: Doubles
    given: Doubles


def thresholds(probabilities: Doubles, targets: Ids) -> Doubles:
    """How surely the images of each label are told to have it, on average: (c,) float64.

    Args:
        probabilities: (n, c) float64 of each image, told by others than itself.
        targets: (n,) int64 the label that each has.
    """
    own = probabilities[np.arange(len(targets)), targets]
    count = np.bincount(targets, minlength=probabilities.shape[1])
    total = np.bincount(targets, own, minlength=probabilities.shape[1])
    return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def suspect(probabilities: Doubles, targets: Ids) -> Suspicion:
    """Whose labels are likely wrong, ranked by how much likelier another one is.

    Args:
        probabilities: (n, c) float64 of each image, told by others than itself.
        targets: (n,) int64 the label that each has.
    """
    sure = probabilities >= thresholds(probabilities, targets)
    likely = np.where(sure, probabilities, -1.0).argmax(axis=1)
    rows = np.arange(len(targets))
    apart = probabilities[rows, likely] - probabilities[rows, targets]
    places = np.flatnonzero(sure.any(axis=1) & (likely != targets) & (apart > 0))
    places = places[np.argsort(-apart[places], kind="stable")]
    return Suspicion(
        places,
        likely[places],
        probabilities[places, likely[places]],
        probabilities[places, targets[places]],
    )


def outlying(cosines: Floats) -> Doubles:
    """How far each image is from all others, in spreads of the collection's own: (n,) float64.

    The distance 1 - cosine to the k-th nearest (Ramaswamy et al., 2000), less its median, over the
    median of the deviations of those that lie beyond it; above ``FAR`` it is an outlier. Where
    all are as far, none is.

    Args:
        cosines: (n,) float32 of each image to its k-th nearest.
    """
    far = 1 - cosines.astype(np.float64)
    apart = far - np.median(far)
    beyond = apart[apart > 0]
    spread = _SPREAD * float(np.median(beyond)) if len(beyond) else 0.0
    return apart / spread if spread > 1e-9 else np.zeros(len(far))
