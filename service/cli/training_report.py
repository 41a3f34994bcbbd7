"""What came of a training: in the terminal, as JSON, and as a page with curves and confusion."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.report_pages import render_report
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.tables import print_remark

if TYPE_CHECKING:
    from vitrail.search.measures import Interval
    from vitrail.service.operations.training_results import TrainedEncoder

_WIDTH, _HEIGHT = 720, 220  # of a curve's drawing
_SHOWN = 40  # labels of the matrix
_NAMED = 8  # labels of a sentence


def report_path(made: TrainedEncoder) -> Path:
    """Where the page of a training lies."""
    return Path(made.folder) / "training" / "report.html"


def print_trained(made: TrainedEncoder, *, as_json: bool) -> None:
    """Print what was measured, and what to do with the model."""
    if as_json:
        print_document(made.to_dict())
        return
    for line in told_of_training(made):
        print_remark(line, before="")
    if made.compared:
        rows = [("held-out images", "before", "after", "change (95%)"), *_rows(made)]
        width = max(26, *(len(row[0]) for row in rows))
        print()
        for name, before, after, change in rows:
            print(f"{name:<{width}}  {before:>7}  {after:>7}  {change}")
    print()
    print_remark(f"report: {report_path(made)}", before="")
    space = made.space
    print_remark(
        f"use it: vitrail index FOLDER --checkpoint {made.folder} --space {space}", before=""
    )


def told_of_training(made: TrainedEncoder) -> list[str]:
    """Sentences on what was learned from, and how well."""
    training, validation, held = made.parts
    labels = counted(len(made.classes), "label")
    lines = [
        f"{counted(sum(made.parts), 'image')} with {labels}: {training:,} trained on, "
        f"{validation:,} validated with, {held:,} held out; "
        + (
            f"{counted(made.copied, 'copy', 'copies')} beside {_its(made.copied)}"
            if made.copied
            else "no copies among them"
        ),
        f"{made.source}, {counted(made.steps, 'step')}, "
        + (f"the best state after step {made.best_step:,}" if validation else "the last state"),
    ]
    if made.unseen:
        lines.append(
            f"held out whole, {counted(len(made.unseen), 'label')} with "
            f"{counted(made.unseen_images, 'image')}: {_named(made.unseen)}"
        )
    told = held or made.unseen_images
    if not (validation and told):
        lines.append(_untold(validation, told))
    if made.accuracy is not None:
        one = made.accuracy
        lines.append(
            f"the head is right about {one.mean:.1%} of the held-out images "
            f"(95%: {one.low:.1%} to {one.high:.1%})"
        )
    return lines


def _untold(validation: int, held: int) -> str:
    """What nobody knows of a model, where images are too few or all were trained on."""
    parts = (
        (validation, "which state is best", "--validation"),
        (held, "what it is worth on images that it never saw", "--held-out"),
    )
    missing, shares = zip(
        *[(what, share) for count, what, share in parts if not count], strict=True
    )
    return (
        f"nothing tells {' and '.join(missing)}: give each label more images, or a larger share by "
        f"{' and '.join(shares)}"
    )


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED:,} more" if len(labels) > _NAMED else ""
    return ", ".join(labels[:_NAMED]) + more


def _its(count: int) -> str:
    return "its original, on one side" if count == 1 else "their originals, on one side"


def _rows(made: TrainedEncoder) -> list[tuple[str, str, str, str]]:
    return [
        (
            f"{one.space} {one.measure}",
            f"{one.before.mean:.1%}",
            f"{one.after.mean:.1%}",
            f"{100 * one.change.mean:+.1f} ({_bounds(one.change)})",
        )
        for one in made.compared
    ]


def _bounds(change: Interval) -> str:
    return f"{100 * change.low:+.1f} to {100 * change.high:+.1f}"


def write_training_report(made: TrainedEncoder) -> None:
    """Write the page beside the model.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    write_page(report_path(made), render_training_report(made), "report")


def render_training_report(made: TrainedEncoder) -> str:
    """The page as text."""
    losses = [(line["step"], line["loss"]) for line in made.metrics if "loss" in line]
    curves = [_curve("training loss", losses)] if losses else []
    curves += [_curve(f"validation {name}", points) for name, points in _validations(made).items()]
    values = {
        "rows": _rows(made),
        "curves": curves,
        "best": made.best_step,
        "steps": made.steps,
        "width": _WIDTH,
        "height": _HEIGHT,
        "classes": made.classes[:_SHOWN] if made.accuracy is not None else (),
        "matrix": _matrix(made),
        "unseen": made.unseen,
        "more": max(0, len(made.classes) - _SHOWN),
    }
    title = f"Training of {os.path.basename(made.folder)}"
    return render_report("training_report.html", title, told_of_training(made), values)


def _validations(made: TrainedEncoder) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for line in made.metrics:
        for name, value in line.get("validation", {}).items():
            found.setdefault(name, []).append((line["step"], value))
    return found


def _curve(name: str, points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """A line through points, scaled to the drawing, with its first, least, greatest and last."""
    steps, values = [step for step, _ in points], [value for _, value in points]
    low, high = min(values), max(values)
    span, last = (high - low) or 1.0, max(1, max(steps))
    where = [(step / last * _WIDTH, _HEIGHT * (1 - (value - low) / span)) for step, value in points]
    return {
        "name": name,
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in where),
        "dots": [(round(x, 1), round(y, 1)) for x, y in where] if len(where) <= 60 else [],
        "low": f"{low:.3f}",
        "high": f"{high:.3f}",
        "last": f"{values[-1]:.3f}",
        "step": last,
    }


def _matrix(made: TrainedEncoder) -> list[list[tuple[int, int]]]:
    """(images, their share of the row in percent) of each cell."""
    counts = made.confusion[:_SHOWN, :_SHOWN]
    totals = made.confusion.sum(axis=1)
    return [
        [(int(one), round(100 * int(one) / max(1, int(total)))) for one in row]
        for row, total in zip(counts, totals, strict=False)
    ]
