"""Exports to OpenVINO, compiled once for this machine and loaded from there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import openvino

from vitrail.indexer.encoders.exports import Export
from vitrail.indexer.encoders.openvino_encoder import (
    CompiledGraph,
    choose_hint,
    kept_blob,
    machine_of,
)
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import InputError


def load_graph(export: Export, settings: EncoderSettings) -> CompiledGraph:
    """The compiled graph of an export.

    What its file leaves in floating point is computed in fp32 where it was exported in fp32 or
    fp16, and else in bf16 where the processor has it.

    Raises:
        InputError: another device than the CPU, or a precision that this one lacks.
        RuntimeUnusableError: it failed its trial on this machine.
    """
    if settings.device not in ("auto", "cpu"):
        raise InputError(
            f"device {settings.device!r} is not for the openvino runtime, which runs on the CPU: "
            "use --device auto"
        )
    core = openvino.Core()
    wide = export.precision in ("fp32", "fp16") and settings.precision == "auto"
    hint = choose_hint("fp32" if wide else settings.precision, core)
    machine = machine_of(core)
    parts = ["export", export.digest, hint, machine]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    def write(path: Path) -> None:
        # beside its own weights, which are read from the file and not copied
        model = core.read_model(export.model)
        openvino.save_model(model, path, compress_to_fp16=False)

    return CompiledGraph(kept_blob(key, hint, machine, str(export.directory), write), hint, core)
