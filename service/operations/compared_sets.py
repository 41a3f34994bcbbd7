"""What comes of comparing two sets of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.image_info import ImageInfo
from vitrail.search.comparison.estimates import Estimate
from vitrail.search.comparison.sets import SpaceComparison
from vitrail.search.query import Closeness, Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NearestPair:
    """An image of one set and the nearest one of the other.

    Attributes:
        a: image of the first set.
        b: the nearest to it of the second.
        score: their weighted cosine.
        fpr: how rare so high a score is between unrelated images; ``None`` where nothing tells.
        closeness: the same in a word.
    """

    a: ImageInfo
    b: ImageInfo
    score: float
    fpr: float | None = None
    closeness: Closeness | None = None


@dataclass(frozen=True, slots=True)
class Hurting:
    """An image of the first set that sets it apart from the second.

    Attributes:
        image: of the first set.
        influence: by how much it makes the kernel distance greater.
        held: whether it lies in a ball of the second set.
        nearest: the score of the nearest image of the second set.
    """

    image: ImageInfo
    influence: float
    held: bool
    nearest: float


@dataclass(frozen=True, slots=True)
class Lacking:
    """A kind of image that the second set has and the first has nothing like.

    Attributes:
        count: images of the second set that are of it.
        typical: the most typical of them.
        named: their commonest labels, or folders or prompts, with how many have each.
    """

    count: int
    typical: tuple[ImageInfo, ...]
    named: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The images of both sets that have one value of a column.

    Attributes:
        value: as text; ``None`` for images without one.
        images_a: of the first set.
        images_b: of the second.
        held: share of those of the first that lie in balls of the whole second set.
        covered: share of the balls of those of the second that hold an image of the whole first.
        copies: of the first set's, those that are copies of images of the second; ``None`` where
            nothing tells.
        kernel: distance of the two slices; ``None`` where there are too few images.
    """

    value: str | None
    images_a: int
    images_b: int
    held: float | None
    covered: float | None
    copies: int | None
    kernel: Estimate | None


@dataclass(frozen=True, slots=True)
class SetComparison:
    """What came of comparing two sets.

    Attributes:
        a: the first set, as it was given.
        b: the second, likewise.
        ids_a: (n,) int64 ids of those that were compared, ascending.
        ids_b: (m,) int64 likewise.
        images: of each set, of which these may be a sample.
        whole: by the spaces and weights that were asked for; details below are by these.
        spaces: each space by itself, where there are several.
        nearest: (n,) int64 ids: of ``b`` the nearest to each of ``ids_a``.
        scores: (n,) float64 weighted cosines of these.
        chance: (m,) float64: of each of ``ids_b`` the cosine to the nearest other one of ``b``.
        scale: what scores mean; ``None`` where too few images tell.
        copies: images of ``a`` that are copies of images of ``b``; ``None`` without a scale.
        pairs: the nearest pairs.
        outside: images of ``a`` that lie in no ball of ``b``.
        hurting: images of ``a`` that set it apart, most first: those first.
        lacking: what ``b`` has and ``a`` has nothing like, most first.
        uncovered: how many images of ``b`` that are.
        group_by: the column of ``slices``.
        slices: by its values, most images first.
    """

    a: str
    b: str
    ids_a: Ids = field(repr=False)
    ids_b: Ids = field(repr=False)
    images: tuple[int, int]
    whole: SpaceComparison
    spaces: tuple[SpaceComparison, ...]
    nearest: Ids = field(repr=False)
    scores: Doubles = field(repr=False)
    chance: Doubles = field(repr=False)
    scale: Scale | None
    copies: int | None
    pairs: tuple[NearestPair, ...] = field(repr=False)
    outside: int
    hurting: tuple[Hurting, ...] = field(repr=False)
    lacking: tuple[Lacking, ...] = field(repr=False)
    uncovered: int
    group_by: str | None = None
    slices: tuple[Slice, ...] = field(default=(), repr=False)

    @property
    def all_spaces(self) -> tuple[SpaceComparison, ...]:
        """What was measured: the weighted one first."""
        return (self.whole, *self.spaces)

    @property
    def look_alikes(self) -> int | None:
        """Images of ``a`` that are look-alikes of images of ``b``; ``None`` without a scale."""
        if self.scale is None:
            return None
        near = (self.scores >= self.scale.look_alike) & (self.scores < self.scale.copy)
        return int(near.sum())

    @property
    def copies_within(self) -> int | None:
        """Images of ``b`` that are copies of others of ``b``; ``None`` without a scale."""
        return None if self.scale is None else int((self.chance >= self.scale.copy).sum())

    def plot(self) -> Figure:
        """A figure of matplotlib: how near ``a`` is to ``b``, and ``b`` to itself.

        Raises:
            InputError: matplotlib is not installed.
        """
        from vitrail.search.comparison.figures import plot_nearness

        return plot_nearness(self.scores, self.chance)
