"""What a collection holds, in numbers, as users and programs get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class WaitingInfo:
    """Hidden images that wait for their files to come back.

    Attributes:
        images: how many.
        grace_days: how long each waits.
        first_until: when the first is given up, local time; ``None`` where none waits.
    """

    images: int
    grace_days: float
    first_until: datetime | None


@dataclass(frozen=True, slots=True)
class RootInfo:
    """A folder that was indexed.

    Attributes:
        path: for people; bytes that are no UTF-8 are shown escaped.
        path_raw: such a path's bytes; ``None`` where ``path`` says it all.
        options: what was said when it was indexed, as plain JSON types.
        first_seen: when it was first indexed, local time.
        last_indexed: when a run last came to its end there; ``None`` before the first did.
    """

    path: str
    path_raw: bytes | None
    options: Mapping[str, Any]
    first_seen: datetime
    last_indexed: datetime | None


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """An embedding space.

    Attributes:
        dim: numbers of a vector.
        index: kind of the saved index; ``None`` before there is one.
        indexed: vectors in it.
        checks: when its checksums are compared, in a few words; ``None`` without a file.
        checked: which share of them was, in this process; ``None`` where it is not loaded.
        base: the stored space that it is worked out from; ``None`` of a stored one.
        fitted_rows: on how many images its transform was fitted; 0 of a stored one.
        share: of a score, where a search says nothing, from 0 to 1.
        bytes: of the saved index, and of the transform.
    """

    dim: int
    index: str | None
    indexed: int
    checks: str | None
    checked: float | None
    base: str | None = None
    fitted_rows: int = 0
    share: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection holds.

    Attributes:
        directory: where it is.
        format: of its files.
        created_at: ISO date and time (UTC).
        fingerprint: sha256 (hex) of what its vectors were made by.
        checkpoint: name of that.
        encoder: both, and the spaces, for people.
        siblings: certified exports of the encoder that have embedded some of the images.
        images: that can be found.
        deleted: hidden, their rows not dropped yet.
        files: that are there.
        missing_files: that were not there last time.
        rejects: files that could not be indexed.
        generated: images made by a generator.
        classified: images with labels of a head.
        commits: since it was made.
        waiting: for their files.
        roots: folders, by path.
        segments: live ones.
        annotations: the user's own columns and their SQL types.
        spaces: by name, stored ones in the encoder's order, then derived ones.
        bytes: on disk, by name, and ``total``.
    """

    directory: str
    format: int
    created_at: str
    fingerprint: str
    checkpoint: str
    encoder: str
    siblings: tuple[str, ...]
    images: int
    deleted: int
    files: int
    missing_files: int
    rejects: int
    generated: int
    classified: int
    commits: int
    waiting: WaitingInfo
    roots: tuple[RootInfo, ...]
    segments: int
    annotations: Mapping[str, str]
    spaces: Mapping[str, SpaceInfo]
    bytes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain types, times as ISO texts."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
