"""Images that were handed in to ask with, kept for a while."""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from vitrail.indexer.errors import ImageRejectedError, UnknownImageError, UnusableImageError
from vitrail.service.operations.kept_files import KeptFiles
from vitrail.service.operations.references import ImageBytes, unusable_image

SECONDS = 3600.0
"""For which an upload is kept."""
MOST_BYTES = 2 << 30
_TOKEN = re.compile(r"[0-9a-f]{64}")
_LOOKED_AT = 256  # pixels of the shortest edge that are decoded to see whether it can be


class UnknownUploadError(UnknownImageError):
    """No upload has this token, or it was kept for its time."""

    code = "unknown-upload"


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that was handed in.

    Attributes:
        token: what names it: sha256 (hex) of its bytes.
        width: upright, in pixels.
        height: upright, in pixels.
        format: Pillow's name of it.
        bytes: of the file.
    """

    token: str
    width: int
    height: int
    format: str
    bytes: int


class Uploads:
    """Images that were handed in; threads share them.

    Args:
        folder: where they are kept.
        most: bytes, all together; the oldest go first.
        seconds: for which each is kept.
    """

    def __init__(self, folder: Path, *, most: int = MOST_BYTES, seconds: float = SECONDS) -> None:
        self._files = KeptFiles(folder, most=most, seconds=seconds)
        self._owner = ""

    def of(self, owner: str) -> Uploads:
        """Those of one who hands in, among all that are kept: nobody else's token finds them.

        Args:
            owner: who that is; empty where nobody is told apart.
        """
        own = copy.copy(self)
        own._owner = owner
        return own

    def keep(self, data: bytes, max_pixels: int) -> Upload:
        """Keep an image, held to what an indexed one is.

        Args:
            data: the bytes of its file.
            max_pixels: that it may have.

        Raises:
            UnusableImageError: it cannot be opened, with the reason.
            CacheError: the disk is full.
        """
        from vitrail.indexer.images.opening import open_image

        check_size(data, max_pixels)
        try:
            opened = open_image(data, target=_LOOKED_AT, max_pixels=max_pixels)
        except ImageRejectedError as error:
            raise unusable_image("what was sent", error) from error
        return Upload(self.put(data), opened.width, opened.height, opened.format, len(data))

    def put(self, data: bytes) -> str:
        """Keep the bytes of an image that is known to be one; its token.

        Raises:
            CacheError: the disk is full.
        """
        token = hashlib.sha256(data).hexdigest()
        self._files.put(self._name(token), data)
        return token

    def get(self, token: str) -> ImageBytes:
        """The image of a token.

        Raises:
            UnknownUploadError: there is none, or no longer.
        """
        data = self._files.get(self._name(token)) if _TOKEN.fullmatch(token) else None
        if data is None:
            raise UnknownUploadError(
                f"no upload is called {token[:64]!r}",
                remedy="they are kept for an hour: upload it again",
            )
        return ImageBytes(data, "the upload")

    def sweep(self) -> None:
        """Delete those that were kept for their time, whosever they are."""
        self._files.sweep()

    def _name(self, token: str) -> str:
        """The file of a token: who knows what somebody else has handed in has not got it yet."""
        if not self._owner:
            return token
        return hashlib.sha256(f"{self._owner}\0{token}".encode()).hexdigest()


def check_size(data: bytes, max_pixels: int) -> None:
    """Refuse an image by its header, before anything is decoded.

    Raises:
        UnusableImageError: it is none, or has more pixels.
    """
    from vitrail.indexer.images.facts import read_facts

    try:
        facts = read_facts(data)
    except ImageRejectedError as error:
        raise unusable_image("what was sent", error) from error
    if facts.width * facts.height > max_pixels:
        raise UnusableImageError(
            f"what was sent has {facts.width:,} x {facts.height:,} pixels, and {max_pixels:,} may "
            "be sent",
            remedy="scale it down",
            reason="too-many-pixels",
        )
