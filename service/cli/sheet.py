"""Contact sheets: one self-contained HTML page, the query, its hits and what is known of them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.files.durability import is_full
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted
from vitrail.search.thumbnails import first_thumbnail, thumbnail
from vitrail.service.cli.explained import show_why
from vitrail.service.cli.output import rate, trust
from vitrail.service.cli.text import file_url, one_line, readable
from vitrail.service.cli.vouching import vouch

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.explanation import Explanation
    from vitrail.search.query import Group, Hit, Scale
    from vitrail.service.operations.searching import SearchAnswer


class _QueryCard(NamedTuple):
    """An image that was asked with: its thumbnail, what it is, its file, and whether against it."""

    image: str | None
    caption: str
    url: str | None
    negative: bool


_FOLDERS = re.compile(r"(?<=[/\\])")
THUMBNAIL = 320  # pixels, longest side: sharp where two device pixels make one of the page's
_WORDS = ("label", "camera", "rating", "keywords", "tool", "model", "seed", "sampler", "lora")


def write_sheet(path: Path | None, answer: SearchAnswer) -> Path:
    """Write the page; without a path, into a temporary file that outlives the process.

    Raises:
        InputError: the file cannot be written.
    """
    return write_page(path, render_sheet(answer))


def write_list_sheet(path: Path, title: str, rows: Sequence[ImageInfo]) -> Path:
    """Write a page of images that nobody compared with anything: without ranks and scores.

    Args:
        path: the page.
        title: what was asked for.
        rows: metadata of each image.

    Raises:
        InputError: the file cannot be written.
    """
    from vitrail.search.query import Hit

    hits = [Hit(row.id, 0.0, {}, row) for row in rows]
    cards = [{**_card(hit), "score": None} for hit in hits]
    return write_page(path, _render(title, _told(cards, "image"), cards))


def write_page(path: Path | None, page: str, what: str = "contact sheet") -> Path:
    """Write a page of HTML; without a path, into a temporary file that outlives the process.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    path = None if path is None else at_home(path)
    try:
        if path is None:
            handle, name = tempfile.mkstemp(prefix="vitrail-", suffix=".html")
            os.close(handle)
            path = Path(name)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        if is_full(error):
            if path is not None and path.is_file():
                path.unlink()  # half a page
            raise CollectionError(
                f"disk full while writing the {what} {path}: free {len(page)} bytes or "
                "more there, or choose another file"
            ) from error
        raise InputError(
            f"cannot write the {what} {path}: {error.strerror}; choose another file"
        ) from error
    return path


def render_sheet(answer: SearchAnswer) -> str:
    """The page as text; images are embedded as data, nothing is fetched when it is opened."""
    query, result = answer.query, answer.result
    queries = [
        _QueryCard(
            thumbnail(one.data, THUMBNAIL),
            one.caption,
            one.path and file_url(one.path),
            one.negative,
        )
        for one in query.images
    ]
    explained = {one.id: one for one in answer.explanations}
    asked = [one.image for one in queries]
    row = "seed" if query.seeds else "image"
    hits = [_card(hit, result.scale, explained.get(hit.id), asked, row) for hit in result.hits]
    reason = (result.reason,) if result.reason else ()
    told = _told(hits, "hit", *reason, trust(result))
    return _render(query.title, told, hits, queries, vouch(result.evidence, seeds=query.seeds))


def _told(hits: Sequence[Any], noun: str, *more: str) -> str:
    return "; ".join([counted(len(hits), noun), *more])


def _render(
    title: str,
    told: str,
    hits: Sequence[Mapping[str, Any]],
    queries: Sequence[_QueryCard] = (),
    vouched: Sequence[str] = (),
) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vitrail.service.cli"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    return environment.get_template("sheet.html").render(
        title=title,
        told=told,
        vouched=vouched,
        queries=queries,
        hits=hits,
        ranked=any(hit["score"] is not None for hit in hits),
        judged=any(hit["closeness"] is not None for hit in hits),
        rated=any("by chance" in dict(hit["facts"]) for hit in hits),
        explained=_explained(hits),
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def _explained(hits: Sequence[Mapping[str, Any]]) -> int:
    """How many cards, from the first, have room for two images; none where no card shows two."""
    told = [hit["why"] for hit in hits if hit["why"]]
    return len(told) if any(why.sides for why in told) else 0


def show(path: Path) -> None:
    """Open the page in the user's browser."""
    import webbrowser

    webbrowser.open(path.resolve().as_uri())


def _visible(value: Any) -> Any:
    """Whatever the template prints: control characters as escapes, never as boxes or nothing."""
    # what is markup already was made from values that came through here
    return one_line(value) if type(value) is str else value


def _card(
    hit: Hit,
    scale: Scale | None = None,
    explained: Explanation | None = None,
    asked: Sequence[str | None] = (),
    row: str = "image",
) -> dict[str, Any]:
    shown, there = first_thumbnail(hit.paths, THUMBNAIL)
    first = there or (hit.paths[0] if hit.paths else None)
    prompt = hit.metadata.prompt
    return {
        "image": shown,
        # a file that is not there now would be a dead link
        "url": None if there is None else file_url(there),
        "name": os.path.basename(first) if first else f"image {hit.id}",
        "score": hit.score,
        "closeness": hit.closeness,
        "why": explained and show_why(explained, asked, shown, THUMBNAIL),
        "facts": list(_facts(hit, scale, explained, row)),
        "prompt": prompt and " ".join(prompt.split()),
        "path": first and _parts(first),
        "also": [(_parts(path), file_url(path)) for path in hit.paths if path != first],
    }


def _facts(
    hit: Hit, scale: Scale | None, explained: Explanation | None, row: str
) -> Iterator[tuple[str, str]]:
    """What is known, in the order of interest: a name and its value."""
    known = hit.metadata
    if told := rate(hit, scale):
        yield "by chance", told
    if len(hit.scores) > 1:
        shares = {} if explained is None else explained.shares
        for space, score in hit.scores.items():
            share = f", adds {shares[space]:.4f}" if space in shares else ""
            yield space, f"{score:.4f}{share}"
    if hit.group is not None:
        yield "group", _group(hit.group)
    if hit.seed_ranks:
        yield f"rank by {row}", ", ".join(str(rank) if rank else "–" for rank in hit.seed_ranks)
    yield "id", str(hit.id)
    yield "size", f"{known.width} × {known.height}"
    if known.taken_at is not None:
        yield "date", known.taken_at.strftime("%Y-%m-%d %H:%M")
    if known.generated and not known.tool:
        yield "tool", "unknown generator"
    for name in _WORDS:
        value = known[name]
        if isinstance(value, list | tuple):
            value = ", ".join(map(str, value))
        if value not in (None, ""):
            yield name, " ".join(str(value).split())


def _group(group: Group) -> str:
    shared = "copies" if group.by == "copies" else f"{group.by} {_value(group)}"
    return f"{shared}, {group.more:,} more" if group.more else f"{shared}, no other"


def _value(group: Group) -> str:
    return "unknown" if group.value is None else " ".join(str(group.value).split())


def _parts(path: str) -> list[str]:
    """A path in the pieces between which a line may be broken: after a folder's name."""
    return _FOLDERS.split(readable(path))
