"""Folders that lost so much at once that their disk may be away."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vitrail.indexer.errors import RemovalsRefusedError
from vitrail.indexer.indexing.comparison import Changes
from vitrail.indexer.indexing.globs import is_hidden
from vitrail.indexer.indexing.roots import RootPlan
from vitrail.indexer.indexing.scan import FoundFile, is_mount
from vitrail.indexer.paths import display
from vitrail.indexer.records import KnownFile
from vitrail.indexer.wording import counted

HANDFUL = 10
"""So many files may be gone from a folder without a question, if it still holds something."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a run would take out of a folder.

    Attributes:
        folder: absolute.
        lost: how many known files are gone.
        known: of how many.
        example: one of them.
        reason: why that may be a mistake, in words.
        absent: whether the folder itself is not there.
    """

    folder: str
    lost: int
    known: int
    example: str
    reason: str
    absent: bool

    def describe(self) -> str:
        """One sentence."""
        return (
            f"{self.lost:,} of the {counted(self.known, 'known file')} of "
            f"{display(self.folder)} {'is' if self.lost == 1 else 'are'} gone, "
            f"such as {display(self.example)}: {self.reason}"
        )


def find_loss(
    plan: RootPlan,
    changes: Changes,
    known: Mapping[str, KnownFile],
    arrived: Counter[tuple[int, int]],
) -> Loss | None:
    """Whether what is gone from a folder looks like a disk that is away.

    That is when the folder holds nothing at all, when more than half of its known files are gone
    and more than a handful, or when they lay on a disk of their own that is not mounted now. Files
    that were moved, as their size and time tell, are not gone.

    Args:
        plan: the folder.
        changes: what was found there, ``gone`` being what is not on the disk.
        known: what the collection knows of it.
        arrived: sizes and times of the files that are new in this run; those of moved files are
            taken out.
    """
    if not plan.whole and not os.path.isdir(plan.path):
        return None  # a single file
    lost = [
        path for path in changes.gone if _counts(known[path]) and not _moved(known[path], arrived)
    ]
    if not lost:
        return None
    excluded = set(changes.excluded)
    total = sum(_counts(file) for path, file in known.items() if path not in excluded)
    reason = _reason(plan, lost, total)
    if reason is None:
        return None
    return Loss(plan.path, len(lost), total, lost[0], reason, not os.path.isdir(plan.path))


def arrivals(opened: Iterable[FoundFile]) -> Counter[tuple[int, int]]:
    """Sizes and times of files, by which those that were moved are known again."""
    return Counter((file.size, file.mtime_ns) for file in opened)


def refusal(losses: Sequence[Loss]) -> RemovalsRefusedError:
    """The error that says what would go, and how to say yes."""
    more = f" (and {counted(len(losses) - 1, 'more folder')})" if len(losses) > 1 else ""
    return RemovalsRefusedError(
        f"{losses[0].describe()}{more}; nothing was changed there. Mount what is missing and run "
        "again, or take them out with --accept-removals"
    )


def _counts(file: KnownFile) -> bool:
    return file.state == "live" and not file.missing


def _moved(file: KnownFile, arrived: Counter[tuple[int, int]]) -> bool:
    identity = (file.size, file.mtime_ns)
    if not arrived[identity]:
        return False
    arrived[identity] -= 1
    return True


def _reason(plan: RootPlan, lost: Sequence[str], total: int) -> str | None:
    if not os.path.isdir(plan.path):
        return "it is not there"
    away = _unmounted(plan, lost)
    if away is not None:
        return f"{display(away)} was a disk of its own, and is not mounted"
    if _is_empty(plan.path):
        return "it holds nothing, as if its disk were not mounted"
    if len(lost) > HANDFUL and 2 * len(lost) > total:
        return "that is more than half, as if a disk were not mounted"
    return None


def _unmounted(plan: RootPlan, lost: Sequence[str]) -> str | None:
    """A folder with lost files that was on another disk than what is around it, and is not now."""
    for relative in plan.mounts:
        folder = os.path.join(plan.base, relative) if relative else plan.base
        if is_mount(folder):
            continue
        if any(path.startswith(os.path.join(folder, "")) for path in lost):
            return folder
    return None


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return all(is_hidden(entry.name) for entry in entries)
    except OSError:
        return False
