"""What scores of a collection mean: rates and words, from pairs of its images and their copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import too_few
from vitrail.search.calibration.pairs import PairSample
from vitrail.search.calibration.survival import Survival, fit
from vitrail.search.query import Scale

Floats = NDArray[np.float32]
FEWEST = 20  # images from which on rates are told
SAME = 0.9995  # a cosine that only the same image has, whatever the encoder and its precision
RELATED = 0.01  # the rate of a related hit at most,
MOST_RELATED = 1.0  # and the unrelated images that the whole collection may hold at that rate
LOOK_ALIKE = 0.001  # the same of a look-alike
MOST_ALIKE = 0.1
MOST_TAKEN = 0.02  # different images as near as a copy that the whole collection may hold
FOUND_LEAST, FOUND_MOST = 0.5, 0.9  # of the planted copies that are called so
MOST_BOUND = 0.1  # of a rate that is told as a bound; it may be far less, or nearly so much
_CURVES = 32  # weightings remembered


@dataclass(frozen=True)
class Calibration:
    """Samples of a collection by which the scores of any weighting of its spaces are judged.

    Attributes:
        spaces: names of the columns.
        sample: pairs of different images.
        copies: (c, s) float32 cosines of images with planted copies of theirs; c may be 0.
        kinds: (c,) what was done to each copy.
        images: that the collection had.
        sampled: of them, those whose pairs were looked at.
        labelled: whether pairs of one label are told apart, and are no unrelated ones.
        copies_apart: pairs left out because they are as near as copies.

    Raises:
        InputError: there are too few images or pairs to tell anything.
    """

    spaces: tuple[str, ...]
    sample: PairSample
    copies: Floats
    kinds: tuple[str, ...]
    images: int
    sampled: int
    labelled: bool = False
    copies_apart: int = 0
    _curves: dict[tuple[float, ...], Survival] = field(
        default_factory=dict, repr=False, compare=False
    )
    _scales: dict[tuple[float, ...], Scale] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.sampled < FEWEST or np.count_nonzero(~self.sample.of_one_label) < FEWEST:
            raise InputError(
                f"{too_few(self.sampled, 'image')} to tell how rare a score is; index at least "
                f"{FEWEST}"
            )

    @cached_property
    def unrelated(self) -> PairSample:
        """The pairs of unrelated images."""
        return self.sample.chosen(~self.sample.of_one_label)

    def survival(self, weights: Mapping[str, float]) -> Survival:
        """How often the score of two unrelated images is at least so high, for some weights.

        Args:
            weights: space name -> share, of some of ``spaces``.

        Raises:
            InputError: a space that was not sampled.
        """
        return self._curve(weights, self.unrelated)

    def false_positive_rate(
        self, scores: NDArray[np.floating], weights: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """How rare scores are between unrelated images.

        Args:
            scores: (n,) weighted sums of cosines.
            weights: space name -> share.

        Returns:
            (n,) float64 shares of pairs that score as high, never rising with the score, nor
            smaller than ``least_rate``.

        Raises:
            InputError: a space that was not sampled.
        """
        curve = self.survival(weights)
        rates = curve.rate(scores)
        return np.where(np.asarray(scores) >= SAME, curve.least, rates)

    def threshold(self, rate: float, weights: Mapping[str, float]) -> float | None:
        """The score that a share ``rate`` of pairs of unrelated images reaches, ``SAME`` at most.

        Returns:
            ``None`` where so small a rate cannot be told; see ``least_rate``.

        Raises:
            InputError: a space that was not sampled.
        """
        found = self.survival(weights).value(rate)
        return None if found is None else min(found, SAME)

    def least_rate(self, weights: Mapping[str, float]) -> float:
        """The smallest rate that is told: one in all pairs."""
        return self.survival(weights).least

    def scale(
        self, weights: Mapping[str, float], *, tries: int = 1, at_most: bool = False
    ) -> Scale:
        """From which scores on which words hold.

        Args:
            weights: space name -> share.
            tries: images that were asked with, the nearest of which counts.
            at_most: whether rates are bounds, of a question of several images.

        Raises:
            InputError: a space that was not sampled.
        """
        key = (tries, at_most, *self._column(weights))
        known = self._scales.get(key)
        if known is None:
            if len(self._scales) >= _CURVES:
                self._scales.clear()
            known = self._scales[key] = self._scale(weights, tries, at_most=at_most)
        return known

    def _scale(self, weights: Mapping[str, float], tries: int, *, at_most: bool) -> Scale:
        related = self._reached(min(RELATED, MOST_RELATED / self.images) / tries, weights)
        alike = self._reached(min(LOOK_ALIKE, MOST_ALIKE / self.images) / tries, weights)
        copy = max(alike, self.copies_from(weights))
        least = min(1.0, tries * self.least_rate(weights))
        pairs = round(self.unrelated.pairs)
        most = MOST_BOUND if at_most else 1.0
        return Scale(related, alike, copy, least, pairs, self.images, at_most, most)

    def total(self, scores: Floats, weights: Mapping[str, float]) -> Floats:
        """(n,) float32 weighted sums of (n, s) cosines, such as those of ``copies``.

        Raises:
            InputError: a space that was not sampled.
        """
        return scores @ np.array(self._column(weights), np.float32)

    def _reached(self, rate: float, weights: Mapping[str, float]) -> float:
        """The score of a rate, also of one that is too small to be told."""
        return min(SAME, self.survival(weights).expected(rate))

    def copies_from(self, weights: Mapping[str, float]) -> float:
        """The score from which on two images are taken for copies of one another.

        Beyond different images, as far as that is; half of the planted copies always are.

        Raises:
            InputError: a space that was not sampled.
        """
        if not len(self.copies):
            return SAME
        planted = self.total(self.copies, weights)
        shares = np.linspace(0, 1, len(planted))
        fewest, most = np.interp(
            [1 - FOUND_LEAST, 1 - FOUND_MOST], shares, np.sort(planted)
        ).tolist()
        beyond = self._curve(weights, self.sample).expected(MOST_TAKEN / self.images)
        return min(SAME, fewest, max(most, beyond))

    def _curve(self, weights: Mapping[str, float], sample: PairSample) -> Survival:
        """How the scores of some pairs are spread, worked out once for each weighting."""
        key = (len(sample.scores), *self._column(weights))
        known = self._curves.get(key)
        if known is None:
            if len(self._curves) >= _CURVES:
                self._curves.clear()
            known = self._curves[key] = fit(self.total(sample.scores, weights), sample.counts)
        return known

    def _column(self, weights: Mapping[str, float]) -> tuple[float, ...]:
        unknown = [space for space in weights if space not in self.spaces]
        if unknown:
            raise InputError(
                f"scores of space {unknown[0]!r} are not calibrated, but those of "
                f"{', '.join(self.spaces)}; run `vitrail calibrate`"
            )
        return tuple(float(weights.get(space, 0.0)) for space in self.spaces)
