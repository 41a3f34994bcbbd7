"""Contact sheets: one self-contained HTML page with the query, its hits and their scores."""

from __future__ import annotations

import base64
import io
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import ImageRejectedError, InputError
from service.output import readable, trust
from service.vouching import vouch

if TYPE_CHECKING:
    from search.query import Hit, SearchResult
    from service.asking import Asked

_FOLDERS = re.compile(r"(?<=[/\\])")
THUMBNAIL = 256  # pixels, longest side: sharp at twice the size it is shown in


def write_sheet(path: Path | None, asked: Asked, result: SearchResult) -> Path:
    """Write the page; without a path, into a temporary file that outlives the process.

    Raises:
        InputError: the file cannot be written.
    """
    page = render_sheet(asked, result)
    path = None if path is None else path.expanduser()
    try:
        if path is None:
            handle, name = tempfile.mkstemp(prefix="vitrail-", suffix=".html")
            os.close(handle)
            path = Path(name)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write the contact sheet {path}: {error.strerror}; choose another file"
        ) from error
    return path


def render_sheet(asked: Asked, result: SearchResult) -> str:
    """The page as text; pictures are embedded as data, nothing is fetched when it is opened."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("service"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("sheet.html").render(
        title=asked.title,
        queries=[(_thumbnail(data), caption) for data, caption in asked.pictures],
        hits=[_card(hit) for hit in result.hits],
        several_spaces=bool(result.hits) and len(result.hits[0].scores) > 1,
        trust=trust(result),
        vouched=vouch(result.evidence),
        made=datetime.now().strftime("%Y-%m-%d %H:%M"),
    )


def show(path: Path) -> None:
    """Open the page in the user's browser."""
    import webbrowser

    webbrowser.open(path.resolve().as_uri())


def _card(hit: Hit) -> dict[str, object]:
    return {
        "picture": _first_thumbnail(hit),
        "name": os.path.basename(readable(hit.paths[0])) if hit.paths else f"image {hit.id}",
        "id": hit.id,
        "score": hit.score,
        "scores": hit.scores,
        "label": hit.metadata.get("label"),
        "prompt": hit.metadata.get("prompt"),
        "generated": bool(hit.metadata.get("generated")),
        "size": f"{hit.metadata.get('width')} × {hit.metadata.get('height')}",
        # a long path breaks after a folder's name, not within one
        "paths": [_FOLDERS.split(readable(path)) for path in hit.paths],
        "seed_ranks": hit.seed_ranks,
    }


def _first_thumbnail(hit: Hit) -> str | None:
    from indexer.images.files import read_file

    for path in hit.paths:
        try:
            return _thumbnail(read_file(path).data)
        except ImageRejectedError:  # gone or changed since it was indexed; the card says so
            continue
    return None


def _thumbnail(data: bytes) -> str | None:
    from PIL import Image

    from indexer.images.opening import open_image

    try:
        image = open_image(data, target=THUMBNAIL).image
    except ImageRejectedError:
        return None
    # tiny pictures stay as they are: the page scales them without blurring their pixels twice
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
