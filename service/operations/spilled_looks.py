"""Looks that left memory, in a file that goes with the process."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from typing import IO, NamedTuple

from vitrail.indexer.settings import in_use
from vitrail.search.duplicates.looks import Look
from vitrail.search.duplicates.packing import pack_look, unpack_look

MOST = 32 << 30
"""Bytes of the file, however much room there is; some 300,000 looks."""
_SHARE = 2  # one part in so many of what is free


class _Place(NamedTuple):
    start: int
    length: int


class SpilledLooks:
    """Looks in a file without a name, which is there no longer than this or its process.

    Where there is no room those that come later are not kept, and are made again when asked for.
    """

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._file: IO[bytes] | None = None
        self._end = 0
        self._room: int | None = None  # unknown before the first

    def __contains__(self, image_id: int) -> bool:
        """Whether the look of an image is here."""
        return image_id in self._places

    def add(self, image_id: int, look: Look) -> None:
        """Keep the look of an image, if there is room."""
        if image_id in self._places or self._end == self._room:
            return
        data = pack_look(look)
        try:
            written = self._write(data)
        except OSError:  # a full disk, or none that may be written to
            written = 0
        if written == len(data):
            self._places[image_id] = _Place(self._end, written)
            self._end += written
        else:
            self._room = self._end

    def get(self, image_id: int) -> Look | None:
        """The look of an image; ``None`` where it is not here, or cannot be read."""
        place = self._places.get(image_id)
        if place is None or self._file is None:
            return None
        try:
            self._file.seek(place.start)
            data = self._file.read(place.length)
        except OSError:
            return None
        return unpack_look(data) if len(data) == place.length else None

    def _write(self, data: bytes) -> int:
        """How many bytes were, at the file's end; none where there is no room for all."""
        if self._file is None or self._room is None:
            folder = in_use().cache_folder
            folder.mkdir(parents=True, exist_ok=True)
            self._room = min(MOST, shutil.disk_usage(folder).free // _SHARE)
            # Unbuffered, so that what cannot be written is known at once; open as long as this is.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        if self._end + len(data) > self._room:
            return 0
        self._file.seek(self._end)
        return self._file.write(data)
