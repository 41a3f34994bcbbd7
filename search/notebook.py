"""A search's result as notebooks and interpreters show it."""

from __future__ import annotations

import os
from html import escape
from typing import TYPE_CHECKING

from vitrail.indexer.paths import display
from vitrail.indexer.wording import counted
from vitrail.search.thumbnails import first_thumbnail

if TYPE_CHECKING:
    from vitrail.search.query import Hit, SearchResult

_SHOWN = 3  # hits in a line of text
_IMAGES = 24
_SIDE = 128  # pixels


def summary(result: SearchResult) -> str:
    """One line: how many hits, and how far to trust them."""
    kind = "exact"
    if not result.exact:
        kind = f"approximate, recall about {result.estimated_recall:.1%}"
    hits = counted(len(result.hits), "hit")
    if result.reason:
        hits += f" ({result.reason})"
    return f"{hits}, {kind}, {counted(result.candidates, 'vector')} compared"


def as_text(result: SearchResult) -> str:
    """The summary and the first few hits."""
    lines = [f"<SearchResult: {summary(result)}>"]
    lines += [
        f"  {_score(hit, '  ')}  {hit.id}  {_path(hit)}{_more(hit)}" for hit in result.hits[:_SHOWN]
    ]
    if len(result.hits) > _SHOWN:
        lines.append(f"  and {len(result.hits) - _SHOWN} more in .hits")
    return "\n".join(lines)


def as_html(result: SearchResult) -> str:
    """The summary and small copies of the first hits; the page fetches nothing."""
    cards = "".join(_card(hit) for hit in result.hits[:_IMAGES])
    more = len(result.hits) - _IMAGES
    rest = f"<p>and {more} more in .hits</p>" if more > 0 else ""
    return (
        f"<div><p>{escape(summary(result))}</p>"
        f'<div style="display:flex;flex-wrap:wrap;gap:8px">{cards}</div>{rest}</div>'
    )


def _card(hit: Hit) -> str:
    thumbnail, _ = first_thumbnail(hit.paths, _SIDE)
    name = escape(os.path.basename(_path(hit)))
    shown = f'<img src="{thumbnail}" alt="{name}" style="max-width:100%;max-height:{_SIDE}px">'
    return (
        f'<figure style="width:{_SIDE}px;margin:0;overflow-wrap:anywhere">'
        f"{shown if thumbnail else 'file not readable now'}"
        f"<figcaption>{_score(hit, ' · ')} · {hit.id}<br>{name}{_more(hit)}</figcaption></figure>"
    )


def _score(hit: Hit, between: str) -> str:
    """The score, and what it means where that is known."""
    word = () if hit.closeness is None else (hit.closeness,)
    return between.join((f"{hit.score:.4f}", *word))


def _more(hit: Hit) -> str:
    """How many more images the hit stands for."""
    return f"  (+{hit.group.more:,} more)" if hit.group is not None and hit.group.more else ""


def _path(hit: Hit) -> str:
    """The first path on one line, whatever its name holds."""
    text = display(hit.paths[0]) if hit.paths else "no file"
    return text if text.isprintable() else repr(text)[1:-1]
