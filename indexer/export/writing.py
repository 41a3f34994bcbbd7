"""An encoder's export written into a folder: the runtime's file, configurations, the manifest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.encoders.exports import FORMAT, LOGITS, MANIFEST, files_digest
from vitrail.indexer.encoders.graph_encoder import GraphEncoder, VectorGraph, load_exported
from vitrail.indexer.encoders.processors import FILES as PREPROCESSOR_FILES
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.encoders.torch_encoder import build_tower
from vitrail.indexer.export import tensorrt
from vitrail.indexer.export.plan import ExportPlan
from vitrail.indexer.files.durability import checksum
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import EmbeddingSpace

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.encoders.tower import Tower
    from vitrail.indexer.export.int8 import CalibrationImages, Int8Model


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        digest: sha256 (hex) over the model's files.
        size: bytes of them.
        reverted: parts that were put back into floating point.
        encoder: that runs it, uncertified; ``None`` where this machine cannot.
    """

    digest: str
    size: int
    reverted: tuple[str, ...]
    encoder: Encoder | None


def write_export(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    plan: ExportPlan,
    folder: Path,
    int8: Int8Model | None = None,
    reverted: Sequence[str] = (),
) -> Written:
    """Write an encoder's export into a folder that is there and empty.

    Args:
        checkpoint: holds weights of its own.
        spaces: that the graph shall give; a head comes along where there is one.
        plan: to what, in which precision.
        folder: to write to.
        int8: what ``quantised_tower`` gave, where the plan calibrates.
        reverted: parts of that which are given floating point again.

    Raises:
        CheckpointError: weights are missing.
        OSError: the disk is full or refuses.
    """
    outputs = _outputs(checkpoint, spaces)
    graph: VectorGraph | None = None
    files: Sequence[str]
    if int8 is not None:
        files = int8.save(folder, reverted)
    else:
        tower = _tower(checkpoint, spaces)
        files, graph = _Maker(checkpoint, tower, outputs, plan, folder).make()
    sums = {name: checksum(folder / name) for name in files}
    _write_manifest(checkpoint, spaces, plan, outputs, sums, folder)
    size = sum(os.path.getsize(folder / name) for name in files)
    encoder = _encoder_of(folder, graph, plan, outputs)
    return Written(files_digest(sums), size, tuple(reverted), encoder)


def quantised_tower(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    plan: ExportPlan,
    calibration: CalibrationImages,
) -> Int8Model:
    """An encoder in full int8, calibrated on images; ``write_export`` takes it as often as asked.

    Args:
        checkpoint: holds weights of its own.
        spaces: as of ``write_export``.
        plan: that calibrates; see there.
        calibration: on what.

    Raises:
        CheckpointError: weights are missing.
    """
    outputs, size = _outputs(checkpoint, spaces), checkpoint.image_size
    tower = _tower(checkpoint, spaces)
    if plan.target == "openvino":
        from vitrail.indexer.export.openvino_models import OpenVinoInt8, convert

        return OpenVinoInt8(convert(tower, outputs, size), calibration)
    from vitrail.indexer.export.onnx_int8 import OnnxInt8

    return OnnxInt8(tower, outputs, size, calibration)


def _outputs(checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace]) -> list[str]:
    head = [LOGITS] if has_head(checkpoint, spaces) else []
    return [*(space.name for space in spaces), *head]


def _tower(checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace]) -> Tower:
    return build_tower(checkpoint, spaces, classify=has_head(checkpoint, spaces))


def has_head(checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace]) -> bool:
    """Whether an export of these spaces gives the head's logits too.

    The embedding that texts are compared with comes of the model of both towers, which has none.
    """
    return bool(checkpoint.labels) and all(space.pooling != "proj" for space in spaces)


def _encoder_of(
    folder: Path, graph: VectorGraph | None, plan: ExportPlan, outputs: Sequence[str]
) -> Encoder | None:
    """What was written, loaded from there; or the program that was saved, which no file gives."""
    if not plan.can_be_measured:
        return None
    found = find_encoder_checkpoint(str(folder))
    classify = LOGITS in outputs
    spaces = found.select()
    if graph is not None:
        return GraphEncoder(found, spaces, graph, outputs, classify=classify)
    return load_exported(found, spaces, EncoderSettings(classify=classify))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Writes the runtime's own files."""

    checkpoint: Checkpoint
    tower: Tower
    outputs: Sequence[str]
    plan: ExportPlan
    folder: Path

    def make(self) -> tuple[Sequence[str], VectorGraph | None]:
        """Names of the files, and what runs where no file can be loaded."""
        if self.plan.target == "openvino":
            return self._openvino()
        if self.plan.target in ("onnx", "tensorrt"):
            return self._onnx()
        if self.plan.target == "torch-export":
            return self._torch()
        return self._coreml()

    def _openvino(self) -> tuple[Sequence[str], VectorGraph | None]:
        from vitrail.indexer.export import openvino_models as models

        model = models.convert(self.tower, self.outputs, self.checkpoint.image_size)
        if self.plan.precision == "int4":
            model = models.with_int4_weights(model)
        elif self.plan.precision == "int8":
            model = models.with_int8_weights(model)
        half = self.plan.precision != "fp32"
        return models.save(model, self.folder, half=half), None

    def _onnx(self) -> tuple[Sequence[str], VectorGraph | None]:
        from vitrail.indexer.encoders.onnx_graph import OPSET, write_onnx
        from vitrail.indexer.export import onnx_models as models

        for_tensorrt = self.plan.target == "tensorrt"
        precision = "fp32" if for_tensorrt else self.plan.precision
        size, target = self.checkpoint.image_size, self.folder / models.FILE
        opset = tensorrt.OPSET if for_tensorrt else OPSET
        write_onnx(self.tower, self.outputs, size, target, opset)
        if precision != "fp32":
            models.shrink(target, precision)
        if for_tensorrt:
            text = tensorrt.commands_text(size, self.plan.precision)
            (self.folder / tensorrt.COMMANDS).write_text(text)
        return (models.FILE,), None

    def _torch(self) -> tuple[Sequence[str], VectorGraph | None]:
        from vitrail.indexer.export.torch_programs import FILE, TorchProgram

        program = TorchProgram(self.tower, self.checkpoint.image_size, self.plan.precision)
        program.save(self.folder / FILE)
        return (FILE,), program

    def _coreml(self) -> tuple[Sequence[str], VectorGraph | None]:
        from vitrail.indexer.export.coreml_packages import PACKAGE, save_package

        size, package = self.checkpoint.image_size, self.folder / PACKAGE
        save_package(self.tower, self.outputs, size, self.plan.precision, package)
        files = [path for path in sorted(package.rglob("*")) if path.is_file()]
        return [path.relative_to(self.folder).as_posix() for path in files], None


def _write_manifest(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    plan: ExportPlan,
    outputs: Sequence[str],
    sums: dict[str, str],
    folder: Path,
) -> None:
    for name in ("config.json", *PREPROCESSOR_FILES):
        if (checkpoint.directory / name).is_file():
            shutil.copyfile(checkpoint.directory / name, folder / name)
    told = {
        "format": FORMAT,
        "target": plan.target,
        # an engine of fewer bits is built elsewhere; the file beside it has all of them
        "precision": "fp32" if plan.target == "tensorrt" else plan.precision,
        "weights_only": plan.weights_only or plan.precision == "int4",
        "files": sums,
        "outputs": [*outputs],
        "source": json.loads(source_fingerprint(checkpoint, spaces).to_json()),
    }
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def source_fingerprint(checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace]) -> Fingerprint:
    """That of the source, by a name that leads to it from everywhere."""
    own = checkpoint.fingerprint(spaces)
    named = Path(own.checkpoint).expanduser()
    return replace(own, checkpoint=str(named.absolute())) if named.is_dir() else own
