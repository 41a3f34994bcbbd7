"""How a training of an encoder began, so that it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.files.durability import disk_guard, write_text
from vitrail.service.operations.training_images import ReadImage, TrainingSource
from vitrail.service.operations.training_measures import HeldOutRetrieval, HeldOutTask
from vitrail.service.operations.training_records import BEGUN, check_format, read_record

if TYPE_CHECKING:
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.splits import SplitShares

Ids = NDArray[np.int64]
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class BegunRun:
    """How a run began: all that it needs to go on, whatever has become of folders and collections.

    Attributes:
        settings: what must be the same for it to go on: source, checkpoint, shares and options.
        classes: labels, those that are learned first.
        images: n of them.
        targets: (n,) int64 numbers of their labels.
        groups: (n,) int64, which are copies of one another.
        parts: (n,) int64, what each is for; see ``vitrail.indexer.training.splits``.
        originals: (c,) int64 places of held-out images that copies are made of.
        before: space -> how well held-out images were found by.
    """

    settings: dict[str, Any]
    classes: tuple[str, ...]
    images: tuple[ReadImage, ...]
    targets: Ids
    groups: Ids
    parts: Ids
    originals: Ids
    before: dict[str, HeldOutRetrieval]

    @property
    def learned(self) -> tuple[str, ...]:
        """Labels that are learned, in order: all but those that are held out whole."""
        from vitrail.indexer.training.splits import UNSEEN

        return self.classes[: int(self.targets[self.parts != UNSEEN].max()) + 1]

    def task(self, each: int) -> HeldOutTask:
        """What is asked of the held-out images.

        Args:
            each: copies of each original.
        """
        from vitrail.indexer.training.splits import HELD_OUT, UNSEEN

        held, unseen = self.parts == HELD_OUT, self.parts == UNSEEN
        return HeldOutTask(self.targets, self.groups, held, unseen, self.originals, each)

    def counts(self) -> tuple[int, int, int]:
        """Images that are trained on, validated with and held out of labels that are learned."""
        from vitrail.indexer.training.splits import HELD_OUT, TRAINING, UNSEEN, VALIDATION

        found = np.bincount(self.parts, minlength=UNSEEN + 1).tolist()
        return found[TRAINING], found[VALIDATION], found[HELD_OUT]


def settings_of(
    source: TrainingSource,
    checkpoint: str,
    weights: str,
    shares: SplitShares,
    options: FinetuningOptions,
) -> dict[str, Any]:
    """What decides a run, as plain JSON types."""
    return {
        "source": {**asdict(source), "folders": [os.path.abspath(one) for one in source.folders]},
        "checkpoint": checkpoint,
        "weights": weights,
        "shares": asdict(shares),
        "options": options.to_dict(),
    }


def write_begun(inner: str, run: BegunRun) -> None:
    """Write how a run began.

    Raises:
        CollectionError: the disk is full.
    """
    raw = {
        "format": _FORMAT,
        "settings": run.settings,
        "classes": list(run.classes),
        "images": [
            [one.path, one.content_hash, int(target), int(group), int(part)]
            for one, target, group, part in zip(
                run.images, run.targets, run.groups, run.parts, strict=True
            )
        ],
        "originals": run.originals.tolist(),
        "before": {space: found.to_dict() for space, found in run.before.items()},
    }
    with disk_guard(inner, 0):
        write_text(os.path.join(inner, BEGUN), json.dumps(raw))


def read_begun(inner: str) -> BegunRun | None:
    """How the run in a folder began; ``None`` where none did.

    Raises:
        CheckpointError: the file is damaged, or a newer version's.
    """
    return read_record(inner, BEGUN, _parsed)


def _parsed(raw: Mapping[str, Any]) -> BegunRun:
    check_format(raw, _FORMAT)
    rows = raw["images"]
    classes = tuple(raw["classes"])
    targets, groups, parts = (np.array([row[i] for row in rows], np.int64) for i in (2, 3, 4))
    return BegunRun(
        settings=raw["settings"],
        classes=classes,
        images=tuple(ReadImage(row[0], classes[row[2]], row[1]) for row in rows),
        targets=targets,
        groups=groups,
        parts=parts,
        originals=np.array(raw["originals"], np.int64),
        before={space: HeldOutRetrieval.from_dict(one) for space, one in raw["before"].items()},
    )
