"""Pairs of different images, those of one label told apart, and how near they are in every space.

All pairs of a sample of images are looked at. Those that are near in any space are all kept, of the
others a random part, each of which then stands for several: so that rare scores are counted where a
plain sample of as many pairs would hold none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.search.calibration.unseen import FittedOn

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
KEPT = 1 << 17  # pairs of which all are kept; of more, so many beside the near ones
_NEAR = 0.001  # the share of pairs that counts as near in a space
_PILOT = 1 << 16  # pairs that tell how near that is
_BLOCK = 512  # images compared with all others at a time
_COPIES_EACH = 4.0  # of an image; where more pairs seem copies, likeness is no sign of it
_PARTED = 0.5  # of the pairs of the band below: a tail of different images holds a third at most
_SEED = 0


@dataclass(frozen=True, slots=True)
class PairSample:
    """Pairs of images, near ones in full, of the others a part.

    Attributes:
        scores: (p, s) float32 cosines in each of s spaces; ascending in the first where they come
            from ``sample_pairs``, since what is in order already is put in order fast.
        counts: (p,) float32: how many pairs each stands for.
        of_one_label: (p,) bool.
    """

    scores: Floats
    counts: Floats
    of_one_label: NDArray[np.bool_]

    @property
    def pairs(self) -> float:
        """How many pairs it stands for."""
        return float(self.counts.sum(dtype=np.float64))

    def chosen(self, which: NDArray[np.bool_]) -> PairSample:
        """Some of its pairs, by (p,) bool."""
        return PairSample(self.scores[which], self.counts[which], self.of_one_label[which])


def sample_pairs(
    rows: Sequence[Floats],
    labels: Ids | None = None,
    fits: Sequence[FittedOn | None] | None = None,
) -> PairSample:
    """Compare a sample of images with one another.

    Args:
        rows: of each space, (m, dim) float32 unit vectors of the same images.
        labels: (m,) number of each image's label, -1 without one.
        fits: of each space that was fitted on images, on which; ``None`` of the others.
    """
    fits = fits or [None] * len(rows)
    images = len(rows[0])
    total = images * (images - 1) // 2
    near = np.full(len(rows), -2, np.float32) if total <= KEPT else _near_from(rows)
    chosen, part = np.random.default_rng(_SEED), KEPT / max(1, total)
    blocks = [
        _kept(block, labels, near, chosen.random(len(block.first), np.float32) < part)
        for block in _all_pairs(rows, fits)
    ]
    scores = np.concatenate([block.scores for block in blocks])
    close = (scores >= near).any(axis=1)
    counts = np.ones(len(scores), np.float32)
    counts[~close] = (total - close.sum()) / max(1, (~close).sum())
    of_one_label = np.concatenate([block.of_one_label for block in blocks])
    order = np.argsort(scores[:, 0], kind="stable")
    return PairSample(scores[order], counts[order], of_one_label[order])


def without_copies(
    sample: PairSample, half: Floats, images: int, most: Floats | None = None
) -> PairSample:
    """Leave out pairs of images that seem to be copies of one another.

    Such are those that are as near in every space as half of the copies of an image are; and those
    that are as near as most of them, in a space that parts them from different images: of these
    there are the fewer the nearer, so that where more pairs lie above than in a band as wide below,
    those above are something else. Where so many seem copies that an image would have several, they
    are none, and all stay.

    Args:
        sample: of the pairs.
        half: (s,) float32 cosines that half of an image's copies reach in each space.
        images: that the pairs are of.
        most: (s,) the same of most of its copies; ``None`` where no copies are known.
    """
    copies = np.asarray((sample.scores >= half).all(axis=1))
    for marks in (copies | _parted(sample, half, half if most is None else most), copies):
        many = sample.counts[marks].sum(dtype=np.float64) > _COPIES_EACH * images / 2
        if not many:
            return sample.chosen(~marks)
    return sample


def _parted(sample: PairSample, half: Floats, most: Floats) -> NDArray[np.bool_]:
    """The pairs that some space parts from those that are less near, (p,) bool."""
    found = np.zeros(len(sample.scores), np.bool_)
    for own, middle, least in zip(sample.scores.T, half, most, strict=True):
        above = own >= least
        band = ~above & (own >= least - (middle - least))
        if middle > least and sample.counts[above].sum() > _PARTED * sample.counts[band].sum():
            found |= above
    return found


def usable_labels(labels: Sequence[str | None]) -> NDArray[np.int64] | None:
    """Labels as numbers, -1 for none; ``None`` where most pairs would be of one label.

    A label that nearly all images share, such as a folder's name, tells nothing about them.
    """
    names = {name: number for number, name in enumerate(dict.fromkeys(filter(None, labels)))}
    numbers = np.array([names[label] if label else -1 for label in labels], np.int64)
    sizes = np.bincount(numbers[numbers >= 0], minlength=1).astype(np.float64)
    shared = float((sizes * (sizes - 1)).sum())
    if not names or shared > len(labels) * (len(labels) - 1) / 2:
        return None
    return numbers


def _near_from(rows: Sequence[Floats]) -> Floats:
    """The cosine in each space from which on a pair counts as near."""
    images = len(rows[0])
    turns = np.linspace(1, images // 2, max(1, _PILOT // images)).astype(np.int64)
    quantiles = [
        np.quantile([np.einsum("ij,ij->i", own, np.roll(own, n, axis=0)) for n in turns], 1 - _NEAR)
        for own in rows
    ]
    return np.asarray(quantiles, np.float32)


class _Block(NamedTuple):
    """Pairs by the places of both images, and (b, s) cosines."""

    first: Ids
    second: Ids
    scores: Floats


def _all_pairs(rows: Sequence[Floats], fits: Sequence[FittedOn | None]) -> Iterator[_Block]:
    """Every pair once, a block at a time."""
    images = len(rows[0])
    for start in range(0, images, _BLOCK):
        stop = min(start + _BLOCK, images)
        first, second = np.triu_indices(stop - start, 1, images - start)
        scores = np.stack(
            [
                _cosines(own, fit, start, stop)[first, second]
                for own, fit in zip(rows, fits, strict=True)
            ],
            axis=1,
        )
        yield _Block(first + start, second + start, scores)


def _cosines(own: Floats, fit: FittedOn | None, start: int, stop: int) -> Floats:
    """Of some images with these and those after them, as an image from elsewhere has them."""
    found: Floats = own[start:stop] @ own[start:].T
    return found if fit is None else fit.unseen(found, start)


def _kept(block: _Block, labels: Ids | None, near: Floats, drawn: NDArray[np.bool_]) -> PairSample:
    """The near pairs of a block, and those that were drawn."""
    keep = drawn | (block.scores >= near).any(axis=1)
    first, second = block.first[keep], block.second[keep]
    shared = np.zeros(len(first), np.bool_)
    if labels is not None:
        shared = (labels[first] == labels[second]) & (labels[first] >= 0)
    return PairSample(block.scores[keep], np.ones(len(first), np.float32), shared)
