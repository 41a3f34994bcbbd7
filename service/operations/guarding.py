"""A guard over what is generated: images that copy others are told before they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.generator.checks import MAX_SEED
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import GuardRecord, Recipe
from vitrail.indexer.wording import counted
from vitrail.search.replication.scoring import NONE
from vitrail.search.replication.thresholds import (
    false_positive_rates,
    needed_for,
    rate_of_pairs,
    threshold,
)
from vitrail.service.operations.audit_results import FEW
from vitrail.service.operations.audit_sample import TRIED, AuditSample
from vitrail.service.operations.innocent import INNOCENT, hold, references_of
from vitrail.service.operations.looks import look_of
from vitrail.service.operations.marks import check_mark
from vitrail.service.operations.progress import Note, Progress, nobody
from vitrail.service.operations.refusals import RefusedCopy

if TYPE_CHECKING:
    from vitrail.generator.guarded import RefusedImage
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.searchable import Searchable

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
MOST_RETRIES = 1000


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What generated images are held against, and what becomes of those that copy it.

    Attributes:
        rate: the share of innocent images that would be held to be copies.
        against: SQL expression over the columns, of the images that may be copied.
        retries: other seeds that are tried in the place of one whose image is refused.
        mark: column of the user's own that gets the false-positive rate of each image, copies
            included, which are then kept; ``None`` to refuse copies.

    Raises:
        InputError: a rate outside of 0 to 1, retries below 0, or retries of what is kept anyway.
    """

    rate: float
    against: str = "not generated"
    retries: int = 0
    mark: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise InputError(
                f"the false-positive rate {self.rate:g} of a guard is outside of 0 to 1; give the "
                "share of innocent images that may be taken for copies, such as 0.01"
            )
        if not 0 <= self.retries <= MOST_RETRIES:
            raise InputError(f"{self.retries} retries are not possible; give 0 to {MOST_RETRIES}")
        if self.retries and self.mark is not None:
            raise InputError(
                "images that are marked are kept, so that no other seed is tried; leave out the "
                "retries or the mark"
            )


class GuardLine(NamedTuple):
    """Where copies begin.

    Attributes:
        score: share of the parts of an image that agree with another, from which on it is held to
            be a copy.
        innocent: images that it was told by.
        copied: images that were left out of these, as copies of others.
        compared: images that generated ones are held against.
    """

    score: float
    innocent: int
    copied: int
    compared: int


@dataclass(frozen=True, slots=True)
class CollectionGuard:
    """Judges images by those of one commit of a collection, as an audit would; see ``fit_guard``.

    Attributes:
        options: what was asked.
        line: from which score on an image is held to be a copy.
        stride: seeds of a prompt, so that those that are tried later are no other image's.
    """

    options: GuardOptions
    line: GuardLine
    stride: int
    _sample: AuditSample = field(repr=False)
    _encoder: Encoder = field(repr=False)
    _references: Ids = field(repr=False)
    _nulls: Doubles = field(repr=False)

    def tries(self, recipe: Recipe) -> Iterator[Recipe]:
        """The recipe, and the same with the seeds that are tried where its image is refused."""
        for number in range(self.options.retries + 1):
            yield replace(recipe, seed=recipe.seed + number * self.stride)

    def keeps(self, record: GuardRecord) -> bool:
        """Whether an image of which this was found is kept."""
        return record.passes or self.options.mark is not None

    def judge(self, png: bytes, refused: tuple[int, ...]) -> GuardRecord:
        """Hold an image against the nearest of those that it may copy, by vectors, then by pixels.

        Args:
            png: the image as a file.
            refused: seeds of those that were refused in its place.
        """
        share, reference = self._most_like(png)
        known = self.options.rate, self.options.against
        if np.isnan(share):
            return GuardRecord(*known, None, None, refused=refused)
        (rate,) = false_positive_rates(np.array([share]), self._nulls).tolist()
        copies = share >= self.line.score
        copy_of = self._info(reference).content_hash if copies else None
        return GuardRecord(*known, share, rate, copy_of, refused)

    def refusal(self, image: RefusedImage) -> RefusedCopy:
        """What is told of an image that is not kept."""
        record, recipe = image.recipe.guard, image.recipe
        assert record is not None, "what is refused was judged"
        copied = None if record.copy_of is None else self._info(*self._having(record.copy_of))
        return RefusedCopy(recipe.prompt, recipe.seed, record, copied, image.there, image.last)

    def _most_like(self, png: bytes) -> tuple[float, int]:
        """The largest share of agreeing parts, and the id of the image that it agrees with.

        Returns:
            NaN, and nothing of use, where files are away that it may copy.
        """
        sample, references = self._sample, self._references
        sample.cancellation.check()
        near = sample.nearest(sample.embed(self._encoder, [png]), references)
        places = near.positions[0, : TRIED + 1]
        # an image that is there already may itself be one of those that are not to be copied
        own = np.isin(references[places], self._having(hashlib.sha256(png).hexdigest()))
        others = places[(places != NONE) & ~own][:TRIED]
        share, place = sample.most_agreeing(look_of(png), others, references)
        if share < self.line.score and not sample.readable(others, references):
            return np.nan, NONE  # it may copy the very one that cannot be compared now
        return share, int(references[place])

    def _having(self, content_hash: str) -> list[int]:
        ids = self._sample.snapshot.allowed_ids("content_hash = ?", [content_hash])
        return [int(image_id) for image_id in ids]

    def _info(self, image_id: int) -> ImageInfo:
        return self._sample.snapshot.metadata([image_id])[0]


def check_guard(commit: Snapshot, options: GuardOptions) -> Ids:
    """The images that generated ones are held against: (m,) int64 ascending ids.

    Raises:
        InputError: a filter or column cannot be used, or too few images fulfil the filter.
    """
    if options.mark is not None:
        check_mark(commit, options.mark)
    references = references_of(commit, options.against)
    if len(references) < needed_for(options.rate):
        raise _too_few(options, f"{counted(len(references), 'image')} fulfil {options.against!r}")
    return references


def check_seeds(options: GuardOptions, seed: int, count: int) -> None:
    """Refuse seeds whose retries would be out of range.

    Args:
        options: of the guard.
        seed: of the first image.
        count: images from consecutive seeds.
    """
    last = seed + count * (options.retries + 1) - 1
    if last > MAX_SEED:
        raise InputError(
            f"with {options.retries} retries of {counted(count, 'image')} from seed {seed} on the "
            f"last seed is {last}, above 2**63 - 1; begin with a smaller one"
        )


def fit_guard(
    collection: Searchable,
    options: GuardOptions,
    stride: int,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> CollectionGuard:
    """Find out how high innocent images score, and load what generated ones are judged by.

    Args:
        collection: open.
        options: see ``GuardOptions``.
        stride: seeds of a prompt.
        progress: told where it is.
        cancellation: looked at between images, here and whenever an image is judged.

    Raises:
        InputError: too few innocent images for such a line, or what ``check_guard`` refuses.
        CheckpointError: the collection's encoder cannot be had.
        FingerprintMismatchError: it has changed since the collection was made.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop.
    """
    told = cancellation or Cancellation()

    def fit() -> CollectionGuard:
        sample = AuditSample(collection, None, progress, told)
        references = check_guard(sample.snapshot, options)
        around = sample.near(references, references)
        enough = max(INNOCENT, needed_for(options.rate))
        held = hold(sample, references, around, enough=enough)
        nulls = held.agreeing[~np.isnan(held.agreeing)]
        score = threshold(nulls, options.rate)
        if score is None:
            less = f"of {counted(len(references), 'image')} that fulfil {options.against!r}, "
            less += f"{len(nulls)} are innocent: the others are copies, or have no file now"
            raise _too_few(options, less)
        paired = rate_of_pairs(len(nulls), options.rate) or options.rate
        if paired > FEW * options.rate:
            progress(
                Note(
                    f"{counted(len(nulls), 'innocent image')} are few: where they come in pairs "
                    f"that resemble one another, up to {paired:.1%} of what copies nothing reaches "
                    f"the line of {options.rate:.2g}"
                )
            )
        line = GuardLine(score, len(nulls), held.copied, len(references))
        return CollectionGuard(options, line, stride, sample, collection.encoder, references, nulls)

    return at_newest(collection.store, fit)


def _too_few(options: GuardOptions, found: str) -> InputError:
    return InputError(
        f"{found}, but a false-positive rate of {options.rate:g} can be told from "
        f"{needed_for(options.rate):,} innocent images on; index more of them, or guard by a "
        "larger rate"
    )
