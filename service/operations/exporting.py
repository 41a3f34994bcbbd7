"""An encoder exported to another runtime, and held against its source before it is called good."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders.exports import CERTIFICATE, refuse_export
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.export.certificate import (
    FLOORS,
    Certificate,
    Embedded,
    head_agreement,
    measure,
)
from vitrail.indexer.export.folder import check_new, empty, staged
from vitrail.indexer.export.plan import ExportPlan
from vitrail.service.operations.export_images import (
    ExportImages,
    ImageReader,
)
from vitrail.service.operations.export_search import LayerSearch
from vitrail.service.operations.export_sources import ExportOptions, ExportSource
from vitrail.service.operations.progress import AnalysisProgress, Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.encoders.checkpoints import Checkpoint
    from vitrail.indexer.export.int8 import Int8Model
    from vitrail.indexer.export.writing import Written
    from vitrail.indexer.spaces import EmbeddingSpace

PLOT = "certificate.svg"
_ROOM = 3  # times the source's weights that an export takes, at most, while it is made


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export.

    Attributes:
        folder: that there is now.
        plan: what was asked.
        size: bytes of the model's files.
        certificate: what was measured; ``None`` where this machine cannot run it.
        command: that makes the rest of it elsewhere, as of TensorRT; empty where nothing is left.
    """

    folder: Path
    plan: ExportPlan
    size: int
    certificate: Certificate | None
    command: str = ""


def export_encoder(
    source: ExportSource,
    plan: ExportPlan,
    folder: Path,
    options: ExportOptions | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Exported:
    """Export an encoder into a new folder, a model directory like any other.

    Args:
        source: what is exported, and what it is measured on.
        plan: to what, in which precision.
        folder: new, or empty; it is there whole or not at all.
        options: how it is measured.
        progress: told of the images.
        cancellation: looked at after each few of them.

    Raises:
        InputError: the folder holds something, too few images can be read, or the export falls
            short of its certificate; then nothing is written.
        CheckpointError: the source cannot be had, or is an export itself.
        CollectionError: the disk is full; nothing is written.
        CancelledError: somebody asked to stop; nothing is written.
    """
    from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint

    check_new(folder)
    found = find_encoder_checkpoint(source.checkpoint)
    refuse_export(source.checkpoint, found.export)
    work = _Export(
        found,
        found.select(source.spaces),
        source,
        plan,
        options or ExportOptions(),
        progress,
        cancellation or Cancellation(),
    )
    return work.run(folder)


@dataclass(frozen=True, slots=True)
class _Export:
    """One export."""

    checkpoint: Checkpoint
    spaces: Sequence[EmbeddingSpace]
    source: ExportSource
    plan: ExportPlan
    options: ExportOptions
    progress: Progress
    cancellation: Cancellation

    def run(self, folder: Path) -> Exported:
        needed = _ROOM * _weight_bytes(self.checkpoint)
        if not self.plan.can_be_measured:
            with staged(folder, needed) as begun:
                size = self._write(begun).size
            return Exported(folder, self.plan, size, None)
        images = self.reader.read(
            self.source.paths, self.checkpoint.preprocess, calibrates=self.plan.calibrates
        )
        with staged(folder, needed) as begun:
            return self._measured(begun, folder, images)

    @property
    def reader(self) -> ImageReader:
        """What reads images and tells of it."""
        own = self.options
        return ImageReader(own.sample, own.copied, own.seed, self.progress, self.cancellation)

    @property
    def searched(self) -> tuple[str, ...]:
        """The spaces that searches weigh."""
        return self.source.searched or tuple(space.name for space in self.spaces)

    def _measured(self, begun: Path, folder: Path, images: ExportImages) -> Exported:
        reference = self._reference()
        before = self._derived(self.reader.embedded(reference, images, "embedding by the source"))
        certificate, size = self._made(begun, images, before, reference)
        certificate = self._with_costs(begun, certificate, size)
        self._keep(begun, certificate)
        command = ""
        if self.plan.target == "tensorrt":
            from vitrail.indexer.export.tensorrt import trtexec_command

            command = trtexec_command(self.checkpoint.image_size, self.plan.precision)
        return Exported(folder, self.plan, size, certificate, command)

    def _made(
        self, begun: Path, images: ExportImages, before: Embedded, reference: Encoder
    ) -> tuple[Certificate, int]:
        """Write it; int8 again with ever more in floating point, until its certificate holds."""
        if not self.plan.calibrates:
            return self._certified(images, before, self._write(begun))
        int8 = self._quantised(images)
        steps = self._search(images).steps(int8, reference)
        certificate, size = self._certified(images, before, self._write(begun, int8, next(steps)))
        while certificate.failed and (reverted := next(steps, None)) is not None:
            count, of = len(reverted), len(int8.groups)
            short = "; ".join(certificate.failed)
            self.progress(Note(f"{short}: {count} of {of} parts go back to floating point"))
            empty(begun)
            tries = certificate.tries + 1
            written = self._write(begun, int8, reverted)
            certificate, size = self._certified(images, before, written, tries)
        return certificate, size

    def _certified(
        self, images: ExportImages, before: Embedded, written: Written, tries: int = 1
    ) -> tuple[Certificate, int]:
        """What was measured of what was written, and its size in bytes."""
        assert written.encoder is not None
        made = self.reader.embedded(written.encoder, images, "embedding by the export")
        certificate = self._certificate(images, before, self._derived(made), written)
        return replace(certificate, tries=tries), written.size

    def _reference(self) -> Encoder:
        """The source as all others are held to: torch, in fp32, on the CPU."""
        from vitrail.indexer.encoders.libraries import LOADING
        from vitrail.indexer.export.writing import has_head

        classify = has_head(self.checkpoint, self.spaces)
        self.progress(AnalysisProgress("loading the source", 0, 0, "image"))
        with LOADING:
            from vitrail.indexer.encoders.torch_encoder import TorchEncoder

            return TorchEncoder(
                self.checkpoint, self.spaces, device="cpu", precision="fp32", classify=classify
            )

    def _derived(self, made: Embedded) -> Embedded:
        derive = self.source.derive
        return replace(made, images=derive(made.images), copies=derive(made.copies))

    def _write(
        self, begun: Path, int8: Int8Model | None = None, reverted: Sequence[str] = ()
    ) -> Written:
        from vitrail.indexer.export.writing import write_export

        self.progress(AnalysisProgress(f"exporting to {self.plan.target}", 0, 0, "image"))
        return write_export(self.checkpoint, self.spaces, self.plan, begun, int8, reverted)

    def _quantised(self, images: ExportImages) -> Int8Model:
        """The encoder in int8, all steps of it chosen on the images that calibrate."""
        from vitrail.indexer.export.int8 import CalibrationImages
        from vitrail.indexer.export.writing import quantised_tower

        self.progress(AnalysisProgress(f"exporting to {self.plan.target}", 0, 0, "image"))
        count = len(images.calibrating)

        def on_image(number: int) -> None:
            self.reader.tell("calibrating", number + 1, count)

        calibration = CalibrationImages(images.calibrating, on_image)
        return quantised_tower(self.checkpoint, self.spaces, self.plan, calibration)

    def _search(self, images: ExportImages) -> LayerSearch:
        """Chooses, on the images that calibrate alone, what goes back to floating point."""

        def tell(done: int, total: int) -> None:
            self.cancellation.check()
            self.progress(AnalysisProgress("choosing layers", done, total, "part"))

        return LayerSearch(
            images.calibrating,
            tuple(space.name for space in self.spaces),
            self.searched,
            self.source.derive,
            tell,
        )

    def _certificate(
        self, images: ExportImages, before: Embedded, made: Embedded, written: Written
    ) -> Certificate:
        from vitrail.indexer.export.writing import source_fingerprint

        # an engine is built elsewhere: here its ONNX file is measured, which has all bits
        precision = "fp32" if self.plan.target == "tensorrt" else self.plan.precision
        assert precision in FLOORS
        certificate = Certificate(
            target=self.plan.target,
            precision=precision,
            model=written.digest,
            source=source_fingerprint(self.checkpoint, self.spaces),
            images=len(images.measured),
            copies=len(images.copies),
            spaces=measure(before, made, images.own, self.searched),
            head=head_agreement(before, made),
            reverted=written.reverted,
            made_with=_made_with(self.plan),
        )
        return replace(certificate, forced=bool(certificate.failed) and self.options.forced)

    def _with_costs(self, begun: Path, certificate: Certificate, size: int) -> Certificate:
        """With how the export runs, and how its source does as it is run without it."""
        if not self.options.tried:
            return certificate
        from vitrail.indexer.encoders.exports import RUNS
        from vitrail.indexer.export.trial import try_out

        names = [space.name for space in self.spaces]
        ours = None
        if self.plan.target in RUNS:
            self.progress(AnalysisProgress("measuring the export", 0, 0, "image"))
            ours = try_out(str(begun), names, size)
            self.cancellation.check()
        self.progress(AnalysisProgress("measuring the source", 0, 0, "image"))
        theirs = try_out(self.source.checkpoint, names, _weight_bytes(self.checkpoint))
        self.cancellation.check()
        return replace(certificate, runs=ours, source_runs=theirs)

    def _keep(self, begun: Path, certificate: Certificate) -> None:
        """Write certificate and plot, or refuse what falls short."""
        from vitrail.indexer.export.plot import draw

        if certificate.failed and not self.options.forced:
            raise ShortfallError(certificate)
        (begun / CERTIFICATE).write_text(certificate.to_json(), "utf-8")
        (begun / PLOT).write_text(draw(certificate), "utf-8")


class ShortfallError(VitrailError):
    """An export that is not near enough to its source; nothing of it is kept.

    Args:
        certificate: what was measured.
    """

    code = "falls-short"

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(
            f"the {certificate.precision} export falls short of its certificate: "
            f"{'; '.join(certificate.failed)}",
            remedy="choose more bits, or --weights-only, or keep it marked with --force",
        )
        self.certificate = certificate


def _weight_bytes(checkpoint: Checkpoint) -> int:
    found = checkpoint.directory.glob("*.safetensors")
    return sum(os.path.getsize(path) for path in found)


def _made_with(plan: ExportPlan) -> dict[str, str]:
    """Versions that decide what came out, and the processor that it was measured on."""
    found = {"processor": platform.processor() or platform.machine()}
    for name in ("vitrail", "torch", *plan.packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
