"""Include and exclude globs, and what a scan considers when none are given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from indexer.errors import InputError
from indexer.images.formats import EXTENSIONS

SKIPPED_FOLDERS = frozenset(
    ("@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found")
)
"""Folders (lower case) of thumbnails and rubbish, never entered; nor are names with a dot first."""

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def is_hidden(name: str) -> bool:
    """Whether a file or folder is left out by its name alone: ``.thumbnails``, ``._a.jpg``."""
    return name.startswith(".") or name.casefold() in SKIPPED_FOLDERS


def extension(name: str) -> str:
    """``.jpg`` of ``a.JPG``; empty where there is none."""
    return os.path.splitext(name)[1].lower()


def has_image_extension(name: str) -> bool:
    """Whether a file's name is one that pictures have."""
    return extension(name) in EXTENSIONS


class Globs:
    """A set of globs, matched without regard to case.

    A glob without a slash is matched with the name, at any depth (``*.png``); one with a slash with
    the path below the scanned folder (``2024/**/*.jpg``), where ``*`` and ``?`` stop at slashes and
    ``**`` does not. A slash at the end means folders only. ``[abc]`` and ``[!a-z]`` are sets.

    Raises:
        InputError: a glob that is empty or has a set that makes no sense.
    """

    def __init__(self, globs: Iterable[str]) -> None:
        self._names: list[re.Pattern[str]] = []
        self._paths: list[re.Pattern[str]] = []
        self._folders: list[re.Pattern[str]] = []
        for glob in globs:
            self._add(glob)

    def __bool__(self) -> bool:
        return bool(self._names or self._paths or self._folders)

    def match(self, path: str, *, folder: bool = False) -> bool:
        """Whether any glob matches ``path``, given relative to the scanned folder with slashes."""
        name = path.rpartition("/")[2]
        return (
            any(pattern.fullmatch(name) for pattern in self._names)
            or any(pattern.fullmatch(path) for pattern in self._paths)
            or (folder and any(pattern.fullmatch(path) for pattern in self._folders))
        )

    def _add(self, glob: str) -> None:
        body = glob.replace(os.sep, "/").removeprefix("./").strip("/")
        if not body:
            raise InputError(f"{glob!r} is not a glob: write one such as '*.jpg' or 'drafts/**'")
        if glob.endswith("/"):
            anywhere = "" if "/" in body else "**/"
            self._folders.append(_compile(anywhere + body, glob))
        else:
            anchored = "/" in glob.removeprefix("./")
            (self._paths if anchored else self._names).append(_compile(body, glob))


def _compile(body: str, glob: str) -> re.Pattern[str]:
    parts = [_translate(token) for token in _TOKEN.findall(body)]
    try:
        return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise InputError(f"{glob!r} is not a glob: {error}") from error


def _translate(token: str) -> str:
    if token in _MEANING:
        return _MEANING[token]
    if token.startswith("[") and len(token) > 2:
        inner = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        if inner[0] in "!^":
            inner = "^/" + inner[1:]
        return f"[{inner}]"
    return re.escape(token)
