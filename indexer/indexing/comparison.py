"""What a scan means for a collection: what is new, changed, back, gone, excluded, unchanged."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from vitrail.indexer.indexing.scan import FoundFile, Unreadable
from vitrail.indexer.records import KnownFile


@dataclass(frozen=True, slots=True)
class Changes:
    """What a scan means for a collection.

    Attributes:
        unchanged: paths known with this size and time, rejected and removed ones included.
        to_open: new and changed files.
        back: files that had left, found as they were: they need not be opened.
        seen: removed ones among those, which had left the disk and are there again.
        gone: known paths that the scan did not meet, and that no glob leaves out.
        excluded: known paths that a glob leaves out.
        unreadable: as the scan gave them.
    """

    unchanged: list[str] = field(default_factory=list)
    to_open: list[FoundFile] = field(default_factory=list)
    back: list[FoundFile] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def compare(
    found: Iterable[FoundFile | Unreadable],
    known: Mapping[str, KnownFile],
    leaves_out: Callable[[str], bool] = lambda _: False,
) -> Changes:
    """Tell what changed, from path, size and modification time alone; opens nothing.

    Args:
        found: what a ``scan.Walk`` gave.
        known: what the collection knows of the scanned folder, and only of that.
        leaves_out: whether a glob leaves a known path out.
    """
    changes = Changes()
    seen: set[str] = set()
    for item in found:
        if isinstance(item, Unreadable):
            changes.unreadable.append(item)
            if not was_image(known.get(item.path)):  # a reject remains one
                seen.add(item.path)
            continue
        seen.add(item.path)
        _sort(item, known.get(item.path), changes)
    blind = {item.path for item in changes.unreadable if _hides(item, known)}
    for path, file in known.items():
        if path in seen or (file.missing and file.state != "live"):
            continue
        if file.state != "removed" and leaves_out(path):
            changes.excluded.append(path)
        elif not (blind and is_within(path, blind)):
            changes.gone.append(path)
    return changes


def _sort(item: FoundFile, known: KnownFile | None, changes: Changes) -> None:
    if known is None or (item.size, item.mtime_ns) != (known.size, known.mtime_ns):
        changes.to_open.append(item)
    elif known.missing and known.state != "removed":
        changes.back.append(item)
    else:
        changes.unchanged.append(item.path)
        if known.missing:
            changes.seen.append(item.path)


def _hides(item: Unreadable, known: Mapping[str, KnownFile]) -> bool:
    """Whether what is known at or below its path may still be there.

    Behind a dead link to a folder is a disk that is away; a dead link that was a file is gone.
    """
    if item.reason == "broken-link":
        return not was_image(known.get(item.path))
    return item.reason != "not-a-file"


def was_image(known: KnownFile | None) -> bool:
    """Whether a path is known as one that held an image."""
    return known is not None and known.content_hash is not None


def still_there(paths: Iterable[str]) -> set[str]:
    """Those of the paths that are on the disk after all, or may be.

    A scan may have reached a file by another way, or passed over it by its name; only one that the
    operating system says is not there has gone.
    """
    return {path for path in paths if _may_exist(path)}


def is_within(path: str, folders: set[str] | frozenset[str]) -> bool:
    """Whether a path is one of the folders, or lies in one."""
    while path not in folders:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


def _may_exist(path: str) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return True
