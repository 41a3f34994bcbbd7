"""An encoder's export written into a folder: the runtime's file, configurations, the manifest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

Reverting = Callable[[object], tuple[str, ...]]
"""Of a quantised model, which parts go back to floating point."""


@dataclass(frozen=True, slots=True)
class Int8Steps:
    """What full int8 needs beside the encoder.

    Attributes:
        images: (n, S, S, 3) uint8, of the user's.
        on_image: called with the number of each image that is looked at.
        reverting: chooses the parts that go back to floating point.
    """

    images: NDArray[np.uint8]
    on_image: Callable[[int], None]
    reverting: Reverting


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
    calibration: Int8Steps | None = None,
) -> Written:
    """Write an encoder's export into a folder that is there and empty.

    Args:
        checkpoint: holds weights of its own.
        spaces: that the graph shall give; a head comes along where there is one.
        plan: to what, in which precision.
        folder: to write to.
        calibration: of full int8; see ``ExportPlan.calibrates``.

    Raises:
        CheckpointError: weights are missing.
        OSError: the disk is full or refuses.
    """
    classify = has_head(checkpoint, spaces)
    outputs = [*(space.name for space in spaces), *([LOGITS] if classify else [])]
    tower = build_tower(checkpoint, spaces, classify=classify)
    maker = _Maker(checkpoint, tower, outputs, plan, folder, calibration)
    files, reverted, graph = maker.make()
    sums = {name: checksum(folder / name) for name in files}
    _write_manifest(checkpoint, spaces, plan, outputs, sums, folder)
    size = sum(os.path.getsize(folder / name) for name in files)
    return Written(files_digest(sums), size, reverted, _encoder_of(folder, graph, plan, outputs))


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
    calibration: Int8Steps | None

    def make(self) -> tuple[Sequence[str], tuple[str, ...], VectorGraph | None]:
        """Names of the files, what was reverted, and what runs where no file can be loaded."""
        if self.plan.target == "openvino":
            return self._openvino()
        if self.plan.target in ("onnx", "tensorrt"):
            return self._onnx()
        if self.plan.target == "torch-export":
            return self._torch()
        return self._coreml()

    def _openvino(self) -> tuple[Sequence[str], tuple[str, ...], VectorGraph | None]:
        from vitrail.indexer.export import openvino_models as models

        model = models.convert(self.tower, self.outputs, self.checkpoint.image_size)
        reverted: tuple[str, ...] = ()
        if self.plan.precision == "int4":
            model = models.with_int4_weights(model, self.checkpoint.dim)
        elif self.plan.precision == "int8" and self.calibration is None:
            model = models.with_int8_weights(model)
        elif self.plan.precision == "int8":
            assert self.calibration is not None
            model = models.quantised(model, self.calibration.images, self.calibration.on_image)
            reverted = self.calibration.reverting(model)
            model = models.reverted(model, reverted)
        half = self.plan.precision != "fp32"
        return models.save(model, self.folder, half=half), reverted, None

    def _onnx(self) -> tuple[Sequence[str], tuple[str, ...], VectorGraph | None]:
        from vitrail.indexer.encoders.onnx_graph import OPSET, write_onnx
        from vitrail.indexer.export import onnx_models as models

        for_tensorrt = self.plan.target == "tensorrt"
        precision = "fp32" if for_tensorrt else self.plan.precision
        size, target = self.checkpoint.image_size, self.folder / models.FILE
        plain = target if precision == "fp32" else self.folder / "fp32.onnx"
        opset = tensorrt.OPSET if for_tensorrt else OPSET
        write_onnx(self.tower, self.outputs, size, plain, opset)
        if precision in ("fp16", "bf16"):
            models.store_in_half(plain, target, precision)
        elif precision == "int4" or self.plan.weights_only:
            models.store_in_blocks(plain, target, 4 if precision == "int4" else 8)
        elif precision == "int8":
            models.store_in_int8(plain, target)
        if plain != target:
            plain.unlink()
        if for_tensorrt:
            text = tensorrt.commands_text(size, self.plan.precision)
            (self.folder / tensorrt.COMMANDS).write_text(text)
        return (models.FILE,), (), None

    def _torch(self) -> tuple[Sequence[str], tuple[str, ...], VectorGraph | None]:
        from vitrail.indexer.export.torch_programs import FILE, TorchProgram

        program = TorchProgram(self.tower, self.checkpoint.image_size, self.plan.precision)
        program.save(self.folder / FILE)
        return (FILE,), (), program

    def _coreml(self) -> tuple[Sequence[str], tuple[str, ...], VectorGraph | None]:
        from vitrail.indexer.export.coreml_packages import PACKAGE, save_package

        size, package = self.checkpoint.image_size, self.folder / PACKAGE
        save_package(self.tower, self.outputs, size, self.plan.precision, package)
        files = [path for path in sorted(package.rglob("*")) if path.is_file()]
        return [path.relative_to(self.folder).as_posix() for path in files], (), None


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
