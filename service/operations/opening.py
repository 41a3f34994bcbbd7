"""Which encoder a new collection is made by, and the collection opened, or begun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vitrail.indexer.collection.layout import is_collection
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import CollectionCreated, Progress, nobody


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """Which encoder a collection that is not there yet gets, and how it is run.

    Attributes:
        checkpoint: Hub name, local directory or embedded model; ``None`` is the default, or the
            collection's own.
        spaces: such as ``("cls@12",)``; none for the checkpoint's own, or the collection's.
        runtime: ``auto``, ``openvino``, ``onnx`` or ``torch``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
    """

    checkpoint: str | None = None
    spaces: tuple[str, ...] = ()
    runtime: str = "auto"
    device: str = "auto"
    precision: str = "auto"


AS_IT_IS = EncoderChoice()
"""The collection's own; the default of a new one."""


def open_or_create(
    directory: Path, choice: EncoderChoice = AS_IT_IS, *, progress: Progress = nobody
) -> Collection:
    """Open a collection, made first if there is none; refuse another encoder than its own.

    Args:
        directory: of the collection.
        choice: its encoder.
        progress: told where one was made.

    Raises:
        FingerprintMismatchError: the chosen checkpoint or spaces are not the collection's.
        CheckpointError: the encoder of a new one cannot be had.
        CollectionError: it is damaged or of a newer format, or other files are there.
    """
    if is_collection(str(directory)):
        found = Collection.open(
            directory, runtime=choice.runtime, device=choice.device, precision=choice.precision
        )
        return _held_to(found, choice)
    made = Collection.create(
        directory,
        checkpoint=choice.checkpoint,
        spaces=choice.spaces or None,
        runtime=choice.runtime,
        device=choice.device,
        precision=choice.precision,
    )
    progress(CollectionCreated(str(directory), made.fingerprint.describe()))
    return made


def _held_to(found: Collection, choice: EncoderChoice) -> Collection:
    from vitrail.indexer.encoders import read_fingerprint

    if choice.checkpoint is not None or choice.spaces:
        own = found.fingerprint
        names = choice.spaces or tuple(name for name, _ in own.spaces)
        found.store.check(read_fingerprint(choice.checkpoint or own.checkpoint, list(names)))
    if choice.checkpoint is not None:
        found.run_by(choice.checkpoint)
    return found
