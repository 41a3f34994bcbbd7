"""What a look at a collection finds: damaged, missing, or not to be read now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vitrail.indexer.collection.retrying import Commits

Part = Literal["catalog", "segment", "transform", "index", "copy", "probe", "file"]
Kind = Literal["damaged", "missing", "unreadable"]
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        part: what it is about; findings about a ``file`` on disk are put right by indexing again.
        file: its name; of a ``file`` on disk its path, as ``os.fsdecode`` gives it.
        problem: one line for people.
        kind: ``damaged`` where a checksum, a format or a rule proves it, ``missing`` where the file
            is not among the others of its folder, ``unreadable`` where the system refuses it now,
            which proves nothing.
    """

    part: Part
    file: str
    problem: str
    kind: Kind = "damaged"


@dataclass(frozen=True, slots=True)
class Report:
    """What ``verify`` found.

    Attributes:
        findings: all of them, the collection's own first.
        images: live images looked at.
        segments: segments looked at.
        files: files on disk looked at.
    """

    findings: tuple[Finding, ...]
    images: int
    segments: int
    files: int

    @property
    def damage(self) -> tuple[Finding, ...]:
        """Findings about the collection itself that are proven, which ``repair`` mends."""
        return tuple(f for f in self.findings if f.part != "file" and f.kind != "unreadable")

    @property
    def unreadable(self) -> tuple[Finding, ...]:
        """Findings about the collection itself that say nothing yet: it cannot be read now."""
        return tuple(f for f in self.findings if f.part != "file" and f.kind == "unreadable")

    @property
    def clean(self) -> bool:
        """Whether all of the collection was read and is undamaged; files on disk do not count."""
        return not self.damage and not self.unreadable


def steadily(commits: Commits, check: Callable[[], list[Finding]]) -> list[Finding]:
    """What ``check`` finds, looked at again for as long as a writer has moved on meanwhile."""
    for _ in range(_ATTEMPTS):
        before = commits.state.seq
        found = check()
        if not found:
            return []
        commits.refresh()
        if commits.state.seq == before:
            return found
    return check()
