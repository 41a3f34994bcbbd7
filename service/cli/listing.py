"""A list of images for people, for programs, or as a contact sheet."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.paths import raw
from vitrail.search.listing import ListedImage, ListOptions
from vitrail.service.cli.output import copies, print_nothing
from vitrail.service.cli.tables import Column, Row, print_rows
from vitrail.service.cli.text import one_line, value_text
from vitrail.service.documents.plain import plain_json
from vitrail.service.operations import listing as operations

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore

_USUAL = ("id", "label", "path")
_PAGE = 200  # rows of a table whose columns are as wide as these rows need
_SHEET = 1000  # images of a contact sheet


def print_list(
    store: CollectionStore, asked: ListOptions, *, as_json: bool, html: Path | None
) -> None:
    """Print the images asked for, or write them as a contact sheet, or both.

    Raises:
        InputError: the filter cannot be used, or there is no such column.
    """
    keys = tuple(key.removeprefix("-") for key in asked.sort)
    shown = (*asked.columns,) or (*dict.fromkeys((_USUAL[0], *keys, *_USUAL[1:])),)
    people = not as_json and html is None and sys.stdout.isatty()
    wanted = (*shown, "paths") if people else shown
    images = operations.list_images(
        store, replace(asked, columns=asked.columns if as_json else wanted)
    )
    first = next(images, None)
    if first is None:
        _say_nothing(store, asked)
    if html is not None:
        _write_sheet(store, asked, html)
    given = () if first is None else chain((first,), images)
    if as_json:
        _print_json(given)
    elif people:
        _print_pages(given, shown, asked=asked.columns or keys)
    elif html is None:
        for image in given:
            print("\t".join(one_line(_told(image, name)) for name in shown))


def _say_nothing(store: CollectionStore, asked: ListOptions) -> None:
    nothing = operations.explain_nothing(store, asked)
    print_nothing(nothing.reason, nothing.hints)


def _print_json(images: Iterable[ListedImage]) -> None:
    """An array, an object a line, as they are read."""
    print("[", end="")
    for number, image in enumerate(images):
        data = None if image.path is None else raw(image.path)
        known = {**image.values, "path_raw": data}
        print(",\n" if number else "\n", plain_json(known), sep="", end="")
    print("\n]")


def _print_pages(
    images: Iterable[ListedImage], names: Sequence[str], *, asked: Sequence[str]
) -> None:
    images = iter(images)
    while page := list(islice(images, _PAGE)):
        before = [name for name in names if name.lower() != "path"]
        numbers = {n for n in before if all(_is_number(_value(image, n)) for image in page)}
        rows = [
            Row(
                tuple(_told(image, n) for n in before),
                image.path,
                copies(_value(image, "paths")),
            )
            for image in page
        ]
        columns = [Column(n, number=n in numbers, asked=n in asked) for n in before]
        print_rows(columns, rows)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _value(image: ListedImage, name: str) -> Any:
    by_lower = {own.lower(): value for own, value in image.values.items()}
    return by_lower[name.lower()]


def _told(image: ListedImage, name: str) -> str:
    value = image.path if name.lower() == "path" else _value(image, name)
    return value_text(value)


def _write_sheet(store: CollectionStore, asked: ListOptions, html: Path) -> None:
    from vitrail.service.cli.sheet import write_list_sheet

    rows = operations.list_metadata(store, asked, _SHEET + 1)
    if len(rows) > _SHEET:
        raise InputError(
            f"a contact sheet holds {_SHEET:,} images at most, and these are more; give "
            "--limit N or --random N"
        )
    title = asked.where or ("all images" if asked.only == "all" else f"{asked.only} images")
    write_list_sheet(html, title, rows)
    print(one_line(f"contact sheet: {html}"), file=sys.stderr)
