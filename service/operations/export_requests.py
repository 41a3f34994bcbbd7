"""What a user asks to be exported, checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import InputError
from vitrail.indexer.export.folder import check_new
from vitrail.indexer.export.plan import ExportPlan
from vitrail.service.operations.export_sources import (
    ExportOptions,
    source_of_collection,
    source_of_folder,
)
from vitrail.service.operations.exporting import Exported, export_encoder
from vitrail.service.operations.progress import Progress, nobody


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is exported, to where.

    Attributes:
        folder: to write to.
        target: as of ``ExportPlan``, like ``precision`` and ``weights_only``.
        precision: see there.
        weights_only: see there.
        collection: whose encoder and images are taken; ``None`` where a checkpoint is named.
        checkpoint: Hub name, directory or embedded model.
        images: folder of images, where a checkpoint is named.
        spaces: of the checkpoint; none for its own. A collection's are all taken.
        options: how it is measured.
    """

    folder: Path
    target: str
    precision: str
    weights_only: bool = False
    collection: Path | None = None
    checkpoint: str | None = None
    images: Path | None = None
    spaces: tuple[str, ...] = ()
    options: ExportOptions = field(default_factory=ExportOptions)

    def check(self) -> ExportPlan:
        """What is to be made.

        Raises:
            InputError: it cannot be, or options contradict one another.
        """
        plan = ExportPlan(self.target, self.precision, self.weights_only)
        if (self.checkpoint is None) != (self.images is None):
            raise InputError(
                "--checkpoint and --images go together: the first says what is exported, the "
                "second on which images it is measured; without both a collection's are taken"
            )
        if self.checkpoint is None and self.spaces:
            raise InputError(
                "--space goes with --checkpoint: an export of a collection's encoder gives all of "
                "the collection's spaces"
            )
        check_new(self.folder)
        return plan


def run_export(
    request: ExportRequest,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Exported:
    """Export what was asked for; errors are those of ``export_encoder``."""
    plan, options = request.check(), request.options
    if request.checkpoint is not None:
        source = source_of_folder(request.checkpoint, request.spaces, str(request.images), options)
        return export_encoder(
            source, plan, request.folder, options, progress=progress, cancellation=cancellation
        )
    from vitrail.service.operations.collection import Collection

    assert request.collection is not None
    with Collection.open(request.collection) as collection:
        return export_encoder(
            source_of_collection(collection, options),
            plan,
            request.folder,
            options,
            progress=progress,
            cancellation=cancellation,
        )
