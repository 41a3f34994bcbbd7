"""A folder that comes into being whole, or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import disk_guard, make_directory, rename, sync_tree

_BEGUN = re.compile(r"\.vitrail-export-(\d+)-[0-9a-f]{8}")
_SLACK = 5.0  # seconds by which clocks of processes and of files may differ


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something already.

    Raises:
        InputError: it does, or a file has its name.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} is there already: name a new folder, or move that away")


@contextmanager
def staged(folder: Path, needed: int) -> Iterator[Path]:
    """Give a folder beside ``folder`` to write to; on success it durably becomes ``folder``.

    What a killed process has begun beside it is swept first.

    Args:
        folder: new or empty.
        needed: bytes that are expected to be written.

    Raises:
        InputError: there is something already.
        CollectionError: the disk is full; nothing is left behind.
    """
    check_new(folder)
    parent = str(folder.absolute().parent)
    with disk_guard(parent, needed):
        make_directory(parent)
        _sweep(parent)
        begun = os.path.join(parent, f".vitrail-export-{os.getpid()}-{secrets.token_hex(4)}")
        os.mkdir(begun)
        try:
            yield Path(begun)
            sync_tree(begun)
            check_new(folder)
            rename(begun, str(folder.absolute()))
        finally:
            shutil.rmtree(begun, ignore_errors=True)


def empty(folder: Path) -> None:
    """Delete what is in a folder, to write it anew."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _sweep(parent: str) -> None:
    """Delete what processes that are no more have begun."""
    import psutil

    for entry in os.scandir(parent):
        match = _BEGUN.fullmatch(entry.name)
        if match is None or not entry.is_dir(follow_symlinks=False):
            continue
        try:
            started = psutil.Process(int(match[1])).create_time()
        except psutil.NoSuchProcess:
            started = float("inf")
        except psutil.Error:
            continue
        if started > entry.stat(follow_symlinks=False).st_mtime + _SLACK:
            shutil.rmtree(entry.path, ignore_errors=True)
