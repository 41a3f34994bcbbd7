"""Copies moved to the trash of the system, with a list by which they are found again."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import sync_directory
from vitrail.indexer.images.files import read_unchanged
from vitrail.indexer.paths import display, raw
from vitrail.search.duplicates.evidence import IDENTICAL, RE_ENCODED, CopyEvidence

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.duplicate_groups import Copy, DuplicateGroup

_WHOLE = frozenset({IDENTICAL, RE_ENCODED})  # what of the copy shows in its keeper too: all
_STANDS = "it stays in place of files with the same pixels, and its keeper shows something else"


@dataclass(frozen=True, slots=True)
class Trash:
    """A file that is to be moved to the trash.

    Attributes:
        path: of the file.
        bytes: its size.
        content_hash: sha256 (hex) of its bytes.
        keeper: path of the file that stays in its place.
        keeper_hash: sha256 (hex) of its bytes.
    """

    path: str
    bytes: int
    content_hash: str
    keeper: str
    keeper_hash: str


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

    A file that goes from one group is in no other the one that stays, and goes once. Where the
    keeper of an image with its very pixels goes itself, as a copy of another, that one stays. Of
    several files with the same pixels one always stays, unless what stays in its place shows all
    of it (``re-encoded``), or is what the user keeps.

    Args:
        groups: as ``find_duplicates`` found them.
        tiers: of the evidence that is enough.
    """
    files: dict[str, Trash] = {}
    left: dict[str, str] = {}
    chosen = [
        (group, one) for group in groups for one in group.copies if one.evidence.tier in tiers
    ]
    standing = {group.keeper.id for group, copy in chosen if copy.evidence.tier == IDENTICAL}
    going = []
    for group, copy in chosen:
        stands = copy.image.id in standing or len(copy.paths) > 1
        if not stands or not _loses_something(group, copy):
            going.append((group, copy))
            continue
        first = _one_to_stay(copy)
        left[first] = _STANDS
        if rest := tuple(path for path in copy.paths if path != first):
            # What stays in their place is the first, and no longer the keeper: so that is read.
            same = replace(copy, paths=rest, evidence=CopyEvidence(IDENTICAL))
            going.append((replace(group, keeper=copy.image), same))
    spare = {path for _, copy in going for path in copy.paths}
    above = {one.image.id: group.keeper for group, one in going if one.image.id != group.keeper.id}
    staying: dict[int, str | None] = {}
    for group, copy in going:
        kept = _kept(group.keeper, copy, above)
        if kept.id not in staying:
            staying[kept.id] = _keeper(kept, spare)
        keeper = staying[kept.id]
        for path in copy.paths:
            if path in files or path in left:
                continue
            told = _trash(path, copy.image, keeper, kept)
            if isinstance(told, Trash):
                files[path] = told
            else:
                left[path] = told
    return TrashPlan(tuple(files.values()), tuple(left.items()))


def move_to_trash(
    plan: TrashPlan,
    undo_list: Path,
    *,
    on_left: Callable[[str, str], None] | None = None,
) -> Iterator[Trash]:
    """Move files to the system's trash, one after the other; nothing is deleted.

    The plan may be old: both files are read once more right before, and one that must not go any
    longer stays. Each is written to the list, and that synced, before it is moved.

    Args:
        plan: of ``plan_trash``.
        undo_list: a new file, of one JSON object a line: where each file was, its sha256, when it
            was moved, and which file stays in its place.
        on_left: told the path of each file that stays after all, and why.

    Yields:
        each file, once it is in the trash.

    Raises:
        InputError: the package Send2Trash is missing, the list exists or cannot be written, the
            system refuses, or what was to stay left with its copy; what was moved before stays in
            the trash, and in the list.
    """
    try:
        from send2trash import send2trash
    except ImportError as error:
        raise InputError(
            "moving files to the trash needs the package Send2Trash: `pip install 'vitrail[trash]'`"
        ) from error
    told = _new_list(undo_list)
    try:
        with told:  # whose end may find the disk full once more
            for file in plan.files:
                why = _why_left(file)
                if why is None:
                    told.write(json.dumps(_line(file)) + "\n")
                    told.flush()
                    os.fsync(told.fileno())
                    send2trash(file.path)
                    _check_stayed(file, undo_list)
                    yield file
                elif on_left is not None:
                    on_left(file.path, why)
    except OSError as error:
        raise InputError(
            f"not all files could be moved to the trash ({error}); {undo_list} lists those that "
            "were, and the one that was tried last"
        ) from error


def _one_to_stay(copy: Copy) -> str:
    """Which of a copy's files stays: the first that is as it was indexed."""
    unchanged = (path for path in copy.paths if _holds(path, copy.image.content_hash))
    return next(unchanged, copy.paths[0])


def _loses_something(group: DuplicateGroup, copy: Copy) -> bool:
    """Whether more than quality goes with a copy, and not as the user decided."""
    return copy.evidence.tier not in _WHOLE and not group.decided


def _kept(keeper: ImageInfo, copy: Copy, above: Mapping[int, ImageInfo]) -> ImageInfo:
    """What stays in place of a copy: what shows of its keeper's pixels shows of its own."""
    return above.get(keeper.id, keeper) if copy.evidence.tier == IDENTICAL else keeper


def _keeper(image: ImageInfo, spare: Collection[str]) -> str | None:
    """A file of an image that stays, and has the bytes that were indexed."""
    paths = (path for path in image.paths if path not in spare)
    return next((path for path in paths if _holds(path, image.content_hash)), None)


def _trash(path: str, image: ImageInfo, keeper: str | None, kept: ImageInfo) -> Trash | str:
    """A file that may go, or why it stays."""
    if keeper is None:
        there = any(_holds(one, kept.content_hash) for one in kept.paths)
        return f"the image to keep, {kept.path}, {'goes itself' if there else 'is not there'}"
    if _one_file(path, keeper):
        return f"it and {keeper} are one file, by way of a link"
    if not _holds(path, image.content_hash):
        return "it is not there, or changed since it was indexed"
    return Trash(path, image.bytes, image.content_hash, keeper, kept.content_hash)


def _why_left(file: Trash) -> str | None:
    """Why a planned file must not go any longer; ``None`` where it may."""
    if not _holds(file.keeper, file.keeper_hash):
        return f"the file to keep, {file.keeper}, has changed meanwhile, or is away"
    if not _holds(file.path, file.content_hash):
        return "it has changed meanwhile, or is away"
    if _one_file(file.path, file.keeper):
        return f"it and {file.keeper} have become one file, by way of a link"
    return None


def _one_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file: by a link of either kind, or as its disk is there twice.

    One that cannot be told counts as one.
    """
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _check_stayed(file: Trash, undo_list: Path) -> None:
    """Stop where the file to keep went along, as where a share is mounted twice."""
    if not os.path.exists(file.keeper):
        raise InputError(
            f"{file.keeper}, which was to stay, is away since {file.path} was moved: they are one "
            f"file on a disk that is there twice, or another program took it. Restore {file.path} "
            f"from the trash; nothing more was moved, and {undo_list} lists what was"
        )


def _new_list(path: Path) -> TextIO:
    try:
        told = open(path, "x", encoding="ascii")  # noqa: SIM115 - the caller closes it
    except FileExistsError as error:
        raise InputError(f"{path} exists already; name a new file for the list") from error
    except OSError as error:
        raise InputError(
            f"the list {path} cannot be written ({error}); nothing was moved: name another place "
            "by --undo-list"
        ) from error
    sync_directory(os.path.dirname(os.path.abspath(path)))
    return told


def _line(file: Trash) -> dict[str, str | int | None]:
    return {
        "path": display(file.path),
        "path_raw": _raw(file.path),
        "bytes": file.bytes,
        "sha256": file.content_hash,
        "kept": display(file.keeper),
        "kept_raw": _raw(file.keeper),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _raw(path: str) -> str | None:
    """Base64 of a path's own bytes where its text does not say it all, as in all that is JSON."""
    data = raw(path)
    return None if data is None else b64encode(data).decode("ascii")


def _holds(path: str, content_hash: str) -> bool:
    """Whether a file is there, and has the bytes of this hash."""
    return read_unchanged([path], content_hash) is not None
