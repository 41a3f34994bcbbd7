"""A map as one self-contained page: points that can be moved, zoomed, coloured and chosen."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vitrail.indexer.wording import counted
from vitrail.search.thumbnails import sprite
from vitrail.service.cli.report_pages import Card, card_of, render_report
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.text import one_line, value_text

if TYPE_CHECKING:
    from vitrail.service.operations.mapping import ImageMap

_DRAWING = ("plotting.js", "plane.js", "hands.js")  # modules of the web page
CELL, CELLS = 56, 32  # pixels of a thumbnail on a sheet, and thumbnails of its row
_PLAIN = 16  # values of a column that have a colour each
_NAMED = 60  # values that are named at all
_ALONE = 12  # images shown that lie alone
_PICTURED = 40  # clusters that are shown by images; smaller ones are named
_CARD = 128  # pixels of a thumbnail of the lists
_DAY, _MINUTE = 10, 16  # characters of an ISO date, and of one with its time
_LONGEST = 60  # characters of a value in the list of colours


def write_map(
    path: Path,
    title: str,
    told: Sequence[str],
    drawn: ImageMap,
    pictured: Sequence[int],
    *,
    on_thumbnail: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write the page.

    Args:
        path: of it.
        title: its headline.
        told: lines below that.
        drawn: the map.
        pictured: positions of the images that appear as thumbnails.
        on_thumbnail: called with how many thumbnails are made, of how many.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    script = _script()
    shown, sheets = _sheets(drawn, pictured, on_thumbnail)
    page = render_report(
        "map.html",
        title,
        told,
        {
            "images": f"{len(drawn.ids):,}",
            "clusters": _clusters(drawn),
            "smaller": [
                (cluster.name(number), counted(cluster.size, "image"))
                for number, cluster in enumerate(drawn.clusters, 1)
                if number > _PICTURED
            ],
            "alone": [_card(drawn, i) for i in drawn.alone(_ALONE).tolist()],
            "data": _json(_document(drawn, shown, sheets)),
            "script": script,
            "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        },
    )
    write_page(path, page, "map")


def _script() -> str:
    """The page's script: what draws the map of the web page, too, and what is around it here."""
    service = files("vitrail.service")
    modules = [service.joinpath("web", name).read_text("utf-8") for name in _DRAWING]
    shared = [re.sub(r"^(?:import .*\n|export )", "", text, flags=re.M) for text in modules]
    own = service.joinpath("cli", "templates", "map.js").read_text("utf-8")
    return "\n".join(['"use strict";', *shared, own])


class _Cluster(NamedTuple):
    name: str
    size: str
    cards: list[Card]


def _clusters(drawn: ImageMap) -> list[_Cluster]:
    position = {int(image_id): i for i, image_id in enumerate(drawn.ids)}
    return [
        _Cluster(
            cluster.name(number),
            counted(cluster.size, "image"),
            [_card(drawn, position[image_id]) for image_id in cluster.typical],
        )
        for number, cluster in enumerate(drawn.clusters[:_PICTURED], 1)
    ]


def _card(drawn: ImageMap, i: int) -> Card:
    path = drawn.paths[i]
    return card_of([] if path is None else [path], otherwise=f"image {drawn.ids[i]}", side=_CARD)


def _sheets(
    drawn: ImageMap, pictured: Sequence[int], on_thumbnail: Callable[[int, int], None]
) -> tuple[list[int], list[str]]:
    """The images whose file could be read, in the order of their cells, and sheets of these."""
    from PIL import Image

    shown: list[int] = []
    sheets: list[Image.Image] = []
    for done, i in enumerate(pictured, 1):
        path = drawn.paths[i]
        small = None if path is None else sprite(path, CELL)
        if small is not None:
            at = len(shown) % CELLS**2
            if at == 0:
                sheets.append(Image.new("RGB", (CELL * CELLS, CELL * CELLS)))
            sheets[-1].paste(small, (at % CELLS * CELL, at // CELLS * CELL))
            shown.append(i)
        on_thumbnail(done, len(pictured))
    return shown, [_data_url(sheet) for sheet in sheets]


def _data_url(sheet: Any) -> str:
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=72)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _document(drawn: ImageMap, shown: Sequence[int], sheets: Sequence[str]) -> dict[str, Any]:
    folders: dict[str, int] = {}
    places = np.round(np.clip(drawn.places, 0, 1) * 65535).astype("<u2")
    return {
        "ids": drawn.ids.tolist(),
        "places": base64.b64encode(places.tobytes()).decode(),
        "files": [_file(path, folders) for path in drawn.paths],
        "folders": list(folders),
        "columns": list(_columns(drawn)),
        "pictured": list(shown),
        "sheets": list(sheets),
        "cell": CELL,
        "cells": CELLS,
    }


def _file(path: str | None, folders: dict[str, int]) -> tuple[int, str] | None:
    if path is None:
        return None
    folder, name = os.path.split(one_line(path))
    folder = folder if folder.endswith(os.sep) or not folder else folder + os.sep
    return folders.setdefault(folder, len(folders)), name


def _columns(drawn: ImageMap) -> Iterator[dict[str, Any]]:
    if drawn.clusters:
        names = [cluster.name(number) for number, cluster in enumerate(drawn.clusters, 1)]
        values = np.where(drawn.members < 0, len(names), drawn.members).tolist()
        # in the plane a colour that comes again still parts a cluster from those around it
        yield _kinds("cluster", [*names, "in none"], values) | {"plain": len(names)}
    telling = [name for name in drawn.values if tells_apart(drawn, name)]
    for name in telling:
        yield _column(one_line(name), drawn.values[name])
    if not drawn.clusters and not telling:
        yield _kinds("nothing", ["image"], [0] * len(drawn.ids))


def tells_apart(drawn: ImageMap, column: str) -> bool:
    """Whether images differ in a column of the map."""
    return len({*map(str, drawn.values[column])}) > 1


def _column(name: str, values: Sequence[Any]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    if known and all(type(value) in (int, float) for value in known):
        return _scale(name, [None if value is None else float(value) for value in values])
    if known and all(isinstance(value, date) for value in known):
        timed = any(isinstance(value, datetime) for value in known)
        return _scale(name, [None if value is None else _days(value) for value in values]) | {
            "dates": _MINUTE if timed else _DAY
        }
    texts = ["" if value is None else one_line(value_text(value)) for value in values]
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    named = sorted((t for t in counts if t), key=lambda text: (-counts[text], text))[:_NAMED]
    number = {text: i for i, text in enumerate(named)} | {"": len(named)}
    return _kinds(
        name, [*named, "", "others"], [number.get(t, len(named) + 1) for t in texts], len(named)
    )


def _days(value: date) -> float:
    """Days since 1970 began, as the date's own clock has it."""
    days = float(value.toordinal() - date(1970, 1, 1).toordinal())
    if isinstance(value, datetime):
        days += (value.hour * 60 + value.minute) / 1440 + value.second / 86400
    return round(days, 6)


def _kinds(
    name: str, names: Sequence[str], values: Sequence[int], plain: int | None = None
) -> dict[str, Any]:
    coloured = len(names) - 1 if plain is None else plain
    return {
        "name": name,
        "kind": "kinds",
        "names": [_short(name) for name in names],
        "values": list(values),
        "plain": min(coloured, _PLAIN),
    }


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _scale(name: str, values: Sequence[float | None]) -> dict[str, Any]:
    finite = [value for value in values if value is not None and np.isfinite(value)]
    kept = [None if v is None or not np.isfinite(v) else v for v in values]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return {"name": name, "kind": "numbers", "values": kept, "low": low, "high": high}


def _json(document: Any) -> str:
    """JSON that holds no tag, whatever names and values hold, for a script element."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
