"""How much of a teacher's retrieval a student keeps, and at what cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vitrail.indexer.images.preprocess import apply
from vitrail.indexer.training.distillation import Distillation, TaughtSide, neighbours_kept

Floats = NDArray[np.float32]
Alter = Callable[[Image.Image], Sequence[Image.Image]]
"""Copies of an image as they come back after a while, always as many."""
_TIMED = 8  # images a batch of which the speed is told
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class KeptRetrieval:
    """How well one encoder finds, and how fast it is.

    Attributes:
        copies: share of altered copies whose nearest image is their original; ``None`` where there
            are too few images.
        parameters: that its space needs.
        speed: images per processor second.
    """

    copies: float | None
    parameters: int
    speed: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A student beside its teacher, on images that nothing was learned from.

    Attributes:
        images: how many there were.
        teacher: how well it finds.
        student: likewise.
        neighbours: share of the teacher's ten nearest that the student has among its own; ``None``
            where there are too few images.
    """

    images: int
    teacher: KeptRetrieval
    student: KeptRetrieval
    neighbours: float | None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Fidelity:
        """Read what ``to_dict`` made."""
        teacher, student = (KeptRetrieval(**raw[side]) for side in ("teacher", "student"))
        return cls(raw["images"], teacher, student, raw["neighbours"])


def measure(
    task: Distillation,
    parameters: tuple[int, int],
    alter: Alter,
    check: Callable[[], None] = lambda: None,
) -> Fidelity:
    """Ask both for the same images.

    Args:
        task: with both models on the device they are asked on; its ``validation`` images are those
            to measure by.
        parameters: of both.
        alter: makes copies to be found again.
        check: called now and then; raises where somebody asked to stop.
    """
    vectors, found = [], []
    for side, count in zip((task.teacher, task.student), parameters, strict=True):
        known = task.vectors(side, side.validation, check) if len(side.validation) > 1 else None
        copies = None if known is None else _copies_found(task, side, known, alter, check)
        vectors.append(known)
        found.append(KeptRetrieval(copies, count, _speed(task, side)))
    theirs, ours = vectors
    kept = None if theirs is None or ours is None else neighbours_kept(ours, theirs)
    return Fidelity(len(task.student.validation), found[0], found[1], kept)


def _copies_found(
    task: Distillation, side: TaughtSide, known: Floats, alter: Alter, check: Callable[[], None]
) -> float:
    right, total = 0, 0
    for place in range(len(known)):
        check()
        image = side.validation.opened(place)
        pixels = np.stack([apply(side.validation.preprocess, copy) for copy in alter(image)])
        scores = task.made(side, pixels) @ known.T
        right += int((scores.argmax(axis=1) == place).sum())
        total += len(scores)
    return right / total


def _speed(task: Distillation, side: TaughtSide) -> float:
    """Images per processor second, of the fastest of some batches: other work only slows."""
    length = side.validation.preprocess.image_size
    pixels = np.zeros((_TIMED, length, length, 3), np.uint8)
    task.made(side, pixels)
    best = float("inf")
    on_cpu = task.device.type == "cpu"
    clock = time.process_time if on_cpu else time.perf_counter
    for _ in range(_ROUNDS):
        began = clock()
        task.made(side, pixels)
        if task.device.type == "cuda":
            torch.cuda.synchronize(task.device)
        best = min(best, clock() - began)
    return _TIMED / max(best, 1e-9)
