"""A training of a generator as its folder tells of it, for those who look at what it kept."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.paths import display
from vitrail.service.operations.generator_records import BegunGenerator, read_begun_generator
from vitrail.service.operations.training_records import BEGUN, FOLDER, GENERATOR

if TYPE_CHECKING:
    from vitrail.generator.checkpoints.files import CheckpointInfo
    from vitrail.generator.training.kept import KeptWeights
    from vitrail.generator.training.options import GeneratorOptions


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run whose checkpoints can be compared.

    Attributes:
        folder: absolute path.
        begun: how it began.
        info: the checkpoint that it began with, as it is now.
        options: how it learned.
        side: width and height in pixels that it learned at, and draws.
        kept: the weights that are there, by step; 1 at least.
        finished: whether it is done.
    """

    folder: str
    begun: BegunGenerator
    info: CheckpointInfo
    options: GeneratorOptions
    side: int
    kept: tuple[KeptWeights, ...]
    finished: bool

    @property
    def told(self) -> dict[str, Any]:
        """How it learned, for those who are given a model."""
        return {"trained": self.begun.told}


def read_run(folder: str, step: int | None = None) -> FinishedRun:
    """What lies in a run's folder.

    Args:
        folder: absolute path.
        step: weights after which have to be there; ``None`` for none in particular.

    Raises:
        InputError: no such run is there, it kept no weights, or those after the step are not there.
        CheckpointError: what lies there is damaged, or the checkpoint that it began with is gone or
            another by now.
    """
    from vitrail.generator.checkpoints.files import find_checkpoint
    from vitrail.generator.training.adapting import check_trainable
    from vitrail.generator.training.kept import list_kept
    from vitrail.generator.training.options import GeneratorOptions

    inner = os.path.join(folder, FOLDER)
    begun = _begun(folder, inner)
    kept = list_kept(inner)
    if not kept:
        raise InputError(
            f"{display(folder)!r} kept no weights on its way: train with --keep, and with a "
            "--sheet-every that gives several"
        )
    if step is not None and step not in (steps := [one.step for one in kept]):
        raise InputError(
            f"nothing was kept after step {step}: give one of {', '.join(map(str, steps))}"
        )
    info = find_checkpoint(begun.settings["model"])
    if info.content_hash != begun.settings["weights"]:
        raise CheckpointError(
            f"{info.name!r} is another checkpoint than the one that {display(folder)!r} learned "
            "from: bring that back"
        )
    options = GeneratorOptions.from_dict(begun.settings["options"])
    side = check_trainable(info, options.side)
    finished = os.path.isfile(os.path.join(folder, GENERATOR.file))
    return FinishedRun(folder, begun, info, options, side, kept, finished)


def _begun(folder: str, inner: str) -> BegunGenerator:
    remedy = "give the folder that train-generator was given by --out"
    if not os.path.isdir(folder):
        raise InputError(f"{display(folder)!r} is no folder: {remedy}")
    if _is_of_an_encoder(os.path.join(inner, BEGUN)):
        raise InputError(
            f"{display(folder)!r} holds a training of an encoder, whose report tells its best "
            f"state: {remedy}"
        )
    begun = read_begun_generator(inner)
    if begun is None:
        raise InputError(f"{display(folder)!r} holds no training of a generator: {remedy}")
    return begun


def _is_of_an_encoder(path: str) -> bool:
    """Whether a run's record is that of another training; what is damaged is told later."""
    try:
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and "classes" in raw
