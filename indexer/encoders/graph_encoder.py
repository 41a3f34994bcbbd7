"""An encoder whose whole work is a graph in a file: pixels in, the vectors of all spaces out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoded, Encoder, PatchTokens
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.encoders.exports import LOGITS, RUNS, Export
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace

if TYPE_CHECKING:
    from vitrail.indexer.encoders.torch_encoder import TorchEncoder


class VectorGraph(Protocol):
    """A graph that is ready to run; any number of threads may ask at once."""

    @property
    def runtime(self) -> str:
        """For people, such as ``openvino f32 (CPU)``."""

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for (n, S, S, 3) uint8, in the graph's order; the caller's own arrays.

        Raises:
            MemoryError: the batch does not fit.
        """


class GraphEncoder:
    """Implements ``vitrail.indexer.encoders.base.Encoder`` by a graph.

    Args:
        checkpoint: what it is the graph of.
        spaces: those that are asked for, of the graph's.
        graph: ready to run.
        outputs: names of its outputs, in order; ``logits`` is the head's.
        classify: also give the head's logits.
        told: what is said of it before the runtime, such as ``int8 openvino export``.

    Raises:
        CheckpointError: it is to classify, and the graph has no head.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        spaces: Sequence[EmbeddingSpace],
        graph: VectorGraph,
        outputs: Sequence[str],
        *,
        classify: bool,
        told: str = "",
    ) -> None:
        if classify and LOGITS not in outputs:
            raise CheckpointError(
                f"{checkpoint.name!r} has no classification head: leave out --classify, or use a "
                "checkpoint with one"
            )
        self.spaces = tuple(spaces)
        self.fingerprint: Fingerprint = checkpoint.fingerprint(spaces)
        self.preprocess: Preprocess = checkpoint.preprocess
        self.image_size = checkpoint.image_size
        self.labels = checkpoint.labels if classify else None
        self._checkpoint, self._graph, self._told = checkpoint, graph, told
        self._place = {name: number for number, name in enumerate(outputs)}
        self._of_torch: TorchEncoder | None = None
        self._loading = threading.Lock()

    @property
    def runtime(self) -> str:
        """For people, such as ``onnx fp32 (CPU)``."""
        return f"{self._told}, {self._graph.runtime}" if self._told else self._graph.runtime

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed (n, S, S, 3) uint8.

        Raises:
            MemoryError: the batch does not fit.
        """
        outputs = self._graph.run(pixels)
        vectors = {space.name: outputs[self._place[space.name]] for space in self.spaces}
        logits = outputs[self._place[LOGITS]] if self.labels is not None else None
        return Encoded(vectors=vectors, logits=logits)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches of (n, S, S, 3) uint8, by torch, loaded at the first call.

        A graph gives none. Those of an export are its source's, which has to be there.

        Raises:
            CheckpointError: the weights are gone or changed.
            InputError: a layer that this encoder does not run.
            MemoryError: the batch does not fit.
        """
        return self._torch().patch_tokens(pixels, layers)

    def _torch(self) -> TorchEncoder:
        from vitrail.indexer.encoders.libraries import LOADING

        with self._loading:  # threads that come meanwhile wait for the one that is being loaded
            if self._of_torch is None:
                with LOADING:
                    from vitrail.indexer.encoders.torch_encoder import TorchEncoder

                    self._of_torch = TorchEncoder(
                        source_of(self._checkpoint), self.spaces, device="cpu", precision="fp32"
                    )
            return self._of_torch


def source_of(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint that holds the weights: that one, or what it is an export of.

    Raises:
        CheckpointError: the source is gone, or has other weights by now.
    """
    export = checkpoint.export
    if export is None:
        return checkpoint
    source = find_encoder_checkpoint(export.source.checkpoint)
    if source.weights != export.source.weights:
        raise CheckpointError(
            f"{checkpoint.name!r} was exported from {export.source.checkpoint}, which has other "
            "weights by now, and patches are looked at by these: bring the former back"
        )
    return source


def load_exported(
    checkpoint: Checkpoint, spaces: Sequence[EmbeddingSpace], settings: EncoderSettings
) -> Encoder:
    """The encoder of an export, by the runtime that its file is for.

    Raises:
        CheckpointError: the export is for other programs than Vitrail, or has no head to classify.
        InputError: another runtime or device was named, or the runtime is not installed.
        RuntimeUnusableError: it failed its trial on this machine.
    """
    export = checkpoint.export
    assert export is not None
    graph = _graph_of(export, settings)
    return GraphEncoder(
        checkpoint,
        spaces,
        graph,
        export.outputs,
        classify=settings.classify,
        told=f"{export.precision} export",
    )


def _graph_of(export: Export, settings: EncoderSettings) -> VectorGraph:
    from vitrail.indexer.encoders.runtimes import RUNTIMES

    name = RUNS.get(export.target)
    if name is None:
        raise CheckpointError(
            f"{export.directory} is an export to {export.target}, which other programs run: export "
            "to openvino or onnx for Vitrail"
        )
    if settings.runtime not in ("auto", name):
        raise InputError(
            f"runtime {settings.runtime!r} cannot run an export to {export.target}: use --runtime "
            f"{name} or auto"
        )
    missing = RUNTIMES[name].missing
    if missing is not None:
        raise InputError(missing)
    if name == "openvino":
        from vitrail.indexer.encoders.openvino_export import load_graph

        return load_graph(export, settings)
    from vitrail.indexer.encoders.onnx_runtime import OnnxGraph

    return OnnxGraph(export.model, settings.device, export.precision)
