"""Contact sheets: one self-contained HTML page, the query, its hits and what is known of them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.files.durability import is_full
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted
from vitrail.search.thumbnails import first_thumbnail, thumbnail
from vitrail.service.cli.output import rate, trust
from vitrail.service.cli.text import file_url, one_line, readable
from vitrail.service.cli.vouching import vouch

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.query import Hit, Scale
    from vitrail.service.operations.searching import SearchAnswer

_FOLDERS = re.compile(r"(?<=[/\\])")
THUMBNAIL = 320  # pixels, longest side: sharp where two device pixels make one of the page's
_WORDS = ("label", "camera", "rating", "keywords", "tool", "model", "seed", "sampler", "lora")


def write_sheet(path: Path | None, answer: SearchAnswer) -> Path:
    """Write the page; without a path, into a temporary file that outlives the process.

    Raises:
        InputError: the file cannot be written.
    """
    return _write(path, render_sheet(answer))


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
    return _write(path, _render(title, _told(cards, "image"), cards))


def _write(path: Path | None, page: str) -> Path:
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
                f"disk full while writing the contact sheet {path}: free {len(page)} bytes or "
                "more there, or choose another file"
            ) from error
        raise InputError(
            f"cannot write the contact sheet {path}: {error.strerror}; choose another file"
        ) from error
    return path


def render_sheet(answer: SearchAnswer) -> str:
    """The page as text; images are embedded as data, nothing is fetched when it is opened."""
    query, result = answer.query, answer.result
    hits = [_card(hit, result.scale) for hit in result.hits]
    queries = [
        (thumbnail(one.data, THUMBNAIL), one.caption, one.path and file_url(one.path))
        for one in query.images
    ]
    reason = (result.reason,) if result.reason else ()
    told = _told(hits, "hit", *reason, trust(result))
    return _render(query.title, told, hits, queries, vouch(result.evidence))


def _told(hits: Sequence[Any], noun: str, *more: str) -> str:
    return "; ".join([counted(len(hits), noun), *more])


def _render(
    title: str,
    told: str,
    hits: Sequence[Mapping[str, Any]],
    queries: Sequence[tuple[str | None, str, str | None]] = (),
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
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def show(path: Path) -> None:
    """Open the page in the user's browser."""
    import webbrowser

    webbrowser.open(path.resolve().as_uri())


def _visible(value: Any) -> Any:
    """Whatever the template prints: control characters as escapes, never as boxes or nothing."""
    # what is markup already was made from values that came through here
    return one_line(value) if type(value) is str else value


def _card(hit: Hit, scale: Scale | None = None) -> dict[str, Any]:
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
        "facts": list(_facts(hit, scale)),
        "prompt": prompt and " ".join(prompt.split()),
        "path": first and _parts(first),
        "also": [(_parts(path), file_url(path)) for path in hit.paths if path != first],
    }


def _facts(hit: Hit, scale: Scale | None) -> Iterator[tuple[str, str]]:
    """What is known, in the order of interest: a name and its value."""
    known = hit.metadata
    if told := rate(hit, scale):
        yield "by chance", told
    if len(hit.scores) > 1:
        yield from ((space, f"{score:.4f}") for space, score in hit.scores.items())
    if hit.seed_ranks:
        yield "rank by seed", ", ".join(str(rank) if rank else "–" for rank in hit.seed_ranks)
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


def _parts(path: str) -> list[str]:
    """A path in the pieces between which a line may be broken: after a folder's name."""
    return _FOLDERS.split(readable(path))
