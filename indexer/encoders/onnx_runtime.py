"""The ONNX Runtime: graphs in ONNX files, on the CPU or a CUDA device."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.exports import LOGITS
from vitrail.indexer.encoders.graph_encoder import GraphEncoder
from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.files.cache import cache_dir, file_sha256, read_json, storing, write_atomically
from vitrail.indexer.files.durability import replacing
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.indexer.wording import first_line

GRAPH = 1  # counts changes of the graph that tower.py builds
_THREADS = "OMP_NUM_THREADS"


class OnnxGraph:
    """An ONNX file that is ready to run; any number of threads may ask at once.

    Args:
        path: of the file.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: of the file, for people.

    Raises:
        CheckpointError: it is no graph that this version runs.
        InputError: a device that this ONNX Runtime has not.
    """

    def __init__(self, path: Path, device: str, precision: str) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors; the rest is of nodes that stay on the CPU
        threads = os.environ.get(_THREADS, "")
        if threads.isdecimal():  # its own threads know nothing of what all others go by
            options.intra_op_num_threads = int(threads)
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=_providers(device)
            )
        except Exception as error:  # its errors have no common base
            raise CheckpointError(
                f"{path} cannot be run by ONNX Runtime {onnxruntime.__version__} "
                f"({first_line(error)}): export it again"
            ) from error
        self._input = self._session.get_inputs()[0].name
        place = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self.runtime = f"onnx {precision} ({place})"

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for (n, S, S, 3) uint8, in the graph's order.

        Raises:
            MemoryError: the batch does not fit.
        """
        try:
            found = self._session.run(None, {self._input: np.ascontiguousarray(pixels)})
        except Exception as error:  # its errors have no common base
            text = str(error).lower()
            if "alloc" in text and ("memory" in text or "bad_alloc" in text):
                raise MemoryError(str(error)) from error
            raise
        return [np.asarray(one, dtype=np.float32) for one in found]


def _providers(device: str) -> list[Any]:
    """What ONNX Runtime calls a device."""
    check_placement(device, "auto")
    there = onnxruntime.get_available_providers()
    if device in ("auto", "cpu"):
        return ["CPUExecutionProvider"]
    kind, _, number = device.partition(":")
    if kind != "cuda" or "CUDAExecutionProvider" not in there:
        raise InputError(
            f"device {device!r} is not there for the onnx runtime, which has {', '.join(there)}: "
            "use --device cpu, or --runtime torch"
        )
    return [("CUDAExecutionProvider", {"device_id": number or "0"}), "CPUExecutionProvider"]


def load_onnx(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    *,
    device: str,
    precision: str,
    classify: bool,
) -> Encoder:
    """The encoder of a checkpoint, whose graph is written to the cache folder once.

    Raises:
        CheckpointError: weights are missing, or there is no head to classify with.
        InputError: a device that is not there, or another precision than fp32.
    """
    if precision not in ("auto", "fp32"):
        raise InputError(
            f"precision {precision!r} is not for the onnx runtime, which runs a checkpoint in "
            "fp32: use --runtime torch, or export it with `vitrail export-encoder --to onnx`"
        )
    _providers(device)  # refused before a minute of writing
    if classify:
        checkpoint.classes()
    outputs = [*(space.name for space in spaces), *([LOGITS] if classify else [])]
    graph = OnnxGraph(_kept(checkpoint, spaces, outputs, classify=classify), device, "fp32")
    return GraphEncoder(checkpoint, spaces, graph, outputs, classify=classify)


def _kept(
    checkpoint: Checkpoint,
    spaces: Sequence[EmbeddingSpace],
    outputs: Sequence[str],
    *,
    classify: bool,
) -> Path:
    """The graph on disk, written first where it is missing or damaged."""
    digest = checkpoint.fingerprint(spaces).digest
    parts = [digest, checkpoint.config, checkpoint.architecture, classify, GRAPH]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache_dir() / "onnx"
    path, record = folder / f"{key}.onnx", folder / f"{key}.json"
    if path.is_file() and read_json(record).get("sha256") == file_sha256(path):
        return path
    from vitrail.indexer.encoders.onnx_graph import write_onnx
    from vitrail.indexer.encoders.torch_encoder import build_tower

    tower = build_tower(checkpoint, spaces, classify=classify)
    with storing():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(os.path.abspath(path)) as temporary:
            write_onnx(tower, outputs, checkpoint.image_size, Path(temporary))
    content = {"sha256": file_sha256(path), "made_from": checkpoint.name}
    write_atomically(record, json.dumps(content).encode())
    return path
