"""Two images compared, in a terminal, as JSON and as a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.search.heatmaps import overlay
from vitrail.search.thumbnails import thumbnail
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.explained import in_words
from vitrail.service.cli.layer_lines import draw_layers
from vitrail.service.cli.report_pages import THUMBNAIL, Card, card_parts, render_report
from vitrail.service.cli.reports import value_in_words
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.text import file_url, one_line
from vitrail.service.documents.image_comparison import image_comparison_document

if TYPE_CHECKING:
    from vitrail.search.comparison.layers import LayerSimilarity
    from vitrail.search.comparison.recipes import RecipeDifference
    from vitrail.search.explanation import PatchMap
    from vitrail.service.operations.comparing_images import ComparedImage, ImageComparison

_VALUE = 28  # cells of a recipe's value in a terminal
ALIGNED = 0.8  # correlation from which on images are said to lie on one another


def print_images(made: ImageComparison, *, as_json: bool) -> None:
    """Print what was found, as tables or as JSON."""
    if as_json:
        print_document(image_comparison_document(made))
        return
    for line in told(made):
        print(one_line(line))
    print()
    for row in _layer_rows(made.layers):
        print("  ".join([row[0].rjust(5), *(cell.rjust(15) for cell in row[1:])]).rstrip())
    print("(in brackets: the usual cosine to images of the collection at random)")
    if made.recipes:
        print()
        for line in _recipe_lines(made.recipes):
            print(line)


def told(made: ImageComparison) -> list[str]:
    """What was found, in sentences."""
    return [
        *(_about(one) for one in (made.first, made.second)),
        *(["the same file, byte by byte"] if made.same_bytes else []),
        _score(made),
        f"patches of the first: {in_words(made.first_map)}",
        f"patches of the second: {in_words(made.second_map)}",
        f"pixels: {_pixels(made)}",
    ]


def _about(one: ComparedImage) -> str:
    return f"{one.name}: {one.size[0]} × {one.size[1]}, {one.format}"


def _score(made: ImageComparison) -> str:
    more = [
        made.closeness or "",
        "" if made.fpr is None else f"{100 * made.fpr:.2g}% of unrelated images are as near",
    ]
    said = ", ".join(filter(None, more))
    return f"cosine {made.score:.4f}" + (f" ({said})" if said else "")


def _pixels(made: ImageComparison) -> str:
    found = made.alignment
    if found is None or found.correlation < ALIGNED:
        return "nothing of them lies on one another"
    moved = [
        "mirrored" if found.mirrored else "",
        "" if abs(found.scale - 1) < 0.02 else f"scaled by {found.scale:.2f}",
        "" if abs(found.angle) < 0.75 else f"turned by {found.angle:.0f}°",
        "" if max(map(abs, found.shift)) < 0.02 else "moved",
    ]
    how = ", ".join(filter(None, moved)) or "as it is"
    similarity = "" if math.isnan(made.ssim) else f"; SSIM {made.ssim:.3f} there"
    return f"the second lies over the first {how}, with {found.overlap:.0%} of it{similarity}"


def _layer_rows(layers: Sequence[LayerSimilarity]) -> list[list[str]]:
    """A row for each layer: cosines by pooling, with the usual ones."""
    poolings = sorted({one.pooling for one in layers})
    cells = {(one.layer, one.pooling): _cell(one) for one in layers}
    numbers = sorted({one.layer for one in layers})
    rows = [[str(n), *(cells.get((n, pooling), "") for pooling in poolings)] for n in numbers]
    return [["layer", *poolings], *rows]


def _cell(one: LayerSimilarity) -> str:
    usual = "" if math.isnan(one.usual) else f" ({one.usual:.3f})"
    return f"{one.cosine:.4f}{usual}"


def _recipe_lines(recipes: Sequence[RecipeDifference]) -> list[str]:
    lines = []
    for one in recipes:
        ours, theirs = (
            one_line(_value(value))[:_VALUE].ljust(_VALUE) for value in (one.first, one.second)
        )
        mark = "=" if one.same else "≠"
        lines.append(f"{one.name[:16]:<16} {mark} {ours}  {theirs}".rstrip())
    return lines


def _value(value: Any) -> str:
    return "–" if value in (None, "", [], {}) else value_in_words(value)


def write_image_report(path: Path, made: ImageComparison) -> None:
    """Write the report.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    write_page(path, render_image_report(made), "report")


def render_image_report(made: ImageComparison) -> str:
    """The report as text."""
    _, _, *lines = told(made)
    head, *rows = _layer_rows(made.layers)
    values = {
        "pair": [
            (_card(made.first), _card(made.second), [("cosine", f"{made.score:.4f}")]),
        ],
        "matching": [(_card(made.first, made.first_map), _card(made.second, made.second_map), [])],
        "columns": head,
        "rows": rows,
        "drawing": draw_layers(made.layers),
        "recipes": [
            (one.name, "" if one.same else "≠", _value(one.first), _value(one.second))
            for one in made.recipes
        ],
    }
    return render_report("image_report.html", "Two images compared", lines, values)


def _card(one: ComparedImage, patches: PatchMap | None = None) -> Card:
    facts = [
        ("size", f"{one.size[0]} × {one.size[1]}"),
        ("format", one.format),
    ]
    return Card(
        one.name,
        thumbnail(one.data, THUMBNAIL),
        one.path and file_url(one.path),
        card_parts(one.path),
        () if patches is not None else tuple(facts),
        None if patches is None else overlay(patches, THUMBNAIL),
    )
