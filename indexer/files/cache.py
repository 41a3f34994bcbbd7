"""Where encoders keep what can be made again, and hashes of large files remembered."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitrail.indexer.errors import CacheError
from vitrail.indexer.files.durability import checksum, is_full, write_bytes
from vitrail.indexer.settings import CACHE, in_use

_HASHES = "hashes.json"


def cache_dir() -> Path:
    """``$VITRAIL_CACHE``, or the platform's cache folder for vitrail; created when missing.

    Raises:
        CacheError: it is missing and cannot be made.
    """
    path = in_use().cache_folder
    with storing():
        path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def storing() -> Iterator[None]:
    """Turn what keeps a file from being written to the cache folder into one clear line.

    Raises:
        CacheError: the disk is full, or the system refuses.
    """
    try:
        yield
    except CacheError:
        raise
    except Exception as error:
        # safetensors reports the system's errors as its own, with no number
        full = is_full(error)
        if not full and not isinstance(error, OSError):
            raise
        told = os.strerror(errno.ENOSPC) if full else getattr(error, "strerror", None) or error
        remedy = "free room there" if full else "change its rights"
        raise CacheError(
            f"cannot write to the cache folder {in_use().cache_folder} ({told}): {remedy}, or set "
            f"{CACHE} to another folder"
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` in the cache folder by ``data``, durably, making its folder.

    Raises:
        CacheError: the disk is full, or the system refuses.
    """
    with storing():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(os.path.abspath(path), data)


def read_json(path: Path) -> dict[str, object]:
    """A JSON object, or an empty one when the file is missing or unreadable."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remembered_paths(digest: str) -> list[Path]:
    """Where ``file_sha256`` met files of a sha256 (hex); they may have changed or gone since."""
    return [
        Path(path)
        for path, known in read_json(in_use().cache_folder / _HASHES).items()
        if isinstance(known, list) and known[1:] == [digest]
    ]


def file_sha256(path: Path) -> str:
    """Sha256 (hex) of a file, remembered by path, size and modification time.

    The path is the one given, made absolute: a link keeps its name, which may be all that tells
    what the file is, as in the Hub's cache. Where the cache folder cannot be written, nothing is
    remembered.

    A file that is changed in place while keeping both its size and its modification time (to the
    nanosecond) is taken for the old one; delete ``hashes.json`` in the cache folder to forget.
    """
    status = path.stat()
    key = os.path.abspath(path)
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    store = in_use().cache_folder / _HASHES
    known = read_json(store).get(key)
    if isinstance(known, list) and len(known) == 2 and known[0] == stamp:
        return str(known[1])
    digest = checksum(path)
    merged = read_json(store)  # read again: another process may have added to it meanwhile
    merged[key] = [stamp, digest]
    with suppress(CacheError):
        write_atomically(store, json.dumps(merged, sort_keys=True).encode())
    return digest
