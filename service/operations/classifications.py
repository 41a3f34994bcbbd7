"""How images are classified, and what they are told to be: plain types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.options import check_word
from vitrail.service.operations.examining import check_probability
from vitrail.service.operations.labels import SAMPLE, By

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """How images are classified.

    Attributes:
        by: the checkpoint's head, the vote of the nearest labelled images, or a linear probe;
            ``None`` is the vote where ``labels`` are given, and otherwise the head.
        labels: the column whose values are told; not for the head.
        space: whose vectors are used; see ``LabelOptions``.
        top: how many labels of each image are told.
        min_probability: of the best label, below which none is told.
        refit: whether a probe is learned anew.
        sample: labelled images that are learned from, at most.
        seed: of their draw and of the folds.

    Raises:
        InputError: a value that cannot be used, or options that do not go together.
    """

    by: By | None = None
    labels: str | None = None
    space: str | None = None
    top: int = 1
    min_probability: float = 0.0
    refit: bool = False
    sample: int = SAMPLE
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("by", self.way, get_args(By))
        check_probability(self.min_probability)
        if self.top < 1:
            raise InputError(f"top is {self.top}, but 1 label at least must be asked for")
        if self.way == "head":
            for name, given in (("labels", self.labels), ("space", self.space)):
                if given is not None:
                    raise InputError(
                        f"{name} {given!r} goes with --by knn or --by probe: the checkpoint's head "
                        "has labels of its own"
                    )
        elif self.labels is None:
            raise InputError(
                f"by {self.way} tells your own labels: name their column with --labels, such as "
                "label"
            )
        if self.refit and self.way != "probe":
            raise InputError("refit goes with --by probe: nothing else is kept")

    @property
    def way(self) -> By:
        """How, also where nobody said."""
        return self.by or ("head" if self.labels is None else "knn")


class Guess(NamedTuple):
    """A label, and how likely it is."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class ClassifiedImage:
    """What one image is told to be.

    Attributes:
        name: of the image, as it was given, or its path.
        id: in the collection; ``None`` of one that is not of it.
        guesses: the likeliest labels, best first; none where it cannot be looked at.
        label: the best one, if it is likely enough; ``None`` where nothing is told.
        error: why it cannot be looked at; empty where it can.
    """

    name: str
    id: int | None
    guesses: tuple[Guess, ...]
    label: str | None
    error: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What images are told to be.

    Attributes:
        by: in which way.
        column: of the labels; ``None`` of the head's.
        space: whose vectors were used; ``None`` of the head.
        classes: c labels that can be told; none of the head, which tells its best ones alone.
        images: in the order in which they were asked about; listed ones by id.
        probabilities: (n, c) float32 of the images; NaN of one that cannot be looked at.
        written: how many images have the labels as a column of the collection now.
    """

    by: By
    column: str | None
    space: str | None
    classes: tuple[str, ...]
    images: tuple[ClassifiedImage, ...]
    probabilities: Floats
    written: int = 0
