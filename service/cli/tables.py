"""Lists that name files: in a terminal no path is broken, and each is a link where links are."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.service.cli.text import file_url, near, one_line, shell_word

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = "  "
_WIDEST = 24  # cells of a column of words


@dataclass(frozen=True, slots=True)
class Column:
    """A column before the path.

    Attributes:
        name: its heading.
        number: whether it holds numbers, which are set to the right and never cut.
        asked: whether it stays where it is empty in every row.
    """

    name: str
    number: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells, in the order of the columns, the file it is about, and a word on that."""

    cells: tuple[str, ...]
    path: str | None
    note: str = ""

    @property
    def after(self) -> str:
        """What follows the path."""
        return f"  {self.note}" if self.note else ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the paths go.

    Attributes:
        folder: named once above the rows; the paths go on from it.
        beneath: whether each path has a line of its own, under its row.
    """

    folder: str | None = None
    beneath: bool = False


def place_paths(paths: Sequence[str], room: int) -> Placement:
    """Keep every path whole: in its row, or shortened by a common folder, or on its own line.

    Args:
        paths: absolute.
        room: cells that are left in a row.
    """
    if _fit((near(path) for path in paths), room):
        return Placement()
    folder = _common_folder(paths)
    if folder and _fit((path[len(folder) :] for path in paths), room):
        return Placement(folder=folder)
    return Placement(beneath=True)


def print_rows(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a table for people, to a terminal."""
    from rich.text import Text

    console = _console()
    kept = [i for i, one in enumerate(columns) if one.asked or any(row.cells[i] for row in rows)]
    columns = [columns[i] for i in kept]
    cells = [[_cell(row.cells[i], columns[n]) for n, i in enumerate(kept)] for row in rows]
    widths = [
        max(len(column.name), *(line[n].cell_len for line in cells))
        for n, column in enumerate(columns)
    ]
    taken = sum(widths) + len(_GAP) * len(widths)
    noted = max(len(row.after) for row in rows)
    placement = place_paths([row.path for row in rows if row.path], console.width - taken - noted)
    if placement.folder is not None:
        _print(console, Text("in ").append(path_text(placement.folder)))
    heading = [_cell(column.name, column) for column in columns]
    heading += [] if placement.beneath else [Text("path")]
    _print(console, _line(heading, columns, widths), style="bold")
    for row, line in zip(rows, cells, strict=True):
        path = Text("no file") if row.path is None else path_text(row.path, placement.folder)
        path = Text.assemble(path, row.after)  # no part of the link
        _print(console, _line(line if placement.beneath else [*line, path], columns, widths))
        if placement.beneath:
            _print(console, Text(_GAP).append(path))


def print_list(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a table: for people in a terminal, for programs a line a row, by tabs."""
    if sys.stdout.isatty():
        print_rows(columns, rows)
        return
    for row in rows:
        print("\t".join(one_line(cell) for cell in (*row.cells, row.path or "")))


def print_figures(rows: Sequence[Sequence[str]]) -> None:
    """Print names and what belongs to them, which is set to the right; the same everywhere.

    Args:
        rows: of as many cells each, the headings first.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        numbers = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *numbers]).rstrip())


def print_path(path: str, before: str = "") -> None:
    """Print a line that ends in a path, whole: as it is for a program, as a link for people."""
    if not sys.stdout.isatty():
        print(one_line(before) + one_line(path))
        return
    from rich.text import Text

    _print(_console(), Text(one_line(before)).append(path_text(path)))


def print_remark(text: str, before: str = _GAP) -> None:
    """Print a line that in a terminal is broken between words, and goes on below its own start."""
    before, text = one_line(before), one_line(text)
    if not sys.stdout.isatty():
        print(before + text)
        return
    # a word longer than a line is the terminal's to wrap, so that it is copied in one piece
    room = max(_console().width - len(before), _WIDEST)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    print(("\n" + " " * len(before)).join([before + lines[0], *lines[1:]]))


def path_text(path: str, folder: str | None = None) -> Text:
    """A path as it can be pasted into a shell, a link to the file.

    Args:
        path: absolute.
        folder: shown already; the path goes on from it.
    """
    from rich.style import Style
    from rich.text import Text

    shown = near(path) if folder is None else path[len(folder) :]
    # Text, not markup: square brackets in a file's name are no style
    return Text(shell_word(shown), Style(link=file_url(path)))


def _common_folder(paths: Sequence[str]) -> str | None:
    """The folder, with its separator, that all paths are in; ``None`` where it is no help."""
    try:
        folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # none, or some are relative, or on another drive
        return None
    return os.path.join(folder, "") if os.path.dirname(folder) != folder else None


def _fit(paths: Iterable[str], room: int) -> bool:
    from rich.cells import cell_len

    return all(cell_len(shell_word(path)) <= room for path in paths)


def _cell(text: str, column: Column) -> Text:
    from rich.text import Text

    cell = Text(one_line(text))
    if not column.number:
        cell.truncate(_WIDEST, overflow="ellipsis")
    return cell


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int]) -> Text:
    from rich.text import Text

    parts: list[Text] = []
    for cell, column, width in zip(cells, columns, widths, strict=False):
        space = Text(" " * (width - cell.cell_len))
        parts.append(space + cell if column.number else cell + space)
    line = Text(_GAP).join([*parts, *cells[len(columns) :]])
    line.rstrip()
    return line


def _print(console: Console, text: Text, style: str | None = None) -> None:
    # a line too long is the terminal's to wrap: what it wraps is copied in one piece
    console.print(text, style=style, soft_wrap=True)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
