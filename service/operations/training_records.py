"""What a run of training has in its folder: how it began, so that it goes on, and what came of it.

The model lies in the folder itself, as any checkpoint; what is about its making in ``training``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import CheckpointError, CollectionLockedError, InputError
from vitrail.indexer.files.durability import disk_guard, make_directory, write_text
from vitrail.indexer.files.lock import WriterLock
from vitrail.service.operations.training_images import ReadImage, TrainingSource
from vitrail.service.operations.training_measures import HeldOutRetrieval, HeldOutTask

if TYPE_CHECKING:
    from vitrail.indexer.training.options import FinetuningOptions
    from vitrail.indexer.training.splits import SplitShares

Ids = NDArray[np.int64]
FOLDER = "training"
BEGUN, _DONE, _LOCK = "run.json", "result.json", "lock"
_FORMAT = 1
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


@dataclass(frozen=True, slots=True, eq=False)
class BegunRun:
    """How a run began: all that it needs to go on, whatever has become of folders and collections.

    Attributes:
        settings: what must be the same for it to go on: source, checkpoint, shares and options.
        classes: labels, those that are learned first.
        images: n of them.
        targets: (n,) int64 numbers of their labels.
        groups: (n,) int64, which are copies of one another.
        parts: (n,) int64, what each is for; see ``vitrail.indexer.training.splits``.
        originals: (c,) int64 places of held-out images that copies are made of.
        before: space -> how well held-out images were found by.
    """

    settings: dict[str, Any]
    classes: tuple[str, ...]
    images: tuple[ReadImage, ...]
    targets: Ids
    groups: Ids
    parts: Ids
    originals: Ids
    before: dict[str, HeldOutRetrieval]

    @property
    def learned(self) -> tuple[str, ...]:
        """Labels that are learned, in order: all but those that are held out whole."""
        from vitrail.indexer.training.splits import UNSEEN

        return self.classes[: int(self.targets[self.parts != UNSEEN].max()) + 1]

    def task(self, each: int) -> HeldOutTask:
        """What is asked of the held-out images.

        Args:
            each: copies of each original.
        """
        from vitrail.indexer.training.splits import HELD_OUT, UNSEEN

        held, unseen = self.parts == HELD_OUT, self.parts == UNSEEN
        return HeldOutTask(self.targets, self.groups, held, unseen, self.originals, each)

    def counts(self) -> tuple[int, int, int]:
        """Images that are trained on, validated with and held out of labels that are learned."""
        from vitrail.indexer.training.splits import HELD_OUT, TRAINING, UNSEEN, VALIDATION

        found = np.bincount(self.parts, minlength=UNSEEN + 1).tolist()
        return found[TRAINING], found[VALIDATION], found[HELD_OUT]


def settings_of(
    source: TrainingSource,
    checkpoint: str,
    weights: str,
    shares: SplitShares,
    options: FinetuningOptions,
) -> dict[str, Any]:
    """What decides a run, as plain JSON types."""
    return {
        "source": {**asdict(source), "folders": [os.path.abspath(one) for one in source.folders]},
        "checkpoint": checkpoint,
        "weights": weights,
        "shares": asdict(shares),
        "options": options.to_dict(),
    }


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
        yield inner
    finally:
        if os.listdir(inner) == [_LOCK]:  # nothing has begun: what was asked for cannot be used
            _take_away(folder, keeps=there)
        lock.release()


def _is_file(inner: str, name: str) -> bool:
    return os.path.isfile(os.path.join(inner, name))


def _is_empty(folder: str) -> bool:
    return os.path.isdir(folder) and not os.listdir(folder)


def _holds_run(folder: str) -> bool:
    """Whether a run left what is there; others, too, have folders of images that train."""
    inner = os.path.join(folder, FOLDER)
    if _is_file(inner, _LOCK):
        return True
    # a kill before there was a lock leaves the folder alone
    return os.listdir(folder) == [FOLDER] and _is_empty(inner)


def _take_away(folder: str, *, keeps: bool) -> None:
    """Delete what a run that never began has made, the lock while it is held."""
    inner = os.path.join(folder, FOLDER)
    with suppress(OSError):  # in use elsewhere, or not to be deleted while it is open
        os.unlink(os.path.join(inner, _LOCK))
        os.rmdir(inner)
        if not keeps:
            os.rmdir(folder)


def write_begun(inner: str, run: BegunRun) -> None:
    """Write how a run began.

    Raises:
        CollectionError: the disk is full.
    """
    raw = {
        "format": _FORMAT,
        "settings": run.settings,
        "classes": list(run.classes),
        "images": [
            [one.path, one.content_hash, int(target), int(group), int(part)]
            for one, target, group, part in zip(
                run.images, run.targets, run.groups, run.parts, strict=True
            )
        ],
        "originals": run.originals.tolist(),
        "before": {space: found.to_dict() for space, found in run.before.items()},
    }
    with disk_guard(inner, 0):
        write_text(os.path.join(inner, BEGUN), json.dumps(raw))


def read_begun(inner: str) -> BegunRun | None:
    """How the run in a folder began; ``None`` where none did.

    Raises:
        CheckpointError: the file is damaged, or a newer version's.
    """
    return read_record(inner, BEGUN, _parsed)


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


def _parsed(raw: Mapping[str, Any]) -> BegunRun:
    check_format(raw, _FORMAT)
    rows = raw["images"]
    classes = tuple(raw["classes"])
    targets, groups, parts = (np.array([row[i] for row in rows], np.int64) for i in (2, 3, 4))
    return BegunRun(
        settings=raw["settings"],
        classes=classes,
        images=tuple(ReadImage(row[0], classes[row[2]], row[1]) for row in rows),
        targets=targets,
        groups=groups,
        parts=parts,
        originals=np.array(raw["originals"], np.int64),
        before={space: HeldOutRetrieval.from_dict(one) for space, one in raw["before"].items()},
    )


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
