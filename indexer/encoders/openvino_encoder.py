"""The OpenVINO runtime: x86 CPUs, compiled once, then loaded without torch or transformers."""

from __future__ import annotations

import hashlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.openvino_compile import NO_ROOM, properties
from vitrail.indexer.encoders.settings import check_placement
from vitrail.indexer.errors import CacheError, InputError, RuntimeUnusableError
from vitrail.indexer.files.cache import (
    cache_dir,
    file_sha256,
    read_json,
    write_atomically,
)
from vitrail.indexer.files.durability import checksum
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace

if TYPE_CHECKING:
    from torch import nn

    from vitrail.indexer.encoders.torch_encoder import TorchEncoder

HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
GRAPH = 1  # counts changes of the graph that tower.py builds
COMPILE_SECONDS = 900
_ENDED_BY_OTHERS = (1, 2, 9, 15)  # SIGHUP, SIGINT, SIGKILL as for want of memory, SIGTERM


class OpenVinoEncoder:
    """Implements ``vitrail.indexer.encoders.base.Encoder`` with OpenVINO on the CPU."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        spaces: Sequence[EmbeddingSpace],
        *,
        device: str = "auto",
        precision: str = "auto",
        classify: bool = False,
    ) -> None:
        if device not in ("auto", "cpu"):
            raise InputError(
                f"device {device!r} is not for the openvino runtime, which runs on the CPU: "
                f"use --runtime torch"
            )
        self._core = openvino.Core()
        self._hint = choose_hint(precision, self._core)
        self.spaces = tuple(spaces)
        self.fingerprint: Fingerprint = checkpoint.fingerprint(spaces)
        self.preprocess: Preprocess = checkpoint.preprocess
        self.image_size = checkpoint.image_size
        self.labels = checkpoint.labels if classify else None
        blob = _blob(checkpoint, self.spaces, classify, self._hint, self._core)
        self._compiled = CompiledGraph(blob, self._hint, self._core)
        self._checkpoint = checkpoint
        self._of_torch: TorchEncoder | None = None
        self._loading = threading.Lock()

    @property
    def runtime(self) -> str:
        """For people, such as ``openvino f32 (CPU)``."""
        return self._compiled.runtime

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed (n, S, S, 3) uint8.

        Raises:
            MemoryError: the batch does not fit.
        """
        outputs = self._compiled.run(pixels)
        names = [space.name for space in self.spaces]
        logits = outputs[len(names)] if self.labels is not None else None
        return Encoded(vectors=dict(zip(names, outputs, strict=False)), logits=logits)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        """The tokens of single patches of (n, S, S, 3) uint8, by torch, loaded at the first call.

        Compiled here too, they would want a second graph of the same weights, as much room in the
        cache again and a minute of compiling, for the few images of an explanation.

        Raises:
            CheckpointError: the checkpoint's files are gone or changed.
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
                        self._checkpoint, self.spaces, device="cpu", precision="fp32"
                    )
            return self._of_torch


class CompiledGraph:
    """A compiled model, ready to run; any number of threads may ask at once.

    Args:
        blob: where it is kept.
        hint: OpenVINO's name of the precision.
        core: an ``openvino.Core``.
    """

    def __init__(self, blob: Path, hint: str, core: Any) -> None:
        self.runtime = f"openvino {hint} (CPU)"
        # Copy-on-write, because OpenVINO wants writable memory; pages are read when needed.
        self._memory = np.memmap(blob, dtype=np.uint8, mode="c")
        tensor = openvino.Tensor(self._memory, shared_memory=True)
        self._model = core.import_model(tensor, "CPU", properties(hint))
        self._requests = Requests(self._model)

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs for (n, S, S, 3) uint8, in the graph's order; the caller's own arrays.

        Raises:
            MemoryError: the batch does not fit.
        """
        try:
            with self._requests.one() as request:
                result = request.infer([np.ascontiguousarray(pixels)])
                # Copies: the request's own memory is the next one's.
                return [np.array(value, dtype=np.float32) for value in result.values()]
        except RuntimeError as error:
            text = str(error).lower()
            if "bad_alloc" in text or ("memory" in text and "alloc" in text):
                raise MemoryError(str(error)) from error
            raise


class Requests:
    """Infer requests of a compiled model: one thread at a time has each, and others wait.

    There are as many as the model was compiled to work on at once, made when they are needed: more
    would take memory for activations and no less time.

    Args:
        model: an ``openvino.CompiledModel``.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._most = max(1, int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")))
        self._made = 0
        self._guard = threading.Lock()
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()

    @contextmanager
    def one(self) -> Iterator[Any]:
        """An infer request that nobody else has until the block ends."""
        request = self._take()
        try:
            yield request
        finally:
            self._free.put(request)

    def _take(self) -> Any:
        with self._guard:
            if self._free.empty() and self._made < self._most:
                request = self._model.create_infer_request()
                self._made += 1
                return request
        return self._free.get()


def choose_hint(precision: str, core: Any) -> str:
    """OpenVINO's name of the precision; ``auto`` is bf16 where the processor has it, else f32.

    Raises:
        InputError: an unknown precision, or one that the processor would have to emulate.
    """
    check_placement("auto", precision)
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "auto":
        return "bf16" if "BF16" in able else "f32"
    hint = HINTS[precision]
    if hint != "f32" and precision.upper() not in able:
        raise InputError(f"this processor has no {precision}: use --precision fp32 or auto")
    return hint


def _blob(
    checkpoint: Checkpoint,
    spaces: tuple[EmbeddingSpace, ...],
    classify: bool,
    hint: str,
    core: Any,
) -> Path:
    """The compiled encoder on disk, built first when it is missing or damaged."""

    def write(source: Path) -> None:
        from vitrail.indexer.encoders.torch_encoder import build_tower

        tower = build_tower(checkpoint, spaces, classify=classify)
        model = trace(tower, checkpoint.image_size)
        openvino.save_model(model, source, compress_to_fp16=False)

    machine = machine_of(core)
    key = _key(checkpoint, spaces, classify, hint, machine)
    return kept_blob(key, hint, machine, checkpoint.name, write)


def kept_blob(
    key: str, hint: str, machine: str, made_from: str, write: Callable[[Path], None]
) -> Path:
    """A compiled model on disk, compiled first where it is missing or damaged.

    Args:
        key: of what is compiled, by which the file is known.
        hint: OpenVINO's name of the precision.
        machine: as of ``machine_of``.
        made_from: name of the checkpoint, for people.
        write: writes the model to compile to the path of an XML file.

    Raises:
        RuntimeUnusableError: it failed its trial, or there is no room to write it.
    """
    folder = cache_dir() / "openvino"
    blob, record = folder / f"{key}.blob", folder / f"{key}.json"
    if blob.is_file() and read_json(record).get("sha256") == file_sha256(blob):
        return blob
    _refuse_known_failure(machine, hint)
    with tempfile.TemporaryDirectory(prefix="vitrail-") as scratch:
        source = Path(scratch) / "model.xml"
        try:
            write(source)
        except RuntimeError as error:  # it says no more than that its stream has failed
            raise RuntimeUnusableError(
                f"the model to compile cannot be written to {scratch}: free room there, or set "
                "TMPDIR to another folder"
            ) from error
        _compile(source, blob, hint, machine)
    content = {"sha256": checksum(blob), "made_from": made_from}
    try:
        write_atomically(record, json.dumps(content).encode())
    except CacheError as error:
        raise RuntimeUnusableError(str(error)) from error
    return blob


def machine_of(core: Any) -> str:
    """What compiles and what for, which a compiled model is good for alone."""
    name = core.get_property("CPU", "FULL_DEVICE_NAME")
    able = ",".join(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")))
    return f"openvino {openvino.__version__} on {name} ({able})"


def _key(
    checkpoint: Checkpoint,
    spaces: tuple[EmbeddingSpace, ...],
    classify: bool,
    hint: str,
    machine: str,
) -> str:
    """Everything that decides the compiled blob; the config holds what the weights do not."""
    digest = checkpoint.fingerprint(spaces).digest
    parts = [digest, checkpoint.config, checkpoint.architecture, classify, hint, machine, GRAPH]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def trace(tower: nn.Module, image_size: int) -> Any:
    """The OpenVINO model of a tower, for batches of any size; nodes keep the modules' names."""
    import torch

    example = torch.zeros((1, image_size, image_size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it reads as a constant
        jit: Callable[..., Any] = torch.jit.trace  # untyped in torch
        traced = jit(tower, example, check_trace=False)
        shape = openvino.PartialShape([-1, image_size, image_size, 3])
        return openvino.convert_model(traced, example_input=example, input=[shape])


def _compile(source: Path, blob: Path, hint: str, machine: str) -> None:
    """Compile in a subprocess; a failure is remembered, so that the next start does not try.

    Not so what is no failure of OpenVINO's: want of room, and an end that came from outside.
    """
    command = [sys.executable, "-m", "vitrail.indexer.encoders.openvino_compile"]
    try:
        done = subprocess.run(
            [*command, str(source), str(blob), hint],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMPILE_SECONDS,
            # Ctrl-C is for this process, which may want to end in good order.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        reason = f"it did not finish in {COMPILE_SECONDS} seconds"
    else:
        if done.returncode == 0:
            return
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        if done.returncode == NO_ROOM:
            raise RuntimeUnusableError(f"the compiled model could not be kept: {reason}")
        if -done.returncode in _ENDED_BY_OTHERS:
            raise RuntimeUnusableError(
                f"compiling was ended by signal {-done.returncode}: run again, with more free "
                "memory if the system ended it"
            )
    failures = _failures()
    known = read_json(failures)
    known[f"{machine} {hint}"] = reason
    write_atomically(failures, json.dumps(known, indent=1, sort_keys=True).encode())
    _refuse_known_failure(machine, hint)


def _failures() -> Path:
    return cache_dir() / "openvino" / "failures.json"


def _refuse_known_failure(machine: str, hint: str) -> None:
    reason = read_json(_failures()).get(f"{machine} {hint}")
    if reason is not None:
        raise RuntimeUnusableError(
            f"{machine} failed its trial with {hint} ({reason}): use --runtime torch, or delete "
            f"{_failures()} to try again"
        )
