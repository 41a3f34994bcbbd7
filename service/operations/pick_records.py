"""How checkpoints of a generator's training are compared, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.settings import EMBEDDED, check_placement
from vitrail.indexer.errors import InputError
from vitrail.search.picking.choosing import Comparison

LEAST_SEEDS = 3
"""Of the fixed set, from which on an interval can be told."""
BEGINNING = 0
"""What stands for a step where the checkpoint is meant that learning began with."""


@dataclass(frozen=True, slots=True)
class PickOptions:
    """Which checkpoints are compared, and by what.

    Attributes:
        run: the folder of a training of a generator.
        prompts: of what was taught; without any, the first captions that it was taught with.
        others: of what was not, and is to stay; without any, those of the prior, and otherwise
            names that a checkpoint says it knows.
        seeds: of each prompt.
        rate: share of innocent images that may be held to be copies, in (0, 1).
        references: folders of images that copy nothing, beside those that are there anyway.
        checkpoint: encoder that images are compared by.
        space: of its spaces; ``None`` is its first default.
        device: that draws and compares.
        out: new folder, which becomes the model of the best checkpoint; ``None`` for none.
        step: that the model is made of instead of the best.

    Raises:
        InputError: a value that cannot be used, or values that do not go together.
    """

    run: str
    prompts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    seeds: int = 8
    rate: float = 0.01
    references: tuple[str, ...] = ()
    checkpoint: str = EMBEDDED
    space: str | None = None
    device: str = "auto"
    out: str | None = None
    step: int | None = None

    def __post_init__(self) -> None:
        check_placement(self.device, "auto")
        if self.seeds < LEAST_SEEDS:
            raise InputError(f"seeds is {self.seeds}; give {LEAST_SEEDS} or more")
        if not 0 < self.rate < 1:
            raise InputError(f"rate is {self.rate}; give a share above 0 and below 1, such as 0.01")
        for name, prompts in (("prompt", self.prompts), ("other", self.others)):
            if not all(one.strip() for one in prompts):
                raise InputError(f"a --{name} is empty; say what is to be drawn")
        both = set(self.prompts) & set(self.others)
        if both:
            raise InputError(
                f"{min(both)!r:.80} is given by --prompt and by --other; it is of the subject, or "
                "it is not"
            )
        if self.step is not None and self.out is None:
            raise InputError(
                "--step says which checkpoint --out is made of; name a folder by --out"
            )


@dataclass(frozen=True, slots=True, eq=False)
class PickedRun:
    """What came of a comparison of a run's checkpoints.

    Attributes:
        run: the run's folder.
        source: the checkpoint that learning began with.
        method: how it learned.
        finished: whether the run is done.
        prompts: of what was taught.
        others: of what was not.
        seeds: of each.
        taught: paths of the images that it learned from, and that were compared.
        drawn: step -> the paths of what it makes, a list of seeds for each prompt, those of what
            was taught first; 0 is the beginning.
        copying: step -> (p, s) float64 how far what it makes of the taught agrees with a taught
            image.
        encoder: that images were compared by.
        space: of it.
        found: the figures.
        out: the model that was written; ``None`` for none.
        out_step: the step that it is of.
    """

    run: str
    source: str
    method: str
    finished: bool
    prompts: tuple[str, ...]
    others: tuple[str, ...]
    seeds: tuple[int, ...]
    taught: tuple[str, ...]
    drawn: Mapping[int, tuple[tuple[str, ...], ...]]
    copying: Mapping[int, NDArray[np.float64]]
    encoder: str
    space: str
    found: Comparison
    out: str | None = None
    out_step: int | None = None

    @property
    def name(self) -> str:
        """What the run is called."""
        return os.path.basename(self.run)
