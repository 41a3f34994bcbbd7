"""A few images that stand for many: as different as can be, or the middle of each cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

import numpy as np

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import InputError
from vitrail.search.maps.clusters import by_means, typical
from vitrail.search.maps.covering import Cover, covered_by, farthest_first
from vitrail.search.options import Only, check_word
from vitrail.service.operations.gathering import Gathered, gather

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.searchable import Searchable

Kind = Literal["diverse", "typical"]
_DRAWS = 5  # at random, beside which the choice is held


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """Which images to choose.

    Attributes:
        count: how many.
        kind: ``diverse``, so that no image is far from all of them; or ``typical``, the middle one
            of each of so many clusters.
        where: SQL expression over the columns.
        only: ``all``, ``generated`` or ``real``.
        spaces: space name -> weight; ``None`` for those of a search that says nothing.
        limit: images, above which so many of them are drawn at random to choose from.

    Raises:
        InputError: a kind that is unknown, or a number below 1.
    """

    count: int
    kind: Kind = "diverse"
    where: str | None = None
    only: Only = "all"
    spaces: Mapping[str, float] | None = None
    limit: int = 100_000

    def __post_init__(self) -> None:
        check_word("kind", self.kind, get_args(Kind))
        for name, number in (("count", self.count), ("limit", self.limit)):
            if number < 1:
                raise InputError(f"{name} is {number}, but at least 1 image has to be chosen")


class SampleKeywords(TypedDict, total=False):
    """The options of ``SampleOptions`` beside the count, by keyword."""

    kind: Kind
    where: str | None
    only: Only
    spaces: Mapping[str, float] | None
    limit: int


@dataclass(frozen=True, slots=True)
class SampleCoverage:
    """How near all images are to some of them.

    Attributes:
        least: the cosine to the nearest of them, of the image that is the farthest away.
        median: of all images.
    """

    least: float
    median: float


@dataclass(frozen=True, slots=True)
class ImageSample:
    """Some images that stand for others.

    Attributes:
        images: what is known of each, in the order chosen.
        stands_for: how many images each is the nearest to, itself among them.
        coverage: of all that could be chosen.
        at_random: the same of as many at random, the mean of several draws.
        asked: how many were asked for; fewer are chosen where the others are equal to them.
        matching: how many images the filter let through.
        chosen_from: of how many the choice was made.
        weights: space name -> share, of the cosines that it goes by.
    """

    images: tuple[ImageInfo, ...]
    stands_for: tuple[int, ...]
    coverage: SampleCoverage
    at_random: SampleCoverage
    asked: int
    matching: int
    chosen_from: int
    weights: Mapping[str, float]


def sample_images(
    collection: Searchable,
    options: SampleOptions,
    *,
    cancellation: Cancellation | None = None,
) -> ImageSample:
    """Choose images that stand for all that a filter lets through.

    Args:
        collection: whose stored vectors are compared; no file is read.
        options: see ``SampleOptions``.
        cancellation: looked at before each image is chosen.

    Raises:
        InputError: no image, an unknown space, or a filter that cannot be used.
        CancelledError: somebody asked to stop.
    """
    told = cancellation or Cancellation()
    return at_newest(collection.store, lambda: _sampled(collection, options, told))


def _sampled(
    collection: Searchable, options: SampleOptions, cancellation: Cancellation
) -> ImageSample:
    gathered = gather(
        collection.store,
        where=options.where,
        only=options.only,
        spaces=options.spaces,
        limit=options.limit,
        fewest=1,
    )
    count = min(options.count, len(gathered.ids))
    cover = _chosen(gathered, count, options.kind, cancellation)
    draws = np.random.default_rng(0)
    others = [
        _coverage(covered_by(gathered.rows, draws.choice(len(gathered.ids), count, replace=False)))
        for _ in range(_DRAWS)
    ]
    return ImageSample(
        images=tuple(gathered.snapshot.metadata(gathered.ids[cover.chosen].tolist())),
        stands_for=tuple(np.bincount(cover.of, minlength=len(cover.chosen)).tolist()),
        coverage=_coverage(cover),
        at_random=SampleCoverage(
            float(np.mean([other.least for other in others])),
            float(np.mean([other.median for other in others])),
        ),
        asked=options.count,
        matching=gathered.matching,
        chosen_from=len(gathered.ids),
        weights=gathered.weights,
    )


def _chosen(gathered: Gathered, count: int, kind: Kind, cancellation: Cancellation) -> Cover:
    if kind == "diverse":
        return farthest_first(gathered.rows, count, check=cancellation.check)
    clusters = by_means(gathered.rows, count)
    middles = [
        typical(gathered.rows, clusters.members, number, 1)[0] for number in range(clusters.count)
    ]
    return covered_by(gathered.rows, np.array(middles, np.int64))


def _coverage(cover: Cover) -> SampleCoverage:
    return SampleCoverage(float(cover.nearest.min()), float(np.median(cover.nearest)))
