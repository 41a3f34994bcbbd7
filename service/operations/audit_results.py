"""What a replication audit finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import Interval
from vitrail.search.replication.thresholds import Chance, Curve, curve

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.duplicates.evidence import CopyEvidence

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
FEW = 1.2
"""Times as many as a rate says, from which on that has to be said."""
Measure = Literal["pixels", "relative", "own", "plain"]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A false-positive rate, and what lies above its threshold.

    Attributes:
        rate: the share of innocent images that score as high.
        score: the threshold; ``None`` where there are too few innocent images to tell it.
        needed: innocent images from which on it can be told.
        above: generated images that reach it; 0 where it is not known.
        share: the same as a share, with its 95% interval; ``None`` where it is not known.
        chance: generated images that would reach it if all were innocent; ``None`` where it is not
            known.
        caught: share of the planted copies that reaches it; ``None`` where none was planted.
        rate_of_pairs: share of new innocent images that may reach it, where innocent ones resemble
            one another in pairs; ``None`` where it is not known.
    """

    rate: float
    score: float | None
    needed: int
    above: int
    share: Interval | None
    chance: Chance | None
    caught: float | None
    rate_of_pairs: float | None

    @property
    def few(self) -> bool:
        """Whether so few innocent images told it that it may let through much more than it says."""
        return self.rate_of_pairs is not None and self.rate_of_pairs > FEW * self.rate

    @property
    def told(self) -> bool:
        """Whether more reach it than chance explains."""
        return self.chance is not None and self.above > self.chance.at_most


@dataclass(frozen=True, slots=True)
class AuditMeasure:
    """What one measure of likeness says.

    Attributes:
        scores: (n,) float64 of the generated images, higher is more suspicious; NaN for none.
        nulls: (m,) float64 of innocent images: references held against all others.
        lines: thresholds at the rates of ``RATES``.
        curve: how well it parts planted copies from innocent images; ``None`` where none was
            planted.
        caught: kind of planted copy -> the share that reaches the first line, with its interval.
    """

    scores: Doubles
    nulls: Doubles
    lines: tuple[AuditLine, ...]
    curve: Curve | None
    caught: Mapping[str, Interval]

    @property
    def apart(self) -> Interval | None:
        """How well it parts the generated images from innocent ones: the area under the curve.

        With its 95% interval over generated images; 0.5 where both score alike, 1 where each of the
        one scores above all of the other, ``None`` where there are none of either.
        """
        read = self.scores[~np.isnan(self.scores)]
        if not len(read) or not len(self.nulls):
            return None
        return curve(read, np.arange(len(read)), self.nulls).area


@dataclass(frozen=True, slots=True)
class SuspectPair:
    """A generated image and the reference that it is most suspected to copy.

    Attributes:
        image: the generated one.
        reference: the other.
        cosine: of the two.
        score: by the deciding measure.
        rate: how many innocent images score as high.
        evidence: what was done to the one to make the other, as pixels show; ``None`` where they do
            not agree, or a file cannot be read (``read``).
        read: whether both could be.
    """

    image: ImageInfo
    reference: ImageInfo
    cosine: float
    score: float
    rate: float
    evidence: CopyEvidence | None
    read: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        ids: (n,) int64 of the generated images.
        references: (n,) int64 ids of the references that they are most suspected to copy; -1 for
            none.
        cosines: (n,) float64 with those.
        rates: (n,) float64 false-positive rates by the deciding measure; NaN for an image whose
            file could not be read, where pixels decide.
        measures: the deciding one first. ``pixels``: the share of their parts that agree;
            ``relative``: how many times nearer an image lies to a reference than the reference's
            own neighbours do; ``own``: the same beside the image's own neighbours (Carlini et al.,
            2023); ``plain``: the distance to the nearest reference alone.
        pairs: the most suspicious ones.
        compared: references.
        copied: references of the sample that are copies of others, and are left out of the
            innocent.
        recall: the share of the true nearest that was met, as measured.
        space: that was compared.
        away: references among the nearest of which no file is as it was indexed, so that pixels
            cannot show that they are copied.
    """

    ids: Ids
    references: Ids
    cosines: Doubles
    rates: Doubles
    measures: Mapping[Measure, AuditMeasure]
    pairs: tuple[SuspectPair, ...]
    compared: int
    copied: int
    recall: float
    space: str
    away: tuple[ImageInfo, ...] = ()

    @property
    def deciding(self) -> tuple[Measure, AuditMeasure]:
        """The measure that the rates go by."""
        return next(iter(self.measures.items()))
