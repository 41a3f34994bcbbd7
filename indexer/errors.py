"""Every error a user can cause or meet; each message names what was given and the remedy."""

from __future__ import annotations

from typing import Any


class VitrailError(Exception):
    """Base of all errors raised on purpose; its message is one line, fit to be shown as it is.

    ``exit_code`` is what the command line exits with.
    """

    exit_code = 1


class InputError(VitrailError):
    """An argument, option or query that cannot be used as given."""

    exit_code = 2


class UnknownImageError(InputError):
    """What was to name an image of the collection names none of them."""


class ImageRejectedError(VitrailError):
    """A file that is not a usable image.

    Args:
        reason: short stable code, such as ``truncated`` or ``too-many-pixels``; see
            ``vitrail.indexer.images.opening.REASONS``.
        detail: one line for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class CheckpointError(VitrailError):
    """A model that cannot be found, is refused, or is not of a supported family."""


class FingerprintMismatchError(VitrailError):
    """A collection made by one encoder was opened or queried with another."""


class CollectionError(VitrailError):
    """A collection that is missing, damaged, full or of a newer format."""


class NewerFormatError(CollectionError):
    """A collection that a newer version wrote: sound, but not for this one to read."""


class UnreadableError(CollectionError):
    """A file of a collection that cannot be read now, which proves nothing about its content.

    A permission, a disk that answers with an error, a lock that another program holds, a folder
    that is not mounted: nothing may be set aside, replaced or forgotten because of any of it.
    """


class DamagedError(CollectionError):
    """A file of a collection whose checksum or format proves that it is not what was written."""


class SegmentGoneError(CollectionError):
    """A listed segment is not in its folder: merged by a writer meanwhile, or lost."""


class DamagedIndexError(DamagedError):
    """An index file that is missing, torn, altered, foreign or of a newer format.

    Args:
        path: the file.
        reason: what is wrong with it, to follow the file's name and a colon.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"index {path}: {reason}; it is only a cache: delete it, and it is rebuilt"
        )
        self.path = path
        self.reason = reason


class RemovalsRefusedError(CollectionError):
    """A run would have taken out so much of a folder that its disk may be away.

    Attributes:
        progress: of the other folders of the run, which were indexed (``pipeline.Progress``); or
            ``None`` where there was none, and nothing was done.
    """

    progress: Any = None


class CollectionLockedError(CollectionError):
    """Another process is writing to the collection; the message names its pid."""

    exit_code = 3


class GenerationError(VitrailError):
    """An image that could not be generated as asked."""
