"""Which images are trained on, validated with and held out: by seed and content, copies together.

Where an image goes depends on its bytes, the seed and the other images of its label, and not on
names, places or order. So the same images are split in the same way wherever they lie. Whole labels
may be held out too: what an encoder has learned of some kinds shows in how it finds others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError

Ints = NDArray[np.int64]
TRAINING, VALIDATION, HELD_OUT, UNSEEN = 0, 1, 2, 3
"""What the numbers of a split mean; unseen are the images of labels that are held out whole."""


@dataclass(frozen=True, slots=True)
class SplitShares:
    """How large the parts are.

    Attributes:
        validation: share of each label's images by which is told how good a state is.
        held_out: share of each label's images that nothing is learned or chosen by.
        labels: how many labels are held out whole: nothing is learned or chosen by any of their
            images.

    Raises:
        InputError: shares that leave nothing to train on.
    """

    validation: float = 0.15
    held_out: float = 0.2
    labels: int = 0

    def __post_init__(self) -> None:
        for name in ("validation", "held_out"):
            if not 0 <= getattr(self, name) <= 0.8:
                raise InputError(f"{name} is {getattr(self, name)}; give a share from 0 to 0.8")
        if self.validation + self.held_out > 0.9:
            raise InputError(
                f"validation and held_out take {self.validation + self.held_out:.0%} of the images "
                "together; leave at least 10% to train on"
            )
        if self.labels < 0:
            raise InputError(f"{self.labels} labels cannot be held out; give 0 or more")

    def check(self, labels: int) -> None:
        """Refuse to hold out more labels than can be, before any image is looked at.

        Args:
            labels: how many there are.

        Raises:
            InputError: fewer than two are left to learn.
        """
        most = max(0, labels - 2)
        if self.labels > most:
            raise InputError(
                f"{self.labels} of {labels} labels cannot be held out: two are needed to learn; "
                f"hold out at most {most}"
            )


def split(
    contents: Sequence[str], targets: Ints, groups: Ints, shares: SplitShares, seed: int
) -> Ints:
    """The part that each image is in.

    Args:
        contents: n sha256 (hex) of the images' bytes.
        targets: (n,) int64 labels.
        groups: (n,) int64; images of the same number are copies, and stay together.
        shares: of the parts.
        seed: another one splits otherwise.

    Returns:
        (n,) int64 of ``TRAINING``, ``VALIDATION``, ``HELD_OUT`` and ``UNSEEN``. Each label that is
        not held out whole has a group to train on; where it has two, one is held out, where three,
        one validates, unless a share is 0. Copies with several labels go by that of the one whose
        content comes first; what is a copy of something unseen is held out.

    Raises:
        InputError: more labels are to be held out than can be.
    """
    unseen = np.isin(targets, _unseen(contents, targets, groups, shares.labels, seed))
    copied = set(groups[unseen].tolist())
    draws = [_draw(content, seed) for content in contents]
    first: dict[int, int] = {}
    for place in sorted(range(len(contents)), key=lambda i: (draws[i], i)):
        first.setdefault(int(groups[place]), place)
    of_label: dict[int, list[int]] = {}
    for group, place in first.items():  # by their draws, as ``first`` was filled
        if group not in copied:
            of_label.setdefault(int(targets[place]), []).append(group)
    part = dict.fromkeys(copied, HELD_OUT) | {
        group: number
        for ranked in of_label.values()
        for group, number in zip(ranked, _parts(len(ranked), shares), strict=True)
    }
    found = np.array([part[group] for group in groups.tolist()], np.int64)
    found[unseen] = UNSEEN
    return found


def _unseen(
    contents: Sequence[str], targets: Ints, groups: Ints, count: int, seed: int
) -> list[int]:
    """Labels to hold out whole, by the draw of the least of their contents.

    One image, or one and its copies, cannot be looked for by another of its label.
    """
    if not count:
        return []
    least: dict[int, str] = {}
    for content, target in zip(contents, targets.tolist(), strict=True):
        least[target] = min(content, least.get(target, content))
    several = [target for target in least if len(np.unique(groups[targets == target])) > 1]
    most = max(0, min(len(several), len(least) - 2))
    if count > most:
        raise InputError(
            f"{count} of {len(least)} labels cannot be held out: two are needed to learn, and of "
            f"those held out two images that are no copies; hold out at most {most}"
        )
    return sorted(several, key=lambda target: _draw(least[target], seed))[:count]


def _draw(content: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{content}".encode()).hexdigest()


def _parts(count: int, shares: SplitShares) -> list[int]:
    """The parts of ``count`` groups in the order of their draws."""
    out = _size(count, shares.held_out, 2)
    validating = min(_size(count, shares.validation, 3), count - out - 1)
    training = count - out - validating
    return [HELD_OUT] * out + [VALIDATION] * validating + [TRAINING] * training


def _size(count: int, share: float, least: int) -> int:
    if share == 0 or count < least:
        return 0
    return min(count - 1, max(1, round(share * count)))
