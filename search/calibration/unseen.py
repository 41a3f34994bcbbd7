"""Cosines of whitened images as they would be if the one that asks had not been fitted on.

A whitening turns the images that it was fitted on away from one another, the more the fewer they
were: so their pairs score less than an image from elsewhere and one of them do, which is what a
query is. Taking one image out of the fit changes the covariance by one rank; what that does to its
cosines follows from lengths that are known (Sherman and Morrison, 1950), so nothing is fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_TINY = 1e-12  # square of a length, of an image that lies at the mean
_MOST = 0.9  # of the other images: what a square of a length counts as, at most


@dataclass(frozen=True, slots=True, eq=False)
class FittedOn:
    """What a whitening was fitted on, of a sample of m images.

    Attributes:
        images: that it was fitted on.
        lengths: (m,) float64 of the whitened rows, before they were made unit rows.
        among: (m,) bool: which of the sample it was fitted on.
    """

    images: int
    lengths: NDArray[np.float64]
    among: NDArray[np.bool_]

    def unseen(self, cosines: Floats, start: int) -> Floats:
        """Of (b, m - start) cosines of b images from ``start`` on with those from ``start`` on.

        Where both were fitted on, the cosine is that without the first of them in the fit.
        """
        asked = slice(start, start + len(cosines))
        h = np.maximum(self.lengths[asked, None] ** 2, _TINY)
        k = np.maximum(self.lengths[None, start:] ** 2, _TINY)
        both = self.among[asked, None] & self.among[None, start:]
        return np.where(both, _left_out(cosines, h, k, self.images), cosines).astype(np.float32)


def _left_out(
    cosines: Floats, h: NDArray[np.float64], k: NDArray[np.float64], images: int
) -> NDArray[np.float64]:
    """The cosines of rows of squared lengths ``h`` and ``k``, the first ones taken out of the fit.

    Without a row u, the others' mean lies u / (n - 1) further from it, and the inverse of their
    covariance is, but for a factor, ``M + a M u u' M`` with ``a = 1 / (n - 1 - h)``.
    """
    others = max(1, images - 1)
    a, b = 1 / (others - np.minimum(h, _MOST * others)), 1 / others
    product = cosines * np.sqrt(h * k)
    moved = product + b * h
    lengths = h * np.maximum(k + 2 * b * product + b * b * h + a * moved**2, _TINY)
    found: NDArray[np.float64] = moved * np.sqrt(1 + a * h) / np.sqrt(lengths)
    return np.clip(found, -1, 1)
