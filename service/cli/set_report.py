"""A report of two sets compared: numbers with intervals, and the images that make them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.wording import counted
from vitrail.service.cli.report_pages import THUMBNAIL, Card, card_of, render_report
from vitrail.service.cli.set_comparison import (
    MEANING,
    SLICE_COLUMNS,
    names,
    number,
    slice_cells,
    space_name,
    told,
    verdict,
    word,
)
from vitrail.service.cli.sheet import write_page

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.comparison.sets import SpaceComparison
    from vitrail.service.operations.compared_sets import NearestPair, SetComparison

_WIDTH, _HEIGHT = 720, 240  # of the drawing
_BARS = 48
_SMALL = 160  # pixels of a small thumbnail


def write_set_report(path: Path, made: SetComparison) -> None:
    """Write the report.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    write_page(path, render_set_report(made), "report")


def render_set_report(made: SetComparison) -> str:
    """The report as text."""
    # a few that are far from all would leave no room for the others
    low = float(np.quantile(np.concatenate([made.scores, made.chance]), 0.01))
    values = {
        "verdict": verdict(made),
        "spaces": [(space_name(one), _rows(one)) for one in made.all_spaces],
        "lacks": f"{counted(made.uncovered, 'image')} of {len(made.ids_b):,} of b have no image of "
        "a in their ball, which reaches to their own nearest others; here by what is alike among "
        "them, the most typical first.",
        "lacking": [
            (
                f"{counted(one.count, 'image')}: {names(one.named)}",
                [_card(image, side=_SMALL) for image in one.typical],
            )
            for one in made.lacking
        ],
        "apart": [
            _card(
                one.image,
                [
                    ("influence", f"{one.influence:+.1e}"),
                    ("nearest of b", f"{one.nearest:.4f}"),
                    ("among b", "yes" if one.held else "no"),
                ],
            )
            for one in made.hurting
        ],
        "pairs": [(_card(one.a), _card(one.b), _pair(one)) for one in made.pairs],
        "group_by": made.group_by,
        "slices": [(one.value or "(none)", *slice_cells(one)) for one in made.slices],
        "slice_columns": [made.group_by, *SLICE_COLUMNS],
        "width": _WIDTH,
        "height": _HEIGHT,
        "shape_a": _outline(made.scores, low),
        "shape_b": _outline(made.chance, low),
        "ticks": [(f"{at:.3f}", _across(at, low)) for at in np.linspace(low, 1, 6).tolist()],
        "copy": None if made.scale is None else _across(made.scale.copy, low),
    }
    return render_report("set_report.html", "Two sets compared", told(made), values)


def _rows(compared: SpaceComparison) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one in compared.measures:
        name, meaning = MEANING[one.name]
        value, interval = number(one)
        of = " and ".join(f"{count:,}" for count in one.images if count)
        plain = "" if one.plain is None else f"; {one.plain:.4f} as it is of so many images"
        rows.append(((name, meaning + plain), (value, interval), of))
    return rows


def _card(
    image: ImageInfo, facts: Sequence[tuple[str, str]] = (), *, side: int = THUMBNAIL
) -> Card:
    prompt = [("prompt", " ".join(image.prompt.split())[:120])] if image.prompt else []
    return card_of(image.paths, [*facts, *prompt], otherwise=f"image {image.id}", side=side)


def _pair(one: NearestPair) -> list[tuple[str, str]]:
    facts = [("cosine", f"{one.score:.4f}")]
    if one.fpr is not None:
        facts.append(("by chance", f"{100 * one.fpr:.2g}%"))
    return facts + ([("called", word(one))] if word(one) else [])


def _across(score: float, low: float) -> float:
    """Where a score lies in the drawing, in its units."""
    share = (min(1.0, max(low, score)) - low) / max(1 - low, 1e-9)
    return round(_WIDTH * share, 1)


def _outline(scores: NDArray[np.float64], low: float) -> str:
    """Steps as high as the shares, the highest as high as the drawing, as points of a polygon."""
    counts, _ = np.histogram(np.clip(scores, low, 1), bins=_BARS, range=(low, max(1.0, low + 1e-9)))
    top, step = max(1, int(counts.max())), _WIDTH / _BARS
    points = [(0.0, float(_HEIGHT))]
    for i, count in enumerate(counts.tolist()):
        y = _HEIGHT * (1 - 0.94 * count / top)
        points += [(i * step, y), ((i + 1) * step, y)]
    points.append((float(_WIDTH), float(_HEIGHT)))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
