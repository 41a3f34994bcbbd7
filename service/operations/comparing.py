"""Two sets of images of a collection compared: measured, and what makes the difference named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.calibration.judging import Judge
from vitrail.search.comparison.manifold import NEAREST
from vitrail.search.comparison.sets import SpaceComparison, compare_rows, nearest_rows
from vitrail.search.comparison.sufficiency import FEWEST
from vitrail.search.joining import joined
from vitrail.search.options import shares
from vitrail.service.operations.compared_sets import SetComparison
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody
from vitrail.service.operations.set_details import (
    ReadSets,
    most_hurting,
    nearest_pairs,
    slices_by,
    what_lacks,
)
from vitrail.service.operations.set_references import SetReference, find_sets

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.searchable import Searchable

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
SAMPLE = 5000
"""Images of a set that are compared, at most: all are compared with all."""
_UNTOLD = (
    "copies between the sets are told by their being the same alone, since this collection is not "
    "calibrated; run `vitrail calibrate` to tell others"
)
SHOWN = 12
"""Images, pairs and so on that are named."""


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How to compare two sets.

    Attributes:
        spaces: space name -> weight; ``None`` is what the collection has as its default.
        group_by: column by whose values a table is made; ``None`` for none.
        k: neighbours that precision, recall, density and coverage go by.
        sample: images of a set at most; of larger ones so many are drawn.
        shown: images, pairs and groups that are named, at most.
        seed: of all that is drawn.

    Raises:
        InputError: a number that nothing can be compared by.
    """

    spaces: Mapping[str, float] | None = None
    group_by: str | None = None
    k: int = NEAREST
    sample: int = SAMPLE
    shown: int = SHOWN
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.k < FEWEST:
            raise InputError(f"k is {self.k}, but 1 to {FEWEST - 1} neighbours can be gone by")
        if self.sample < FEWEST:
            raise InputError(f"the sample is {self.sample}, but at least {FEWEST} must be drawn")
        if self.shown < 1 or self.seed < 0:
            raise InputError(
                f"{self.shown} are to be shown and the seed is {self.seed}; give at least 1, and a "
                "seed of 0 or more"
            )


def compare_sets(
    collection: Searchable,
    a: SetReference,
    b: SetReference,
    options: CompareOptions | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> SetComparison:
    """Measure how two sets of images differ, and find what makes the difference.

    Args:
        collection: open.
        a: the set that is judged, such as generated images.
        b: what it is judged by.
        options: how.
        progress: told of each space, and in notes of sets of which a sample is compared.
        cancellation: looked at before each space.

    Raises:
        InputError: a set is empty or too small, both have images in common, a filter, space or
            column cannot be understood.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop.
    """
    options = options or CompareOptions()
    snapshot = collection.store.snapshot()
    weights = shares(options.spaces or snapshot.default_weights, snapshot.spaces)
    snapshot = collection.store.snapshot(*weights)
    column = None if options.group_by is None else _spelled(snapshot, options.group_by)
    every = find_sets(snapshot, a, b, options.k)
    ids = tuple(
        _drawn(part, name, options, progress) for part, name in zip(every, "ab", strict=True)
    )
    compared: list[SpaceComparison] = []
    mixtures = [weights, *({space: 1.0} for space in weights if len(weights) > 1)]
    parts = [{space: snapshot.vectors(part.tolist(), space) for space in weights} for part in ids]
    for number, mixture in enumerate(mixtures):
        if cancellation is not None:
            cancellation.check()
        told = f"comparing in {', '.join(mixture)}"
        progress(AnalysisProgress(told, number, len(mixtures), "space"))
        ours, theirs = (joined(part, mixture) for part in parts)
        compared.append(compare_rows(ours, theirs, mixture, k=options.k, seed=options.seed))
    rows = (joined(parts[0], weights), joined(parts[1], weights))
    calibration = collection.calibrations.of(snapshot, tuple(weights))
    if calibration is None or not len(calibration.copies):
        progress(Note(_UNTOLD))
    judge = None if calibration is None else Judge(calibration, weights, calibration.scale(weights))
    work = ReadSets(
        snapshot,
        weights,
        (ids[0], ids[1]),
        rows,
        compared[0],
        judge,
        options.shown,
        options.seed,
    )
    return _told(work, str(a), str(b), every, tuple(compared[1:]), column)


def _told(
    work: ReadSets,
    a: str,
    b: str,
    every: tuple[Ids, Ids],
    spaces: tuple[SpaceComparison, ...],
    column: str | None,
) -> SetComparison:
    found = work.whole.found
    assert found is not None  # sets are large enough
    best, scores = nearest_rows(found)
    copied = None
    if work.judge is not None:
        copied = scores >= work.judge.scale.copy
    uncovered = np.flatnonzero(~found.covered)
    return SetComparison(
        a=a,
        b=b,
        ids_a=work.ids[0],
        ids_b=work.ids[1],
        images=(len(every[0]), len(every[1])),
        whole=work.whole,
        spaces=spaces,
        nearest=work.ids[1][best],
        scores=scores,
        chance=found.near_b[:, 0].astype(np.float64),
        scale=None if work.judge is None else work.judge.scale,
        copies=None if copied is None else int(copied.sum()),
        pairs=nearest_pairs(work, best, scores),
        outside=int((~found.held).sum()),
        hurting=most_hurting(work, scores),
        lacking=what_lacks(work, uncovered),
        uncovered=len(uncovered),
        group_by=column,
        slices=() if column is None else slices_by(work, column, copied),
    )


def _drawn(ids: Ids, name: str, options: CompareOptions, progress: Progress) -> Ids:
    if len(ids) <= options.sample:
        return ids
    images = counted(len(ids), "image")  # of which there are many
    progress(Note(f"set {name}: {options.sample:,} of its {images} are drawn and compared"))
    random = np.random.default_rng(options.seed)
    return np.sort(random.choice(ids, options.sample, replace=False))


def _spelled(snapshot: Snapshot, column: str) -> str:
    """A column as the collection spells it."""
    with snapshot.listed(Listing(limit=1, columns=(column,), asker="the table")) as (names, _):
        return names[0]
