"""Text from outside, fit for a line of a terminal; paths whole, as they can be copied."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from datetime import datetime
from pathlib import Path

from vitrail.service.documents.plain import readable as readable

# What moves a cursor, colours, rings or ends a line, and what makes text run the other way, so
# that it reads as another one.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_PLAIN = re.compile(r"[\w@%+=:,./-]+")  # what no shell reads as anything else


def one_line(text: str) -> str:
    """Text that may come from a file, fit for a terminal or a column of a line."""
    return _CONTROL.sub(_escape, readable(text))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def near(path: str) -> str:
    """A path as short as it can be typed from here."""
    here = os.path.join(os.getcwd(), "")
    return path[len(here) :] if path.startswith(here) else path


def shell_word(path: str) -> str:
    r"""A path as it can be pasted into a shell, quoted where that is needed.

    Bytes that no terminal should get are written as bash and zsh read them: ``$'\x1b.png'``.
    """
    path = os.path.join(os.curdir, path) if path.startswith("-") else path
    if os.name == "nt":
        return subprocess.list2cmdline([one_line(path)])
    if one_line(path) != path:
        return "$'" + "".join(map(_shell_character, path)) + "'"
    return path if _PLAIN.fullmatch(path) else shlex.quote(path)


def _shell_character(character: str) -> str:
    if character in "\\'":
        return "\\" + character
    if one_line(character) == character:
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def file_url(path: str) -> str | None:
    """The ``file:`` URL of an absolute path, its bytes percent-encoded; ``None`` if it is none."""
    try:
        return Path(path).as_uri()
    except ValueError:  # relative, or of another system, as an imported path can be
        return None


def value_text(value: object) -> str:
    """A column's value as filters and lists have it; nothing for ``None``."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)
