"""Two sets of images of a collection compared: measured, and what makes the difference named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.listing import Listing
from vitrail.indexer.errors import InputError
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted, too_few
from vitrail.search.calibration.judging import Judge
from vitrail.search.comparison.estimates import Estimate
from vitrail.search.comparison.kernel import kernel_distance
from vitrail.search.comparison.manifold import NEAREST
from vitrail.search.comparison.modes import find_modes
from vitrail.search.comparison.sets import SpaceComparison, compare_rows, joined, nearest_rows
from vitrail.search.comparison.sufficiency import FEWEST
from vitrail.search.options import shares
from vitrail.search.query import Closeness, Scale
from vitrail.service.operations.progress import ComparisonProgress, Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.searchable import Searchable

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
SAMPLE = 5000
"""Images of a set that are compared, at most: all are compared with all."""
SHOWN = 12
"""Images, pairs and so on that are named."""
_LEAST = 10  # images of a set, below which there is nothing to tell
_TYPICAL = 4  # images that a group is shown by
_SLICES = 40  # values of a column that are told


@dataclass(frozen=True, slots=True)
class Filtered:
    """The images that an SQL expression over the columns is true of."""

    where: str

    def __str__(self) -> str:
        return self.where


@dataclass(frozen=True, slots=True)
class Folder:
    """The images of the collection whose files lie in a folder of this machine, at any depth."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class TheRest:
    """All images of the collection that are not of the other set."""

    def __str__(self) -> str:
        return "all others"


SetReference: TypeAlias = Filtered | Folder | TheRest


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How to compare two sets.

    Attributes:
        spaces: space name -> weight; ``None`` is what the collection has as its default.
        by: column by whose values a table is made; ``None`` for none.
        k: neighbours that precision, recall, density and coverage go by.
        sample: images of a set at most; of larger ones so many are drawn.
        shown: images, pairs and groups that are named, at most.
        seed: of all that is drawn.

    Raises:
        InputError: a number that nothing can be compared by.
    """

    spaces: Mapping[str, float] | None = None
    by: str | None = None
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
        hurting: images of ``a`` that set it apart, most first.
        lacking: what ``b`` has and ``a`` has nothing like, most first.
        uncovered: how many images of ``b`` that are.
        by: the column of ``slices``.
        slices: by its values, most images first.
    """

    a: str
    b: str
    ids_a: Ids
    ids_b: Ids
    images: tuple[int, int]
    whole: SpaceComparison
    spaces: tuple[SpaceComparison, ...]
    nearest: Ids
    scores: Doubles
    chance: Doubles
    scale: Scale | None
    copies: int | None
    pairs: tuple[NearestPair, ...]
    hurting: tuple[Hurting, ...]
    lacking: tuple[Lacking, ...]
    uncovered: int
    by: str | None = None
    slices: tuple[Slice, ...] = ()

    @property
    def all_spaces(self) -> tuple[SpaceComparison, ...]:
        """What was measured: the weighted one first."""
        return (self.whole, *self.spaces)


@dataclass(slots=True)
class _Work:
    """Two sets, read."""

    snapshot: Snapshot
    options: CompareOptions
    weights: Mapping[str, float]
    ids: tuple[Ids, Ids]
    rows: tuple[Floats, Floats]
    whole: SpaceComparison
    judge: Judge | None
    known: dict[int, ImageInfo] = field(default_factory=dict)

    def infos(self, ids: Sequence[int]) -> list[ImageInfo]:
        """What is known of images, each read once."""
        new = [int(one) for one in ids if int(one) not in self.known]
        self.known.update((row.id, row) for row in self.snapshot.metadata(new))
        return [self.known[int(one)] for one in ids]


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
    column = None if options.by is None else _spelled(snapshot, options.by)
    every = _chosen(snapshot, a, b, options.k)
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
        progress(ComparisonProgress(told, number, len(mixtures)))
        ours, theirs = (joined(part, mixture) for part in parts)
        compared.append(compare_rows(ours, theirs, mixture, k=options.k, seed=options.seed))
    rows = (joined(parts[0], weights), joined(parts[1], weights))
    calibration = collection.calibrations.of(snapshot, tuple(weights))
    judge = None if calibration is None else Judge(calibration, weights, calibration.scale(weights))
    work = _Work(snapshot, options, weights, (ids[0], ids[1]), rows, compared[0], judge)
    return _told(work, str(a), str(b), every, tuple(compared[1:]), column)


def _told(
    work: _Work,
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
        chance=found.near_b.cosines[:, 0].astype(np.float64),
        scale=None if work.judge is None else work.judge.scale,
        copies=None if copied is None else int(copied.sum()),
        pairs=_pairs(work, best, scores),
        hurting=_hurting(work, scores),
        lacking=_lacking(work, uncovered),
        uncovered=len(uncovered),
        by=column,
        slices=() if column is None else _slices(work, column, copied),
    )


def _chosen(snapshot: Snapshot, a: SetReference, b: SetReference, k: int) -> tuple[Ids, Ids]:
    """Ids of both sets, ascending, which have none in common and enough each.

    Raises:
        InputError: they have, or have not.
    """
    if isinstance(a, TheRest):
        raise InputError("the first set is all others; give a filter or a folder for it")
    ours = _ids(snapshot, a, "a")
    theirs = _others(snapshot, ours) if isinstance(b, TheRest) else _ids(snapshot, b, "b")
    shared = np.intersect1d(ours, theirs, assume_unique=True)
    if len(shared):
        raise InputError(_overlap(len(shared), a, b))
    least = max(_LEAST, k + 2)
    for name, given, ids in (("a", a, ours), ("b", b, theirs)):
        if len(ids) < least:
            raise InputError(
                f"set {name} ({given}): {too_few(len(ids), 'image')} to compare; name at least "
                f"{least}, and {FEWEST} for numbers with intervals"
            )
    return ours, theirs


def _overlap(shared: int, a: SetReference, b: SetReference) -> str:
    told = f"{counted(shared, 'image')} {'is' if shared == 1 else 'are'} in both sets"
    if isinstance(a, Filtered) and isinstance(b, Filtered):
        return f'{told}; take them out of one, as by --b "({b}) and not ({a})"'
    return f"{told}, which compares them with themselves; name sets that have none in common"


def _others(snapshot: Snapshot, ids: Ids) -> Ids:
    return np.setdiff1d(snapshot.allowed_ids("true"), ids, assume_unique=True)


def _ids(snapshot: Snapshot, given: Filtered | Folder, name: str) -> Ids:
    if isinstance(given, Folder):
        folder = os.path.join(os.path.abspath(at_home(given.path)), "")
        found = snapshot.allowed_ids("starts_with(path, ?)", (folder,))
        if not len(found):
            raise InputError(
                f"set {name}: the collection holds no image of the folder {given.path}; index it "
                f"first: vitrail index {given.path}"
            )
        return found
    if not given.where.strip():
        raise InputError(f"the filter of set {name} is empty; give an expression or a folder")
    found = snapshot.allowed_ids(given.where)
    if not len(found):
        hints = "; ".join(snapshot.suggest(given.where)) or "check it with vitrail list --where"
        raise InputError(f"no image passes the filter of set {name} ({given.where}): {hints}")
    return found


def _drawn(ids: Ids, name: str, options: CompareOptions, progress: Progress) -> Ids:
    if len(ids) <= options.sample:
        return ids
    progress(
        Note(f"set {name}: {options.sample:,} of its {len(ids):,} images are drawn and compared")
    )
    random = np.random.default_rng(options.seed)
    return np.sort(random.choice(ids, options.sample, replace=False))


def _spelled(snapshot: Snapshot, column: str) -> str:
    """A column as the collection spells it."""
    with snapshot.listed(Listing(limit=1, columns=(column,), asker="the table")) as (names, _):
        return names[0]


def _pairs(work: _Work, best: NDArray[np.int64], scores: Doubles) -> tuple[NearestPair, ...]:
    first = np.argsort(-scores, kind="stable")[: work.options.shown]
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


def _hurting(work: _Work, scores: Doubles) -> tuple[Hurting, ...]:
    sums, found = work.whole.sums, work.whole.found
    assert sums is not None
    assert found is not None
    influence, held = sums.influence, found.held
    # beyond what the other set reaches first, and of these what weighs most
    order = np.lexsort((-influence, held))[: work.options.shown]
    images = work.infos(work.ids[0][order].tolist())
    return tuple(
        Hurting(image, float(influence[row]), bool(held[row]), float(scores[row]))
        for image, row in zip(images, order.tolist(), strict=True)
    )


def _lacking(work: _Work, uncovered: NDArray[np.int64]) -> tuple[Lacking, ...]:
    modes = find_modes(work.rows[1], uncovered, seed=work.options.seed)
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


def _slices(work: _Work, column: str, copied: NDArray[np.bool_] | None) -> tuple[Slice, ...]:
    values = [
        np.array([_text(image[column]) for image in work.infos(ids.tolist())], dtype=object)
        for ids in work.ids
    ]
    counts = Counter([*values[0], *values[1]])
    ordered = sorted(counts, key=lambda value: (-counts[value], value is None, str(value)))
    return tuple(_slice(work, value, values, copied) for value in ordered[:_SLICES])


def _slice(
    work: _Work,
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
