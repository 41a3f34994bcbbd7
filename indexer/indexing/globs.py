"""Include and exclude globs, and what a scan considers when none are given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from vitrail.indexer.errors import InputError
from vitrail.indexer.images.formats import EXTENSIONS

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
    """Whether a file's name is one that images have."""
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


class PathFilter:
    """Which files of a folder are considered.

    Args:
        include: globs of files to consider; empty for the usual image extensions.
        exclude: globs of files and folders to leave out; they go before ``include``.

    Raises:
        InputError: a malformed glob.
    """

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self._include, self._exclude = Globs(include), Globs(exclude)

    @property
    def by_extension(self) -> bool:
        """Whether names decide, as no ``include`` was given."""
        return not self._include

    def enters(self, folder: str) -> bool:
        """Whether a folder is looked into, given relative to the scanned one."""
        return not (self._exclude.match(folder, folder=True) or self._exclude.match(folder + "/"))

    def takes(self, path: str) -> bool:
        """Whether no glob leaves a file out; whether its extension does is not asked."""
        if self._exclude.match(path):
            return False
        return self._include.match(path) if self._include else True

    def leaves_out(self, path: str, *, folder: bool = False) -> bool:
        """Whether a glob keeps a scan from reaching a file (or a folder)."""
        above = [path[:at] for at, letter in enumerate(path) if letter == "/"]
        if not all(map(self.enters, above)):
            return True
        return not (self.enters(path) if folder else self.takes(path))


def rebase(glob: str, folder: str) -> str | None:
    """What a glob means for paths relative to a folder below; ``None``: nothing there.

    Args:
        glob: relative to the folder above.
        folder: relative to it too, with slashes.
    """
    body = glob.removeprefix("./")
    if "/" not in body.rstrip("/"):
        return glob  # a name, at any depth
    parts = body.strip("/").split("/")
    for name in folder.split("/"):
        if parts[0] == "**":
            break
        if len(parts) == 1 or not Globs(["/" + parts[0]]).match(name):
            return None
        del parts[0]
    ends = "/" if glob.endswith("/") else ""
    return ("" if len(parts) > 1 else "/") + "/".join(parts) + ends


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
