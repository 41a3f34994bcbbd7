"""What was indexed for one test, kept for the next ones that index the same."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Told = TypeVar("Told")
Times = tuple[tuple[str, tuple[int, int]], ...]
_SECOND = 10**9


@dataclass(frozen=True)
class _Made:
    copy: Path
    times: Times
    told: Any


class Kept:
    """Collections by what they were made of; to copy one takes a hundredth of the time.

    Tests that share one have the same path, and in it the same images, to the byte. These get the
    times that were indexed, so that the collection is what indexing them would have made.

    Args:
        folder: an empty one, for the collections.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, _Made] = {}

    def key(self, place: Path, words: Sequence[str]) -> str:
        """What tells apart commands, and all that lies in a place before one runs."""
        digest = hashlib.sha256(os.fsencode(place))
        for part in (*map(os.fsencode, words), *_inventory(place)):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    def once(
        self, place: Path, collection: Path, words: Sequence[str], make: Callable[[], Told]
    ) -> Told:
        """Make a collection, or copy what the same has made of the same.

        Args:
            place: where all lies that it is made of, and itself.
            collection: what is made.
            words: what is done, to be told from all else that is.
            make: does it; what it returns is returned for copies too.
        """
        key = self.key(place, words)
        if key not in self._made:
            told = make()
            if collection.exists():  # it may have been made elsewhere
                self._keep(key, place, collection, told)
            return told
        made = self._made[key]
        shutil.copytree(made.copy, collection, symlinks=True)
        for path, times in made.times:
            os.utime(path, ns=times, follow_symlinks=False)
        found: Told = made.told
        return found

    def _keep(self, key: str, place: Path, collection: Path, told: object) -> None:
        copy = Path(shutil.copytree(collection, self._folder / key, symlinks=True))
        inside = os.path.join(collection, "")
        entries = [one for one in _walk(place) if not os.path.join(one.path, "").startswith(inside)]
        self._made[key] = _Made(copy, tuple((one.path, _times(one)) for one in entries), told)


def _walk(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """All that lies in a folder, folders after what is in them."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        yield entry


def _times(entry: os.DirEntry[str]) -> tuple[int, int]:
    status = entry.stat(follow_symlinks=False)
    return status.st_atime_ns, status.st_mtime_ns


def _inventory(place: Path) -> Iterator[bytes]:
    for entry in _walk(place):
        status = entry.stat(follow_symlinks=False)
        yield os.fsencode(entry.path)
        yield str(status.st_mode).encode()
        # Unless it is now, a test has chosen it.
        chosen = abs(status.st_ctime_ns - status.st_mtime_ns) > _SECOND
        yield str(status.st_mtime_ns).encode() if chosen else b"now"
        if entry.is_symlink():
            yield os.fsencode(os.readlink(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path).read_bytes()
