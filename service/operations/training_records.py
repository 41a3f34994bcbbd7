"""What any run of training has in its folder: a lock, how it began, and what came of it.

The model lies in the folder itself, as any checkpoint; what is about its making in ``training``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from vitrail.indexer.errors import CheckpointError, CollectionLockedError, InputError
from vitrail.indexer.files.durability import TEMPORARY, disk_guard, make_directory, write_text
from vitrail.indexer.files.lock import WriterLock

FOLDER = "training"
BEGUN, _DONE, _LOCK = "run.json", "result.json", "lock"
DONE_ALREADY = "that is done already, as it was asked for: this is what came of it"
Result = TypeVar("Result")


class Settled(Protocol):
    """What a run has begun with."""

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for it to go on."""


class ModelKind(NamedTuple):
    """What becomes of a training.

    Attributes:
        use: the command that takes such a model directory, which is named last.
        file: that every such directory has.
    """

    use: str
    file: str


ENCODER = ModelKind("vitrail index FOLDER --checkpoint", "config.json")
GENERATOR = ModelKind("vitrail generate PROMPT --model", "model_index.json")


class TrainingOptions(Protocol):
    """How something is trained."""

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Names of what another run had otherwise, and what may not change when it goes on."""


@contextmanager
def run_folder(folder: str, kind: ModelKind = ENCODER) -> Iterator[str]:
    """The folder of what is about a run, made and locked; yields its path.

    Args:
        folder: that becomes the model directory.
        kind: of the model.

    Raises:
        InputError: something else is in the folder, or a model of which nothing tells how it was
            trained.
        CollectionLockedError: another process trains into it.
        CollectionError: the disk is full.
    """
    inner = os.path.join(folder, FOLDER)
    if _is_file(inner, _DONE) and not _is_file(inner, BEGUN):
        raise InputError(
            f"{folder} holds a trained model, and nothing tells how it was trained: use it "
            f"({kind.use} {folder}), or train into another folder"
        )
    there = os.path.exists(folder)
    if there and not _is_empty(folder) and not _holds_run(folder):
        raise InputError(f"{folder} is there and holds no training: name a new folder by --out")
    with disk_guard(folder, 0):
        make_directory(inner)
        lock = WriterLock(os.path.join(inner, _LOCK))
        try:
            lock.acquire()
        except CollectionLockedError as error:
            raise CollectionLockedError(
                str(error.problem), remedy="wait for it to end, or name another folder by --out"
            ) from error
    try:
        _sweep(inner)
        yield inner
    finally:
        if os.listdir(inner) == [_LOCK]:  # nothing has begun: what was asked for cannot be used
            _take_away(folder, keeps=there)
        lock.release()


def _sweep(inner: str) -> None:
    """Delete what kills left half written, in the folders of what was drawn and kept too."""
    for where, _, names in os.walk(inner):
        for name in names:
            if name.endswith(TEMPORARY):
                with suppress(OSError):
                    os.unlink(os.path.join(where, name))


def _is_file(inner: str, name: str) -> bool:
    return os.path.isfile(os.path.join(inner, name))


def _is_empty(folder: str) -> bool:
    return os.path.isdir(folder) and not os.listdir(folder)


def _holds_run(folder: str) -> bool:
    """Whether a run left what is there; others, too, have folders of images that train.

    It is known by how it began, also where somebody took its lock for left behind.
    """
    inner = os.path.join(folder, FOLDER)
    if _is_file(inner, _LOCK) or _tells_of_run(os.path.join(inner, BEGUN)):
        return True
    # a kill before there was a lock leaves the folder alone
    return os.listdir(folder) == [FOLDER] and _is_empty(inner)


def _tells_of_run(path: str) -> bool:
    """Whether a file tells how a run began; what is damaged in it is told when it is read."""
    with suppress(OSError, ValueError):
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
        return isinstance(raw, dict) and raw.keys() >= {"format", "settings"}
    return False


def _take_away(folder: str, *, keeps: bool) -> None:
    """Delete what a run that never began has made, the lock while it is held."""
    inner = os.path.join(folder, FOLDER)
    with suppress(OSError):  # in use elsewhere, or not to be deleted while it is open
        os.unlink(os.path.join(inner, _LOCK))
        os.rmdir(inner)
        if not keeps:
            os.rmdir(folder)


def read_record(
    inner: str, name: str, parse: Callable[[Mapping[str, Any]], Result]
) -> Result | None:
    """What a file of a run tells; ``None`` where it is not there.

    Args:
        inner: the folder of what is about the run.
        name: of the file.
        parse: makes of the file's content what it tells.

    Raises:
        CheckpointError: the file is damaged, a newer version's, or of a training of something else.
    """
    path = os.path.join(inner, name)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return parse(json.load(file))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} cannot be used ({error!s:.100}): train into another folder"
        ) from None


def check_format(raw: Mapping[str, Any], known: int) -> None:
    """Refuse a file of another format than the one that is known.

    Raises:
        ValueError: it is.
    """
    if raw["format"] != known:
        raise ValueError(f"format {raw['format']}, where {known} is known")


def check_same(
    begun: Settled,
    settings: Mapping[str, Any],
    options: TrainingOptions,
    folder: str,
    kind: ModelKind = ENCODER,
) -> None:
    """Refuse to go on with a run that began otherwise.

    Raises:
        InputError: naming what is other, and what it was.
    """
    was = begun.settings
    changed = [name for name in settings if name != "options" and was.get(name) != settings[name]]
    before_options = was.get("options", {})
    changed += options.differences(before_options)
    if not changed:
        return
    before = before_options.get(changed[0], was.get(changed[0]))
    other = f"with other {changed[0].replace('_', ' ')} ({before!s:.80})"
    if _is_file(os.path.join(folder, FOLDER), _DONE):
        raise InputError(
            f"{folder} holds a model that was trained {other}: use it ({kind.use} {folder}), or "
            "train into another folder"
        )
    raise InputError(
        f"{folder} holds a run that began {other}: give the same to go on, or train into another "
        "folder"
    )


def write_done(inner: str, result: Mapping[str, Any]) -> None:
    """Write what came of a run, after which it is done.

    Raises:
        CollectionError: the disk is full.
    """
    with disk_guard(inner, 0):
        write_text(os.path.join(inner, _DONE), json.dumps(result, indent=2) + "\n")


def read_done(
    inner: str, parse: Callable[[Mapping[str, Any]], Result], kind: ModelKind = ENCODER
) -> Result | None:
    """What came of the run in a folder; ``None`` where it is not done.

    Args:
        inner: the folder.
        parse: makes of the file's content what it tells.
        kind: of the model.

    Raises:
        CheckpointError: the model is not there any more, or the file is damaged.
    """
    model = os.path.dirname(inner)
    if not _is_file(inner, _DONE):
        return None
    if not _is_file(model, kind.file):
        raise CheckpointError(
            f"{model} lacks the model that was trained there ({kind.file}): train into another "
            "folder"
        )
    return read_record(inner, _DONE, parse)
