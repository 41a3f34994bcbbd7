"""Metrics of a run as JSON lines, which anybody may follow while it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from vitrail.indexer.files.durability import write_text

Line = dict[str, Any]


class MetricsFile:
    """A file of JSON objects, one a line, each with its ``step``.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line; one before it that a full disk or a kill cut short stays by itself.

        Raises:
            OSError: the disk is full or refuses.
        """
        with open(self._path, "a+b") as file:
            cut = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read() != b"\n"
            file.write(b"\n" * bool(cut) + json.dumps(line).encode() + b"\n")

    def lines(self) -> list[Line]:
        """All lines that are whole; none where there is no file."""
        if not os.path.exists(self._path):
            return []
        with open(self._path, encoding="utf-8") as file:
            return [line for text in file if (line := _parsed(text)) is not None]

    def rewind(self, step: int) -> None:
        """Drop the lines of later steps than ``step``, which will be done again.

        Raises:
            OSError: the disk is full or refuses.
        """
        kept = [line for line in self.lines() if line["step"] <= step]
        if kept or os.path.exists(self._path):
            write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))


def _parsed(text: str) -> Line | None:
    try:
        line = json.loads(text)
    except ValueError:  # the last one, where a kill cut it
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) else None
