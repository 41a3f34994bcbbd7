"""Every error a user can cause or meet; each message names what was given and the remedy."""

from __future__ import annotations

from typing import Any


class VitrailError(Exception):
    """Base of all errors raised on purpose; its message is one line, fit to be shown as it is.

    Args:
        problem: what was given, and what was expected.
        remedy: what to do about it, where that is told apart; the message ends in it.

    Attributes:
        code: short and stable, for programs; a class has its own.
    """

    code = "failed"

    def __init__(self, problem: object = "", *, remedy: str = "") -> None:
        # Names from outside and what libraries say may hold line breaks.
        self.problem, self.remedy = " ".join(str(problem).splitlines()), remedy
        super().__init__(f"{self.problem}; {remedy}" if remedy else self.problem)


class InputError(VitrailError):
    """An argument, option or query that cannot be used as given."""

    code = "bad-input"


class FilterError(InputError):
    """A filter that is no expression over the columns, may not be evaluated, or takes too much."""

    code = "bad-filter"


class UnknownImageError(InputError):
    """What was to name an image of the collection names none of them."""

    code = "not-found"


class UnusableImageError(InputError):
    """An image that was given to ask by or to start from, and cannot be opened.

    Args:
        problem: what was given, and why it cannot be used.
        remedy: what to do about it, where that is told apart.
        reason: as of ``ImageRejectedError``; empty where its bytes are not to blame.
    """

    code = "unusable-image"

    def __init__(self, problem: object = "", *, remedy: str = "", reason: str = "") -> None:
        super().__init__(problem, remedy=remedy)
        self.reason = reason


class ImageRejectedError(VitrailError):
    """A file that is not a usable image.

    Args:
        reason: short stable code, such as ``truncated`` or ``too-many-pixels``; see
            ``vitrail.indexer.images.opening.REASONS``.
        detail: one line for people.
    """

    code = "bad-image"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class CheckpointError(VitrailError):
    """A model that cannot be found, is refused, or is not of a supported family."""

    code = "bad-checkpoint"


class TrainingError(VitrailError):
    """A training that cannot go on as it was asked for; its last checkpoint is kept."""

    code = "training"


class RuntimeUnusableError(VitrailError):
    """What runs encoders failed its trial on this machine; ``auto`` then takes the next."""

    code = "runtime"


class CacheError(VitrailError):
    """The cache folder, which holds what can be made again, is full or may not be written."""

    code = "cache"


class FingerprintMismatchError(VitrailError):
    """A collection made by one encoder was opened or queried with another."""

    code = "other-encoder"


class CollectionError(VitrailError):
    """A collection that is missing, damaged, full or of a newer format."""

    code = "collection"


class NewerFormatError(CollectionError):
    """A collection that a newer version wrote: sound, but not for this one to read."""

    code = "newer-format"


class UnreadableError(CollectionError):
    """A file of a collection that cannot be read now, which proves nothing about its content.

    A permission, a disk that answers with an error, a lock that another program holds, a folder
    that is not mounted: nothing may be set aside, replaced or forgotten because of any of it.
    """

    code = "unreadable"


class DamagedError(CollectionError):
    """A file of a collection whose checksum or format proves that it is not what was written."""

    code = "damaged"


class SegmentGoneError(CollectionError):
    """A listed segment is not in its folder: merged by a writer meanwhile, or lost."""

    code = "segment-gone"


class NewerIndexError(CollectionError):
    """A saved index is of a later commit than the one that is asked: a writer was quicker."""

    code = "newer-index"


class DamagedIndexError(DamagedError):
    """An index file that is missing, torn, altered, foreign or of a newer format.

    Args:
        path: the file.
        reason: what is wrong with it, to follow the file's name and a colon.
    """

    code = "damaged-index"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"index {path}: {reason}", remedy="it is only a cache: delete it, and it is rebuilt"
        )
        self.path = path
        self.reason = reason


class RemovalsRefusedError(CollectionError):
    """A run would have taken out so much of a folder that its disk may be away.

    Attributes:
        progress: of the other folders of the run, which were indexed (``pipeline.IndexCounts``); or
            ``None`` where there was none, and nothing was done.
    """

    code = "removals-refused"

    progress: Any = None


class CollectionLockedError(CollectionError):
    """Another process is writing to the collection; the message names its pid."""

    code = "locked"


class CancelledError(VitrailError):
    """Work that stopped because it was asked to; what it had committed is kept."""

    code = "cancelled"


class GenerationError(VitrailError):
    """An image that could not be generated as asked."""

    code = "generation"
