"""A report of checkpoints held against one another: drawings, strips of one seed, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.search.thumbnails import first_thumbnail
from vitrail.service.cli.picked import COLUMNS, MEANING, percent, rows_of
from vitrail.service.cli.report_pages import render_report
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.text import file_url
from vitrail.service.documents.picking import told_of_pick, verdict, word_on

if TYPE_CHECKING:
    from vitrail.search.comparison.estimates import Estimate
    from vitrail.search.picking.choosing import CheckpointFigures
    from vitrail.service.operations.pick_records import PickedRun

_WIDTH, _HEIGHT = 720, 340  # of the front's drawing
_LOW = 240  # height of a curve's
_SMALL = 112  # pixels of a thumbnail
_SHOWN = 8  # seeds of a strip
_TAUGHT = 16  # taught images that are shown
_LETTER = 11  # pixels of a label's letter
_APART = 28  # pixels between two labels that would lie upon one another
_FIGURES = ("step", "fidelity", "diversity", "drift", "share of copies", "kept", "behind the best")


def write_pick_report(path: Path, made: PickedRun) -> None:
    """Write the report.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    write_page(path, render_pick_report(made), "report")


def render_pick_report(made: PickedRun) -> str:
    """The report as text."""
    found = made.found
    values = {
        "verdict": verdict(made),
        "warns": found.picked is None,
        "width": _WIDTH,
        "height": _HEIGHT,
        "low": _LOW,
        "dots": _dots(made),
        "front": _front(found.checkpoints),
        "curves": _curves(made),
        "taught": [_thumbnail(path) for path in made.taught[:_TAUGHT]],
        "strips": _strips(made),
        "shares": [COLUMNS, *rows_of(made)],
        "columns": _FIGURES,
        "figures": [_figures(one) for one in (found.base, *found.checkpoints)],
        "meaning": MEANING,
        "rate": f"{100 * found.rate:.3g}%",
    }
    return render_report("pick.html", f"Checkpoints of {made.name}", told_of_pick(made), values)


# Drawings


def _dots(made: PickedRun) -> list[dict[str, Any]]:
    """A dot for each checkpoint: how much it learned, across, and what that left of the rest."""
    dots: list[dict[str, Any]] = []
    best = made.found.picked
    for one in made.found.checkpoints:
        x, y = _across(one.learned.value), _up(one.kept.value)
        dots.append(
            {
                "step": one.step,
                "x": x,
                "y": y,
                "left": _across(one.learned.low),
                "right": _across(one.learned.high),
                "top": _up(one.kept.high),
                "bottom": _up(one.kept.low),
                "best": best is not None and one.step == best.step,
                "beaten": bool(one.beaten_by) and not one.alike,
                "title": f"after step {one.step}: learned {one.learned.value:.0%}, kept "
                f"{one.kept.value:.0%}, worth {one.worth.value:.2f}",
            }
        )
    _place_labels(dots)
    return dots


def _place_labels(dots: Sequence[dict[str, Any]]) -> None:
    """Put each dot's step beside it, and what would lie upon another below that.

    Of dots in the lower half it is put above, since what they mean is written below the drawing.
    """
    taken: list[tuple[float, float]] = []
    hidden = [(dot["x"], dot["y"]) for dot in dots]
    for dot in sorted(dots, key=lambda one: (one["y"], -one["x"])):
        ends = dot["x"] > _WIDTH - 6 * _LETTER
        x, y = dot["x"] + (-12 if ends else 12), dot["y"] + (_APART if dot["y"] < _APART else -9)
        aside = -_APART / 2 if dot["y"] > _HEIGHT / 2 else _APART / 2
        while any(abs(x - a) < 6 * _LETTER and abs(y - b) < _APART for a, b in taken) or any(
            (dot["x"], dot["y"]) != (a, b) and abs(x - a) < 4 * _LETTER and abs(y - b - 4) < 18
            for a, b in hidden
        ):
            y += aside
        taken.append((x, y))
        dot |= {"label_x": round(x, 1), "label_y": round(y, 1), "ends": ends}


def _front(checkpoints: Sequence[CheckpointFigures]) -> str:
    """A line through those that no other beats in both, as points."""
    free = [
        one
        for one in checkpoints
        if not any(
            other.learned.value >= one.learned.value
            and other.kept.value >= one.kept.value
            and (other.learned.value, other.kept.value) != (one.learned.value, one.kept.value)
            for other in checkpoints
        )
    ]
    free.sort(key=lambda one: (one.learned.value, -one.kept.value))
    return " ".join(f"{_across(one.learned.value)},{_up(one.kept.value)}" for one in free)


def _across(share: float) -> float:
    return round(_WIDTH * float(np.clip(share, 0, 1)), 1)


def _up(share: float) -> float:
    return round(_HEIGHT * (1 - float(np.clip(share, 0, 1))), 1)


def _curves(made: PickedRun) -> list[dict[str, Any]]:
    """Each measure by step, with its interval and what it is to be held against."""
    found = made.found
    start = found.base
    asked: list[tuple[str, Callable[[CheckpointFigures], Estimate | None], list[tuple[str, float]]]]
    asked = [
        ("worth, more is better", lambda one: one.worth, []),
        (
            "fidelity: cosine to the nearest taught image",
            lambda one: one.fidelity,
            [("taught, among themselves", found.taught.fidelity)],
        ),
        (
            "diversity: distance of two images",
            lambda one: one.diversity,
            [("taught, among themselves", found.taught.diversity)],
        ),
        (
            "drift of other prompts, less is better",
            lambda one: one.drift,
            [("another prompt", found.usual)],
        ),
        (
            "share of copies, less is better",
            lambda one: one.copied,
            [(f"by chance ({100 * found.rate:.3g}%)", found.rate)],
        ),
    ]
    curves = []
    for name, of, lines in asked:
        points = [(one.step, of(one)) for one in (start, *found.checkpoints)]
        known = [(step, each) for step, each in points if each is not None]
        if known:
            curves.append(_curve(name, known, lines, made))
    return curves


def _curve(
    name: str,
    points: Sequence[tuple[int, Estimate]],
    lines: Sequence[tuple[str, float]],
    made: PickedRun,
) -> dict[str, Any]:
    values = [value for _, one in points for value in (one.low, one.high)]
    values += [value for _, value in lines]
    low, high = min(values), max(values)
    if name.startswith(("worth", "share")):  # of shares, which have ends
        low, high = max(0.0, low), min(1.0, high)
    span, last = (high - low) or 1.0, max(step for step, _ in points)

    def y(value: float) -> float:
        return round(_LOW * (1 - float(np.clip((value - low) / span, 0, 1))), 1)

    def x(step: int) -> float:
        return round(_WIDTH * step / last, 1)

    best = made.found.picked
    return {
        "name": name,
        "points": " ".join(f"{x(step)},{y(one.value)}" for step, one in points),
        "bars": [(x(step), y(one.low), y(one.high), y(one.value)) for step, one in points],
        "lines": [(f"{label}, {value:.3g}", y(value)) for label, value in lines],
        "low": f"{round(low, 6) + 0.0:.3g}",
        "high": f"{high:.3g}",
        "last": last,
        "best": None if best is None else x(best.step),
    }


# Images


def _strips(made: PickedRun) -> list[dict[str, Any]]:
    """For each prompt what every checkpoint makes of it, by the same seeds."""
    found = made.found
    strips = []
    for place, prompt in enumerate(made.prompts + made.others):
        rows = []
        for one in (found.base, *found.checkpoints):
            own = place < len(made.prompts)
            shares = made.copying[one.step][place] if own else np.zeros(len(made.seeds))
            images = [
                (
                    *_thumbnail(path),
                    found.line is not None and own and bool(shares[seed] >= found.line),
                )
                for seed, path in enumerate(made.drawn[one.step][place][:_SHOWN])
            ]
            rows.append(
                {
                    "step": f"after step {one.step}" if one.step else "before",
                    "word": word_on(made, one),
                    "best": found.picked is not None and one.step == found.picked.step,
                    "images": images,
                }
            )
        strips.append({"prompt": prompt, "taught": place < len(made.prompts), "rows": rows})
    return strips


def _thumbnail(path: str) -> tuple[str | None, str | None]:
    """An image's small copy as a ``data:`` URL, and the URL of its file; ``None`` of one away."""
    shown, there = first_thumbnail([path], _SMALL)
    return shown, None if there is None else file_url(there)


# Figures


def _figures(one: CheckpointFigures) -> tuple[Any, ...]:
    return (
        str(one.step) if one.step else "none",
        _cell(one.fidelity, ".4f"),
        _cell(one.diversity, ".4f"),
        "" if one.drift is None else _cell(one.drift, ".4f"),
        "unknown" if one.copied is None else _cell(one.copied, ".0%"),
        percent(one.kept.value),
        "" if one.behind is None else _cell(one.behind, ".2f"),
    )


def _cell(one: Estimate, how: str) -> tuple[str, str]:
    value, low, high = (round(number, 6) + 0.0 for number in (one.value, one.low, one.high))
    return f"{value:{how}}", f"{low:{how}} to {high:{how}}"
