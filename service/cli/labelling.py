"""What classifying and the examining of labels print: how far they are, tables and JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.tables import Column, Row, print_remark, print_rows
from vitrail.service.cli.text import one_line
from vitrail.service.documents.labels import (
    classification_document,
    labels_document,
    suspects_document,
)

if TYPE_CHECKING:
    from vitrail.search.measures import Interval
    from vitrail.service.operations.classifications import Classification, ClassifiedImage
    from vitrail.service.operations.examining import LabelReport, Suspects

_CONFUSED = 5  # pairs of labels that are named
_NAME = 30  # cells of a label
UNSURE = "–"


def share(value: float) -> str:
    """A share or a probability, as a table has it: .87."""
    if value != value:
        return ""
    return f"{value:.2f}"[1:] if value < 0.995 else "1.0"


def within(value: Interval) -> str:
    """A share with its interval, in words."""
    if value.mean != value.mean:
        return "none was told"
    return f"{share(value.mean)} (95%: {share(value.low)} to {share(value.high)})"


def print_classification(made: Classification, *, as_json: bool, write: str | None) -> None:
    """Print what each image is told to be; what could not be looked at goes to standard error."""
    if as_json:
        print_document(classification_document(made, write))
    else:
        _print_images([image for image in made.images if not image.error])
    for image in made.images:
        if image.error:
            named = "" if image.name in image.error else f"{image.name}: "
            print(one_line(named + image.error), file=sys.stderr)
    if write is not None:
        told = sum(image.label is not None for image in made.images)
        unsure = made.written - told
        more = f"; {unsure:,} {'is' if unsure == 1 else 'are'} left without" if unsure else ""
        line = f"{counted(told, 'label')} written into the column {write}{more}"
        print(one_line(line), file=sys.stderr)


def _print_images(images: Sequence[ClassifiedImage]) -> None:
    if not sys.stdout.isatty():
        for image in images:
            first = f"{image.guesses[0].probability:.4f}" if image.guesses else ""
            more = [cell for label, p in image.guesses[1:] for cell in (label, f"{p:.4f}")]
            print("\t".join(map(one_line, (image.label or "", first, *more, image.name))))
        return
    columns = (Column("label"), Column("p", number=True), Column("or"))
    print_rows(columns, [_row(image) for image in images])


def _row(image: ClassifiedImage) -> Row:
    guesses = image.guesses
    others = guesses[1:] if image.label is not None else guesses
    told = share(guesses[0].probability) if guesses and image.label is not None else ""
    more = ", ".join(f"{label} {share(chance)}" for label, chance in others)
    path = image.name if image.id is None or os.path.isabs(image.name) else None
    path = None if path is None else os.path.abspath(os.path.expanduser(path))
    return Row((image.label or UNSURE, told, more), path, "" if path else image.name)


def told_of(report: LabelReport) -> list[str]:
    """Sentences on how well the labels can be told."""
    told = report.assessment
    silent = len(told.ids) - int(told.answered.sum())
    lines = [
        f"{counted(len(told.ids), 'image')} with {counted(len(told.classes), 'label')} in column "
        f"{report.column}; told in {report.space}: {report.how}",
        f"told rightly: {within(told.accuracy)}; always telling the commonest label would be "
        f"right for {share(told.commonest)}",
        f"probabilities are off by {share(told.calibration_error)} (expected calibration error); "
        f"log loss {told.loss:.2f}",
    ]
    if silent:
        lines.append(
            f"nothing is told of {counted(silent, 'image')} whose best label is less likely than "
            f"{told.fewest:g}"
        )
    if report.alone:
        lines.append(f"left out: {counted(len(report.alone), 'label')} that one image alone has")
    return lines


def print_report(report: LabelReport, *, as_json: bool) -> None:
    """Print how well labels can be told, a line each, and which are taken for which."""
    if as_json:
        print_document(labels_document(report))
        return
    for line in told_of(report):
        print_remark(line, "")
    rows = report.assessment.rows()
    width = min(_NAME, max(len(one_line(row.label)) for row in rows))
    print(f"\n{'label':<{width}}  images  told  precision  recall")
    for row in rows:
        name = one_line(row.label)
        name = name if len(name) <= width else name[: width - 1] + "…"
        numbers = f"{row.images:>6,}  {row.told:>4,}  {share(row.precision):>9}"
        print(f"{name:<{width}}  {numbers}  {share(row.recall):>6}")
    if confused := _confused(report):
        print("\nmost often taken for another:")
        for line in confused:
            print_remark(line)


def _confused(report: LabelReport) -> list[str]:
    told = report.assessment
    counts = told.confusion.copy()
    counts.flat[:: len(counts) + 1] = 0
    best = counts.ravel().argsort(kind="stable")[::-1][:_CONFUSED]
    named = told.classes
    return [
        f"{named[place // len(counts)]} as {named[place % len(counts)]}: "
        f"{counted(int(counts.ravel()[place]), 'image')}"
        for place in best.tolist()
        if counts.ravel()[place]
    ]


def told_of_suspects(found: Suspects) -> list[str]:
    """Sentences on what was looked at, and how far to trust it."""
    doubted = counted(len(found.suspects), "label")
    return [
        f"{counted(found.images, 'image')} with a label in column {found.column}, told by others "
        f"in {found.space}; told rightly: {within(found.accuracy)}",
        f"{doubted} likely wrong, {counted(len(found.outliers), 'image')} unlike all others",
    ]


def print_suspects(found: Suspects, limit: int, *, as_json: bool) -> None:
    """Print labels that are likely wrong, the likeliest first, and outliers, the farthest first."""
    if as_json:
        print_document(suspects_document(found))
        return
    for line in told_of_suspects(found):
        print(one_line(line), file=sys.stderr)
    if not sys.stdout.isatty():
        _print_lines(found, limit)
        return
    columns = (Column("label"), Column("likely"), Column("p", number=True))
    doubted = [
        Row((one.given, one.likely, share(one.probability)), one.path)
        for one in found.suspects[:limit]
    ]
    far = [Row((f"{one.spreads:.1f}",), one.path) for one in found.outliers[:limit]]
    if doubted:
        print()
        print_rows(columns, doubted)
    if far:
        print()
        print_rows((Column("spreads", number=True),), far)


def _print_lines(found: Suspects, limit: int) -> None:
    """The same for programs: what it is, both labels, a number and the path."""
    lines = [
        ("label", one.given, one.likely, f"{one.probability:.4f}", one.path or "")
        for one in found.suspects[:limit]
    ]
    lines += [
        ("outlier", "", "", f"{one.spreads:.4f}", one.path or "") for one in found.outliers[:limit]
    ]
    for line in lines:
        print("\t".join(map(one_line, line)))
