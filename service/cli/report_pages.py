"""Reports: self-contained HTML pages of tables and images, which all extend one template.

A report's own template extends ``report.html`` and draws by the macros of ``report_parts.html``.
What it prints is escaped, and control characters are shown; images are embedded as data, and
nothing is fetched or run when a page is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vitrail.search.thumbnails import first_thumbnail
from vitrail.service.cli.text import file_url, one_line, readable

THUMBNAIL = 320  # pixels, longest side: sharp where two device pixels make one of the page's
_FOLDERS = re.compile(r"(?<=[/\\])")


@dataclass(frozen=True, slots=True)
class Card:
    """An image of a report.

    Attributes:
        name: what it is called: its file's name.
        image: a ``data:`` URL; ``None`` where no file of it can be read now.
        url: of its file; ``None`` where there is none now.
        path: of its file, in the pieces between which a line may be broken.
        facts: names and values, shown below it.
        veil: a ``data:`` URL of what is laid over it; ``None`` for nothing.
    """

    name: str
    image: str | None
    url: str | None
    path: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    veil: str | None = None


def card_of(
    paths: Sequence[str],
    facts: Sequence[tuple[str, str]] = (),
    *,
    otherwise: str = "image",
    side: int = THUMBNAIL,
    veil: str | None = None,
) -> Card:
    """A card of the first of an image's files that can be read.

    Args:
        paths: of the files.
        facts: names and values, shown below the image.
        otherwise: what it is called where it has no file.
        side: pixels of the thumbnail's longest side.
        veil: a ``data:`` URL of what is laid over it.
    """
    shown, there = first_thumbnail(paths, side)
    first = there or (paths[0] if paths else None)
    return Card(
        os.path.basename(first) if first else otherwise,
        shown,
        None if there is None else file_url(there),  # a file that is away would be a dead link
        card_parts(first),
        tuple(facts),
        veil if shown else None,
    )


def card_parts(path: str | None) -> tuple[str, ...]:
    """A path in the pieces between which a line may be broken: after a folder's name."""
    return () if path is None else tuple(_FOLDERS.split(readable(path)))


def render_report(template: str, title: str, told: Sequence[str], values: Mapping[str, Any]) -> str:
    """A report as text.

    Args:
        template: its file below ``templates``, which extends ``report.html``.
        title: the headline.
        told: lines below it.
        values: what the template asks for beside these, by name; one that lacks is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vitrail.service.cli"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    return environment.get_template(template).render(
        {**values, "title": title, "told": told, "made": made}
    )


def _visible(value: Any) -> Any:
    """Whatever a template prints: control characters as escapes, never as boxes or nothing."""
    # what is markup already was made from values that came through here
    return one_line(value) if type(value) is str else value
