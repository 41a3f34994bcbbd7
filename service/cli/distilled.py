"""What came of a distillation, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from vitrail.service.cli.documents import print_document
from vitrail.service.cli.text import one_line

if TYPE_CHECKING:
    from vitrail.service.operations.distilling import Distilled


def print_distilled(made: Distilled, *, as_json: bool) -> None:
    """Print it: a table of teacher and student, and how the student is used."""
    if as_json:
        print_document(made.to_dict())
        return
    for line in lines_of(made):
        typer.echo(one_line(line))


def lines_of(made: Distilled) -> list[str]:
    """The same as lines.

    Args:
        made: what came of it.
    """
    found, (theirs, ours) = made.fidelity, made.spaces
    rows: list[tuple[str, ...]] = [("", "teacher", "student", ""), ("space", theirs, ours, "")]
    counts = found.teacher.parameters, found.student.parameters
    rows.append(("parameters", *(f"{one / 1e6:.1f} M" for one in counts), _share(counts)))
    speeds = found.teacher.speed, found.student.speed
    told = f"{speeds[1] / speeds[0]:.1f} times as fast"
    rows.append(("images/cpu-s", *(f"{one:.1f}" for one in speeds), told))
    copies = found.teacher.copies, found.student.copies
    if copies[0] is not None and copies[1] is not None:
        shown = (f"{one:.3f}" for one in copies if one is not None)
        rows.append(("copies found", *shown, _share((copies[0], copies[1]))))
    lines = ["  ".join(f"{cell:<13}" for cell in row).rstrip() for row in rows]
    if found.neighbours is not None:
        lines.append(f"neighbours kept: {found.neighbours:.3f} of the teacher's ten nearest")
    training, validation, held_out = made.parts
    best = f"best after step {made.best_step:,} of {made.steps:,}"
    if made.best_step == 0:
        best = f"none of {made.steps:,} steps made it better, so it is as it began"
    parts = f"{training:,} images learned from, {validation:,} to judge by, {held_out:,} held out"
    lines.append(f"{parts}; {best}")
    lines.append(f"vitrail index FOLDER --checkpoint {made.folder} --space {ours}")
    return lines


def _share(pair: tuple[float, float]) -> str:
    return f"{pair[1] / pair[0]:.0%} of it" if pair[0] else ""
