"""Images as assistants name them, and the folders whose files they may name."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vitrail.indexer.errors import InputError, UnusableImageError
from vitrail.indexer.paths import at_home
from vitrail.service.http.fields import WithheldError
from vitrail.service.mcp.service import AskedService

MOST_BYTES = 32 << 20
"""Of a file that is asked with; as many as a service takes at once."""
_NAMES = ("id", "path", "data")
Region = Annotated[
    str | None,
    Field(description="The part that is meant: x,y,width,height, all in pixels or all in percent."),
]


class NamedImage(BaseModel):
    """An image: exactly one of `id`, `path` and `data`."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[int | None, Field(ge=0, lt=2**63, description="Of an image found before.")] = None
    path: Annotated[
        str | None, Field(description="A file of this machine, in a folder that is open to you.")
    ] = None
    data: Annotated[str | None, Field(description="An image file's bytes, in base64.")] = None

    @model_validator(mode="after")
    def _names_one(self) -> NamedImage:
        named = [name for name in _NAMES if name in self.model_fields_set]
        if len(named) != 1:
            told = f"not {' and '.join(named)}" if named else "and there is none"
            raise ValueError(f"give exactly one of id, path and data, {told}")
        return self


class AskedImage(NamedImage):
    """An image to search by, or a part of one: exactly one of `id`, `path` and `data`."""

    box: Region = None
    region: Annotated[
        str | None, Field(description="Likewise, but as it is seen within the whole.")
    ] = None


class OpenFolders:
    """Folders whose files may be read.

    Args:
        folders: of this machine; none for no file at all.

    Raises:
        InputError: one is no folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._tops = [os.path.realpath(at_home(folder)) for folder in folders]
        for top, given in zip(self._tops, folders, strict=True):
            if not os.path.isdir(top):
                raise InputError(f"--root {given} is no folder; name one whose files may be read")

    def read(self, path: str) -> bytes:
        """The bytes of a file in one of them.

        Raises:
            WithheldError: it is in none, by itself or by where a link leads.
            UnusableImageError: it cannot be read, or is too large for an image to ask with.
        """
        if "\0" in path:
            raise InputError(f"the path {path!r:.200} holds a NUL; name a file")
        try:
            real = os.path.realpath(at_home(path))
        except UnicodeEncodeError as error:
            raise InputError(f"the path {path!r:.200} is no text; name a file") from error
        if not any(real.startswith(os.path.join(top, "")) for top in self._tops):
            where = ", ".join(self._tops) or "none"
            raise WithheldError(
                f"the file {path!r:.200} is in no folder that is open to you (open: {where})",
                remedy="name a file in one of these, an id, or an image's bytes in base64; "
                "whoever starts `vitrail mcp` opens folders by --root DIR",
            )
        try:
            return _bytes_of(real)
        except OSError as error:
            raise UnusableImageError(f"image {path!r:.200}: {error.strerror or error}") from error


def _bytes_of(path: str) -> bytes:
    # a pipe would be waited for, and a device has no end
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no file of an image")
        if found.st_size > MOST_BYTES:
            raise OSError(0, f"it has {found.st_size:,} bytes, and {MOST_BYTES:,} may be sent")
        return file.read(MOST_BYTES)


class ImageDesk:
    """Makes what an assistant names into what the service is asked with.

    Args:
        service: that is asked.
        folders: whose files may be named.
    """

    def __init__(self, service: AskedService, folders: OpenFolders) -> None:
        self._service, self._folders = service, folders

    def member(self, image: NamedImage) -> dict[str, Any]:
        """An image as requests have it; files and bytes are handed in.

        Raises:
            VitrailError: as of ``OpenFolders.read``, or as the service tells.
        """
        said = image.model_dump(exclude_unset=True, exclude_none=True)
        path = said.pop("path", None)
        if path is None:
            return said
        data = self._folders.read(path)
        if not data:
            raise UnusableImageError(f"image {path!r:.200} is empty: it has no bytes")
        return {**said, "upload": self._service.upload(data)}
