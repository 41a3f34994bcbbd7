"""Which encoder a new collection is made by, and the collection opened, or begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.errors import VitrailError
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import CollectionCreated, Event, Progress, nobody


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


@contextmanager
def taken_back_where_useless(directory: Path, progress: Progress) -> Iterator[Progress]:
    """Take a collection back that is begun within this and gets no image, as something is wrong.

    So a checkpoint that cannot be run leaves nothing where a collection was to be, and the same
    command with another one is not held to it. What was there before stays, and what others begin.

    Args:
        directory: of the collection.
        progress: told what is told to what this gives, by which it knows who has begun it.
    """
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    begun = False

    def told(event: Event) -> None:
        nonlocal begun
        begun = begun or isinstance(event, CollectionCreated)
        progress(event)

    try:
        yield told
    except VitrailError:
        if begun:
            _take_back(directory, missing)
        raise


def _take_back(directory: Path, made: Sequence[Path]) -> None:
    """Delete an empty collection, and its folders where nothing else is in them by now."""
    from vitrail.indexer.collection.discarding import discard_empty

    with suppress(VitrailError, OSError):  # the error that is under way says what went wrong
        if is_collection(str(directory)) and discard_empty(str(directory)):
            for folder in made:
                folder.rmdir()


def _held_to(found: Collection, choice: EncoderChoice) -> Collection:
    from vitrail.indexer.encoders import read_fingerprint

    if choice.checkpoint is not None or choice.spaces:
        own = found.fingerprint
        names = choice.spaces or tuple(name for name, _ in own.spaces)
        found.store.check(read_fingerprint(choice.checkpoint or own.checkpoint, list(names)))
    if choice.checkpoint is not None:
        found.run_by(choice.checkpoint)
    return found
