"""Paths as people read them and as the file system has them; default places."""

from __future__ import annotations

import os
from pathlib import Path


def encoded(path: str) -> bytes:
    """The path's own bytes, whatever the locale.

    ``os.fsencode`` alone refuses a text with letters that the locale lacks, such as one out of the
    catalog under ``LC_ALL=C``.
    """
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape")


def display(path: str) -> str:
    r"""The path as valid Unicode: bytes that are none become ``\xNN``; the same in every locale."""
    if path.isascii():
        return path
    return encoded(path).decode("utf-8", "backslashreplace")


def raw(path: str) -> bytes | None:
    """The path's own bytes when its display text does not say it all, else ``None``."""
    if path.isascii():
        return None
    data = encoded(path)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return None


def at_home(path: str | os.PathLike[str]) -> Path:
    """The path with ``~`` and ``~user`` replaced; one of no such user stays as it is.

    ``Path.expanduser`` raises there, and a file may well be called ``~b``.
    """
    return Path(os.path.expanduser(path))


def original(text: str, data: bytes | None) -> str:
    """Undo ``display`` and ``raw``: the path as ``os.fsdecode`` gives it."""
    if data is None:
        return text if text.isascii() else os.fsdecode(text.encode("utf-8"))
    return os.fsdecode(bytes(data))


def literal(path: str) -> str:
    """A path for DuckDB's readers, which take one with ``*``, ``?`` or ``[`` for a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


def clean(text: str | None) -> str | None:
    """Text from a foreign file as valid Unicode without NUL, or ``None``."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
