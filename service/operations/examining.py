"""Whether labels are right: how well they can be told, which are likely wrong, and outliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import InputError
from vitrail.search.classification.assessment import Assessment
from vitrail.search.classification.labelled import Labelled
from vitrail.search.classification.suspects import FAR, outlying, suspect
from vitrail.search.classification.votes import Voting
from vitrail.search.measures import Interval
from vitrail.service.operations.labels import LabelledBy, LabelOptions, Learning, learn, names_of
from vitrail.service.operations.progress import Progress, nobody

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vitrail.service.operations.searchable import Searchable

_LEGIBLE, _WIDEST = 60, 30.0  # labels whose names a figure shows, and its inches
_NEIGHBOURS = 5  # the distance to which of the nearest tells outliers


@dataclass(frozen=True, slots=True)
class LabelReport:
    """How well the labels of a column can be told from what images look like.

    Attributes:
        column: whose values are the labels.
        space: whose vectors told them.
        by: the vote of the nearest images, or a linear probe.
        how: how many vote, or the probe's strength, in words.
        temperature: by which scores became probabilities.
        assessment: what is told of each image by others, and its label.
        alone: labels that were left out, since one image alone has them.
        paths: of the images, by id.
    """

    column: str
    space: str
    by: LabelledBy
    how: str
    temperature: float
    assessment: Assessment
    alone: tuple[str, ...]
    paths: Mapping[int, str | None]

    def figure(self) -> Figure:
        """The confusion matrix as a matplotlib figure: rows have the label, columns are told it.

        Raises:
            InputError: matplotlib is missing.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise InputError(
                "the figure needs matplotlib: pip install 'vitrail[analysis]'"
            ) from error
        return _draw(Figure(layout="constrained"), self.assessment)


def _draw(figure: Figure, told: Assessment) -> Figure:
    counts = told.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(_WIDEST, max(4.0, 0.45 * len(told.classes) + 2))
    figure.set_size_inches(size, size)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("told")
    axes.set_ylabel("labelled")
    if len(told.classes) <= _LEGIBLE:
        places = range(len(told.classes))
        axes.set_xticks(places, told.classes, rotation=90)
        axes.set_yticks(places, told.classes)
        for row, column in np.argwhere(counts):
            dark = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=dark)
    return figure


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An image of some label that is near to a suspect."""

    id: int
    path: str | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is likely wrong.

    Attributes:
        id: of the image.
        path: of its first file.
        given: the label that it has.
        likely: the label that it seems to have.
        probability: of that one.
        given_probability: of the label that it has.
        nearest_given: the nearest image that has the same label.
        nearest_likely: the nearest image that has the likely one.
    """

    id: int
    path: str | None
    given: str
    likely: str
    probability: float
    given_probability: float
    nearest_given: Neighbour | None
    nearest_likely: Neighbour | None


@dataclass(frozen=True, slots=True)
class Outlier:
    """An image that is unlike all others.

    Attributes:
        id: of the image.
        path: of its first file.
        cosine: to its fifth-nearest image.
        spreads: how far beyond what is usual in the collection that is; above 3.5.
    """

    id: int
    path: str | None
    cosine: float
    spreads: float


@dataclass(frozen=True, slots=True)
class Suspects:
    """What may be wrong with the labels of a column.

    Attributes:
        column: whose values are the labels.
        space: whose vectors told it.
        by: the vote of the nearest images, or a linear probe.
        images: that have a label and were looked at.
        accuracy: how often the label that is told is the one that an image has; where that is low,
            so is the worth of a suspicion.
        suspects: the likeliest to be wrong first.
        outliers: of the whole collection, the farthest first.
    """

    column: str
    space: str
    by: LabelledBy
    images: int
    accuracy: Interval
    suspects: tuple[Suspect, ...]
    outliers: tuple[Outlier, ...]


def assess_labels(
    collection: Searchable,
    options: LabelOptions,
    *,
    min_probability: float = 0.0,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> LabelReport:
    """How well labels can be told: each image's by others than itself and its copies.

    Args:
        collection: open.
        options: which labels, and how.
        min_probability: below it no label is told of an image.
        progress: told how far it is.
        cancellation: looked at after each step.

    Raises:
        InputError: there is no such column or space, or too few labels.
        CancelledError: somebody asked to stop.
    """
    check_probability(min_probability)
    learning = Learning(collection, collection.store.snapshot(), options, progress, cancellation)
    known = learning.read()
    made, chosen = learn(learning, known)
    if isinstance(made, Voting):
        how = f"{made.k} nearest images vote" if made.k > 1 else "the nearest image decides"
    else:
        how = f"L2 strength C = {made.strength:g}"
    told = Assessment(
        known.classes, known.ids, known.targets, chosen.probabilities, min_probability
    )
    paths = names_of(known.ids.tolist(), learning)
    return LabelReport(
        learning.column, learning.space, options.by, how, made.temperature, told, known.alone, paths
    )


def check_probability(least: float) -> None:
    """Refuse what is no probability.

    Raises:
        InputError: it is not in [0, 1].
    """
    if not 0 <= least <= 1:
        raise InputError(f"the least probability is {least}; give a number from 0 to 1")


def find_suspects(
    collection: Searchable,
    options: LabelOptions,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Suspects:
    """Which labels are likely wrong, by confident disagreement, and which images are unlike all.

    Args:
        collection: open.
        options: which labels, and how.
        progress: told how far it is.
        cancellation: looked at after each step.

    Raises:
        InputError: there is no such column or space, or too few labels.
        CancelledError: somebody asked to stop.
    """
    learning = Learning(collection, collection.store.snapshot(), options, progress, cancellation)
    known = learning.read()
    _, chosen = learn(learning, known)
    told = Assessment(known.classes, known.ids, known.targets, chosen.probabilities)
    return Suspects(
        learning.column,
        learning.space,
        options.by,
        len(known),
        told.accuracy,
        _suspects(learning, known, chosen.probabilities),
        _outliers(learning),
    )


def _suspects(
    learning: Learning, known: Labelled, probabilities: NDArray[np.float64]
) -> tuple[Suspect, ...]:
    found = suspect(probabilities, known.targets)
    near = [
        [_nearest(known, place, label) for label in (known.targets[place], likely)]
        for place, likely in zip(found.places.tolist(), found.likely.tolist(), strict=True)
    ]
    wanted = {int(known.ids[p]) for p in found.places}
    wanted |= {one[0] for pair in near for one in pair if one is not None}
    paths = names_of(sorted(wanted), learning)
    return tuple(
        Suspect(
            int(known.ids[place]),
            paths[int(known.ids[place])],
            known.classes[known.targets[place]],
            known.classes[found.likely[i]],
            float(found.probability[i]),
            float(found.given[i]),
            *(None if one is None else Neighbour(one[0], paths[one[0]], one[1]) for one in near[i]),
        )
        for i, place in enumerate(found.places.tolist())
    )


def _nearest(known: Labelled, place: int, label: int) -> tuple[int, float] | None:
    """The id of the nearest image of a label that is no copy, and the cosine to it."""
    others = (known.targets == label) & (known.groups != known.groups[place])
    if not others.any():
        return None
    places = np.flatnonzero(others)
    cosines = known.rows[places] @ known.rows[place]
    best = int(cosines.argmax())
    return int(known.ids[places[best]]), float(cosines[best])


def _outliers(learning: Learning) -> tuple[Outlier, ...]:
    """Images of the whole collection that are far from all others."""
    from vitrail.indexer.vectors.neighbours import neighbours

    found = neighbours(
        learning.commit.index(learning.space),
        _NEIGHBOURS,
        on_progress=lambda done, total: learning.tell("comparing", done, total),
    )
    blocks = list(found.blocks)
    ids = np.concatenate([block.ids for block in blocks])
    cosines = np.concatenate([block.cosines[:, -1] for block in blocks])
    there = np.isfinite(cosines)
    ids, cosines = ids[there], cosines[there]
    if not len(ids):
        return ()
    far = outlying(cosines)
    places = np.flatnonzero(far > FAR)
    places = places[np.argsort(-far[places], kind="stable")]
    paths = names_of(ids[places].tolist(), learning)
    return tuple(
        Outlier(int(ids[i]), paths[int(ids[i])], float(cosines[i]), float(far[i])) for i in places
    )
