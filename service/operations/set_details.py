"""What makes two sets differ: images that hurt, that lack, nearest pairs, values of a column."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.image_info import ImageInfo
from vitrail.search.calibration.judging import Judge
from vitrail.search.comparison.kernel import kernel_distance
from vitrail.search.comparison.modes import find_modes
from vitrail.search.comparison.sets import SpaceComparison
from vitrail.search.comparison.sufficiency import FEWEST
from vitrail.search.query import Closeness
from vitrail.service.operations.compared_sets import Hurting, Lacking, NearestPair, Slice

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
_TYPICAL = 4  # images that a group is shown by
_SLICES = 40  # values of a column that are told


@dataclass(slots=True)
class ReadSets:
    """Two sets, read and measured, of which details are to be told.

    Attributes:
        snapshot: the commit.
        weights: space name -> share.
        ids: (n,) and (m,) int64 of the two sets, ascending.
        rows: (n, dim) and (m, dim) float32 unit rows, of all spaces together.
        whole: what was measured of these.
        judge: what scores mean; ``None`` where too few images tell.
        shown: images, pairs and so on that are told, at most.
        seed: of all that is drawn.
    """

    snapshot: Snapshot
    weights: Mapping[str, float]
    ids: tuple[Ids, Ids]
    rows: tuple[Floats, Floats]
    whole: SpaceComparison
    judge: Judge | None
    shown: int
    seed: int
    known: dict[int, ImageInfo] = field(default_factory=dict)

    def infos(self, ids: Sequence[int]) -> list[ImageInfo]:
        """What is known of images, each read once."""
        new = [int(one) for one in ids if int(one) not in self.known]
        self.known.update((row.id, row) for row in self.snapshot.metadata(new))
        return [self.known[int(one)] for one in ids]


def nearest_pairs(
    work: ReadSets, best: NDArray[np.int64], scores: Doubles
) -> tuple[NearestPair, ...]:
    """The pairs of an image of either set that are nearest."""
    first = np.argsort(-scores, kind="stable")[: work.shown]
    ours = work.infos(work.ids[0][first].tolist())
    theirs = work.infos(work.ids[1][best[first]].tolist())
    values = scores[first]
    judged: list[tuple[float | None, Closeness | None]] = [(None, None)] * len(values)
    if work.judge is not None:
        judged = list(work.judge(values))
    return tuple(
        NearestPair(a, b, float(score), *told)
        for a, b, score, told in zip(ours, theirs, values, judged, strict=True)
    )


def most_hurting(work: ReadSets, scores: Doubles) -> tuple[Hurting, ...]:
    """Images of the first set that set it apart, those that the second does not reach first."""
    sums, found = work.whole.sums, work.whole.found
    assert sums is not None
    assert found is not None
    influence, held = sums.influence, found.held
    # beyond what the other set reaches first, and of these what weighs most
    order = np.lexsort((-influence, held))[: work.shown]
    images = work.infos(work.ids[0][order].tolist())
    return tuple(
        Hurting(image, float(influence[row]), bool(held[row]), float(scores[row]))
        for image, row in zip(images, order.tolist(), strict=True)
    )


def what_lacks(work: ReadSets, uncovered: NDArray[np.int64]) -> tuple[Lacking, ...]:
    """Groups of the second set's images that nothing of the first is near, largest first."""
    modes = find_modes(work.rows[1], uncovered, seed=work.seed)
    told = []
    for mode in modes:
        images = work.infos(work.ids[1][mode.rows].tolist())
        told.append(Lacking(len(images), tuple(images[:_TYPICAL]), _names(images)))
    return tuple(told)


def _names(images: Sequence[ImageInfo], most: int = 3) -> tuple[tuple[str, int], ...]:
    """What images are called by: labels, or prompts, or the names of their folders."""
    found = Counter(name for image in images if (name := _name(image)))
    return tuple(found.most_common(most))


def _name(image: ImageInfo) -> str | None:
    if image.label or image.prompt:
        return image.label or image.prompt
    return os.path.basename(os.path.dirname(image.path)) if image.path else None


def slices_by(work: ReadSets, column: str, copied: NDArray[np.bool_] | None) -> tuple[Slice, ...]:
    """Both sets by the values of a column, most images first."""
    values = [
        np.array([_text(image[column]) for image in work.infos(ids.tolist())], dtype=object)
        for ids in work.ids
    ]
    counts = Counter([*values[0], *values[1]])
    ordered = sorted(counts, key=lambda value: (-counts[value], value is None, str(value)))
    return tuple(_slice(work, value, values, copied) for value in ordered[:_SLICES])


def _slice(
    work: ReadSets,
    value: str | None,
    values: Sequence[NDArray[np.object_]],
    copied: NDArray[np.bool_] | None,
) -> Slice:
    ours, theirs = (np.array([one == value for one in each], bool) for each in values)
    found = work.whole.found
    assert found is not None
    n, m = int(ours.sum()), int(theirs.sum())
    enough = min(n, m) >= FEWEST
    return Slice(
        value,
        n,
        m,
        float(found.held[ours].mean()) if n else None,
        float(found.covered[theirs].mean()) if m else None,
        None if copied is None else int(copied[ours].sum()),
        kernel_distance(work.rows[0][ours], work.rows[1][theirs]) if enough else None,
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or None
    return str(value)
