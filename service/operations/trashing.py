"""Copies moved to the trash of the system, with a list by which they are found again."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError
from vitrail.indexer.images.files import read_unchanged
from vitrail.indexer.paths import display, raw

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.duplicate_search import DuplicateGroup


@dataclass(frozen=True, slots=True)
class Trash:
    """A file that is to be moved to the trash.

    Attributes:
        path: of the file.
        bytes: its size.
        content_hash: sha256 (hex) of its bytes.
        keeper: path of the file that stays in its place.
    """

    path: str
    bytes: int
    content_hash: str
    keeper: str


@dataclass(frozen=True, slots=True)
class TrashPlan:
    """What would be moved.

    Attributes:
        files: to be moved.
        left: paths that stay, and why.
    """

    files: tuple[Trash, ...]
    left: tuple[tuple[str, str], ...]


def plan_trash(groups: Sequence[DuplicateGroup], tiers: Collection[str]) -> TrashPlan:
    """Which files of groups may go: those whose keeper is there, and that are as they were indexed.

    Args:
        groups: as ``find_duplicates`` found them.
        tiers: of the evidence that is enough.
    """
    files: list[Trash] = []
    left: list[tuple[str, str]] = []
    for group in groups:
        chosen = [copy for copy in group.copies if copy.evidence.tier in tiers]
        spare = {path for copy in chosen for path in copy.paths}
        keeper = next(
            (p for p in group.keeper.paths if p not in spare and _holds(p, group.keeper)), None
        )
        for copy in chosen:
            for path in copy.paths:
                if keeper is None:
                    left.append((path, f"the image to keep, {group.keeper.path}, is not there"))
                elif os.path.realpath(path) == os.path.realpath(keeper):
                    left.append((path, f"it and {keeper} are one file, by way of a link"))
                elif not _holds(path, copy.image):
                    left.append((path, "it is not there, or changed since it was indexed"))
                else:
                    size = os.path.getsize(path)
                    files.append(Trash(path, size, copy.image.content_hash, keeper))
    return TrashPlan(tuple(files), tuple(left))


def move_to_trash(plan: TrashPlan, undo_list: Path) -> Iterator[Trash]:
    """Move files to the system's trash, one after the other; nothing is deleted.

    Each is written to the list, and that synced, before it is moved.

    Args:
        plan: of ``plan_trash``.
        undo_list: a new file, of one JSON object a line: where each file was, its sha256, when it
            was moved, and which file stays in its place.

    Yields:
        each file, once it is in the trash.

    Raises:
        InputError: the package Send2Trash is missing, the list exists or cannot be written, or the
            system refuses; what was moved before stays in the trash, and in the list.
    """
    try:
        from send2trash import send2trash
    except ImportError as error:
        raise InputError(
            "moving files to the trash needs the package Send2Trash: `pip install 'vitrail[trash]'`"
        ) from error
    try:
        with open(undo_list, "x", encoding="ascii") as told:
            for file in plan.files:
                told.write(json.dumps(_line(file)) + "\n")
                told.flush()
                os.fsync(told.fileno())
                send2trash(file.path)
                yield file
    except FileExistsError as error:
        raise InputError(f"{undo_list} exists already; name a new file for the list") from error
    except OSError as error:
        raise InputError(
            f"not all files could be moved to the trash ({error}); {undo_list} lists those that "
            "were, and the one that was tried last"
        ) from error


def _line(file: Trash) -> dict[str, str | int | None]:
    data = raw(file.path)
    return {
        "path": display(file.path),
        "path_raw": None if data is None else data.hex(),
        "bytes": file.bytes,
        "sha256": file.content_hash,
        "kept": display(file.keeper),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _holds(path: str, image: ImageInfo) -> bool:
    """Whether a file is there, and still has the bytes that were indexed."""
    return read_unchanged([path], image.content_hash) is not None
