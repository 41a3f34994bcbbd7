"""How far a run is, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from vitrail.indexer.paths import display


@dataclass(slots=True)
class IndexCounts:
    """Counts of a run so far; ``total`` is how many files have to be opened.

    Attributes:
        stage: ``scanning`` while ``found`` still grows, then ``indexing``, meanwhile ``loading the
            encoder`` where there is something to embed, and ``tidying`` once all is committed and
            the collection is closed.
        found: files that were considered.
        unchanged: of them, those known as they are.
        total: files to open.
        opened: files opened.
        encoded: new images.
        linked: files whose image was known already at another path, and still is (copies).
        moved: files that left one path and were found at another; they are neither gone nor copies.
        returned: files whose image had left, and is back without having been embedded again.
        rejected: files that could not be indexed.
        committed: images that a kill can no longer lose.
        gone: files that left the disk, and were found nowhere else.
        missing: files that left the disk, and whose images go on being found.
        excluded: files that are on the disk, and left because a glob leaves them out now.
        relabelled: unchanged files that have another label now.
        reread: known images whose metadata was read again.
        classified: known images that got the labels of the head.
        interrupted: whether it was stopped before its end.
        seconds: how long it took; set when all is committed.
        unreadable: paths that could not be looked at this time; what is known of them stays.
        absent: known folders that are not there; what is known of them stays.
        other_kinds: extension (lower case, ``""`` without one) -> number of files that no image
            format has; hidden ones are not counted, nor where ``include`` says what is wanted.
    """

    found: int = 0
    unchanged: int = 0
    total: int = 0
    opened: int = 0
    encoded: int = 0
    linked: int = 0
    moved: int = 0
    returned: int = 0
    rejected: int = 0
    committed: int = 0
    gone: int = 0
    missing: int = 0
    excluded: int = 0
    relabelled: int = 0
    reread: int = 0
    classified: int = 0
    interrupted: bool = False
    seconds: float = 0.0
    unreadable: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    other_kinds: dict[str, int] = field(default_factory=dict)
    stage: Literal["scanning", "indexing", "loading the encoder", "tidying"] = "scanning"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types, paths as valid text."""
        paths = {name: [display(path) for path in getattr(self, name)] for name in _PATHS}
        return asdict(self) | paths


_PATHS = ("unreadable", "absent")


class ProgressTeller:
    """Passes a run's progress on, and tells by it that the encoder is being loaded.

    Args:
        tell: called with the counts so far.
    """

    def __init__(self, tell: Callable[[IndexCounts], None]) -> None:
        self._tell = tell
        self._last = IndexCounts()

    def __call__(self, progress: IndexCounts) -> None:
        """Pass it on."""
        self._last = progress
        self._tell(progress)

    def loading(self) -> None:
        """Tell the same counts with that stage."""
        self._tell(replace(self._last, stage="loading the encoder"))
