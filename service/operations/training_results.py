"""What came of a training: plain values, written beside the model and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.search.measures import Interval
from vitrail.service.operations.training_measures import ComparedRetrieval

Ids = NDArray[np.int64]
PARTS = ("training", "validation", "held_out", "unseen")
"""Names of what images are for, in files."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedEncoder:
    """What came of a training.

    Attributes:
        folder: the model directory.
        source: the checkpoint that it was.
        space: whose vectors were moved.
        classes: labels that were learned, in order.
        unseen: labels that were held out whole.
        parts: how many images were trained on, validated with and held out of the labels learned.
        unseen_images: how many have a label that was held out whole.
        copied: images that are copies of others, with which they stayed on one side.
        steps: done.
        best_step: after which the model was best, as it is now.
        accuracy: how often the head is right about held-out images; ``None`` without a head, or
            where nothing was held out.
        confusion: (c, c) int64 held-out images, by their label and the one the head tells.
        compared: retrieval of held-out images before and after, by space and measure.
        metrics: lines of the run: losses and validations, by step.
    """

    folder: str
    source: str
    space: str
    classes: tuple[str, ...]
    unseen: tuple[str, ...]
    parts: tuple[int, int, int]
    unseen_images: int
    copied: int
    steps: int
    best_step: int
    accuracy: Interval | None
    confusion: Ids
    compared: tuple[ComparedRetrieval, ...]
    metrics: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types, without the metrics, which have a file of their own."""
        one = self.accuracy
        return {
            "folder": self.folder,
            "source": self.source,
            "space": self.space,
            "classes": list(self.classes),
            "unseen": list(self.unseen),
            "images": dict(zip(PARTS, (*self.parts, self.unseen_images), strict=True)),
            "copies": self.copied,
            "steps": self.steps,
            "best_step": self.best_step,
            "accuracy": None if one is None else [one.mean, one.low, one.high],
            "confusion": self.confusion.tolist(),
            "retrieval": [compared.to_dict() for compared in self.compared],
        }

    @classmethod
    def from_dict(
        cls, raw: Mapping[str, Any], folder: str, metrics: Sequence[dict[str, Any]]
    ) -> TrainedEncoder:
        """Read what ``to_dict`` made.

        Args:
            raw: of a run that is done.
            folder: where its model lies now.
            metrics: its lines.
        """
        training, validation, held_out, unseen = (int(raw["images"][part]) for part in PARTS)
        told = raw["accuracy"]
        return cls(
            folder=folder,
            source=raw["source"],
            space=raw["space"],
            classes=tuple(raw["classes"]),
            unseen=tuple(raw["unseen"]),
            parts=(training, validation, held_out),
            unseen_images=unseen,
            copied=raw["copies"],
            steps=raw["steps"],
            best_step=raw["best_step"],
            accuracy=None if told is None else Interval(*told),
            confusion=np.array(raw["confusion"], np.int64),
            compared=tuple(ComparedRetrieval.from_dict(one) for one in raw["retrieval"]),
            metrics=tuple(metrics),
        )
