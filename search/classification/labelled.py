"""Images with labels, as arrays: who may be asked about whom, and which of them are copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted, too_few
from vitrail.search.measures import folds

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
FOLDS = 5
FEWEST = 10  # labelled images below which nothing can be told
MOST = 1000  # labels: a probability is worked out of each for each image
_NAMED = 3  # classes that a message names
_REMEDY = "label more images with `vitrail annotate`, or index with --label-from parent"


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Images with labels.

    Attributes:
        ids: (n,) int64 ascending ids.
        rows: (n, dim) float32 unit rows.
        targets: (n,) int64 place of each image's label in ``classes``.
        classes: the labels, in order.
        groups: (n,) int64; images of the same number are copies of one another, so that none may
            be asked about another.
        alone: labels that were left out, since copies of one image alone have them.
    """

    ids: Ids
    rows: Floats
    targets: Ids
    classes: tuple[str, ...]
    groups: Ids
    alone: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> Ids:
        """(c,) int64 images of each label."""
        return np.bincount(self.targets, minlength=len(self.classes))

    def folds(self, seed: int = 0) -> Ids:
        """Which of ``FOLDS`` parts each image is in, (n,) int64: labels spread, copies together."""
        return grouped_folds(self.targets, self.groups, FOLDS, seed)


def labelled(
    ids: Ids, labels: Sequence[str], rows: Floats, groups: Ids, column: str = "label"
) -> Labelled:
    """The images whose labels can be learned.

    A label that only one image has, or only copies of one, tells nothing that could be held
    against another image: it is left out.

    Args:
        ids: (n,) int64 ascending ids.
        labels: of each.
        rows: (n, dim) float32 unit rows.
        groups: (n,) int64 which are copies of one another.
        column: that the labels are of, for messages.

    Raises:
        InputError: fewer than two labels, more than ``MOST``, or too few images, are left.
    """
    names, targets = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
    pairs = np.unique(np.stack([targets, groups]), axis=1) if len(ids) else np.empty((2, 0), int)
    several = np.bincount(pairs[0].astype(np.int64), minlength=len(names)) > 1
    kept = several[targets]
    _check(column, len(ids), int(np.count_nonzero(kept)), names[several], names[~several])
    place = np.cumsum(several) - 1
    return Labelled(
        ids[kept],
        rows[kept],
        place[targets[kept]].astype(np.int64),
        tuple(map(str, names[several])),
        groups[kept],
        tuple(map(str, names[~several])),
    )


def _check(
    column: str, images: int, left: int, learned: NDArray[np.str_], alone: NDArray[np.str_]
) -> None:
    if not images:
        raise InputError(f"no image has a value in column {column!r}; {_REMEDY}")
    if len(learned) < 2:
        told = f"{counted(len(learned), 'value')} that two different images share"
        if len(alone):
            have = "has" if len(alone) == 1 else "have"
            told += f" ({first_few(alone)} {have} one image each, or copies of one)"
        raise InputError(
            f"column {column!r} has {told}, where two are needed to tell images apart; {_REMEDY}"
        )
    if len(learned) > MOST:
        raise InputError(
            f"column {column!r} has {len(learned):,} values that images share, but {MOST:,} labels "
            "are the most; name a column of kinds, with fewer values"
        )
    if left < FEWEST:
        raise InputError(
            f"{too_few(left, 'image with a label', 'images with labels')} in column {column!r} to "
            f"learn from, where {FEWEST} are needed; {_REMEDY}"
        )


def first_few(names: Sequence[str] | NDArray[np.str_]) -> str:
    """Some names, and how many there are beside them."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(repr(str(name)) for name in names[:_NAMED]) + more


def copy_groups(count: int, first: Ids, second: Ids) -> Ids:
    """Which of some images are copies of one another, (count,) int64 numbers of groups.

    Args:
        count: how many images.
        first: (m,) int64 places of one image of each pair of copies.
        second: (m,) int64 places of the other.
    """
    parent = np.arange(count)

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = int(parent[one])
        return one

    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.array([root(one) for one in range(count)], np.int64)


def grouped_folds(targets: Ids, groups: Ids, count: int, seed: int) -> Ids:
    """Which fold each image is in, (n,) int64: labels spread evenly, copies never parted.

    Args:
        targets: (n,) int64 labels.
        groups: (n,) int64 which images are copies of one another.
        count: how many folds.
        seed: of the shuffle.
    """
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    of_groups: Ids = folds(targets[first], count, seed)
    return of_groups[inverse]
