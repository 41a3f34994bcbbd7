"""Pages about labels: a confusion matrix whose cells open the images, and labels to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vitrail.indexer.wording import counted
from vitrail.service.cli.labelling import share, told_of, told_of_suspects
from vitrail.service.cli.report_pages import Card, card_of, render_report
from vitrail.service.cli.sheet import write_page

if TYPE_CHECKING:
    from vitrail.service.operations.examining import LabelReport, Neighbour, Suspects

_LABELS = 40  # of the matrix
_CELL = 12  # images of a cell that are shown
_PAGE = 600  # images of a page, of which each takes some 5 KB
_SIDE = 160  # pixels of a thumbnail
_LISTED = 60  # suspects, and outliers


class _Cell(NamedTuple):
    """A cell of the matrix: how many images, how dark, where its images are, and in words."""

    images: int
    shade: int
    anchor: str
    told: str


class _Section(NamedTuple):
    """The images of a cell."""

    anchor: str
    title: str
    cards: list[Card]
    more: int


def write_confusion(path: Path, report: LabelReport) -> None:
    """Write the confusion matrix as a page; each of its cells opens the images that it counts.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    told, shown = report.assessment, _shown(report)
    lines = told_of(report)
    if len(shown) < len(told.classes):
        lines.append(
            f"the matrix shows the {len(shown)} labels that are most often mistaken, of "
            f"{len(told.classes):,}"
        )
    page = render_report(
        "confusion.html",
        f"Labels in column {report.column}: how well they can be told",
        lines,
        {
            "classes": [told.classes[i] for i in shown],
            "rows": _matrix(report, shown),
            "table": [
                (label, f"{images:,}", f"{named:,}", share(precision), share(recall))
                for label, images, named, precision, recall in told.rows()
            ],
            "sections": _sections(report, shown),
        },
    )
    write_page(path, page, "page")


def _shown(report: LabelReport) -> list[int]:
    """The labels of the matrix: all, or of many those most often mistaken, in their order."""
    counts = report.assessment.confusion
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(np.argsort(-mistakes, kind="stable")[:_LABELS].tolist())


def _matrix(report: LabelReport, shown: Sequence[int]) -> list[list[_Cell]]:
    """The cells by the label that images have, then by the one that is told."""
    told = report.assessment
    counts = told.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return [
        [
            _Cell(
                int(counts[i, j]),
                round(100 * float(shares[i, j])),
                f"cell-{i}-{j}",
                f"{told.classes[i]} told to be {told.classes[j]}: "
                f"{counted(int(counts[i, j]), 'image')}",
            )
            for j in shown
        ]
        for i in shown
    ]


def _sections(report: LabelReport, shown: Sequence[int]) -> list[_Section]:
    """The images of the cells that have any: mistakes first, where the page grows too large."""
    told, left = report.assessment, _PAGE
    cells = [(i, j) for i in shown for j in shown if told.confusion[i, j]]
    sections = []
    for i, j in sorted(cells, key=lambda cell: cell[0] == cell[1]):
        ids = told.cell(i, j)
        first = ids[: min(_CELL, left)]
        left -= len(first)
        title = f"{told.classes[i]}, told to be {told.classes[j]}"
        cards = [_card(report, int(one), j) for one in first]
        sections.append(_Section(f"cell-{i}-{j}", title, cards, len(ids) - len(first)))
    return sections


def _card(report: LabelReport, image: int, label: int) -> Card:
    told, path = report.assessment, report.paths[image]
    place = int(np.searchsorted(told.ids, image))
    named = dict.fromkeys((label, int(told.targets[place])))
    facts = [(told.classes[one], share(float(told.probabilities[place, one]))) for one in named]
    return card_of([path] if path else [], facts, otherwise=f"image {image}", side=_SIDE)


def write_suspects(path: Path, found: Suspects) -> None:
    """Write a page of the labels that are likely wrong, each beside the nearest of both labels.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    page = render_report(
        "suspects.html",
        f"Labels in column {found.column}: are they right?",
        told_of_suspects(found),
        {
            "suspects": [_suspect(one) for one in found.suspects[:_LISTED]],
            "more": max(0, len(found.suspects) - _LISTED),
            "outliers": [
                card_of(
                    [one.path] if one.path else [],
                    (("spreads", f"{one.spreads:.1f}"), ("5th nearest", f"{one.cosine:.3f}")),
                    otherwise=f"image {one.id}",
                    side=_SIDE,
                )
                for one in found.outliers[:_LISTED]
            ],
            "more_outliers": max(0, len(found.outliers) - _LISTED),
        },
    )
    write_page(path, page, "page")


def _suspect(one: Any) -> dict[str, Any]:
    return {
        "given": one.given,
        "likely": one.likely,
        "card": card_of(
            [one.path] if one.path else [],
            (
                (one.likely, share(one.probability)),
                (one.given, share(one.given_probability)),
            ),
            otherwise=f"image {one.id}",
            side=_SIDE,
        ),
        "near_given": _near(one.nearest_given),
        "near_likely": _near(one.nearest_likely),
    }


def _near(one: Neighbour | None) -> Card | None:
    if one is None:
        return None
    facts = (("cosine", f"{one.cosine:.3f}"),)
    return card_of([one.path] if one.path else [], facts, otherwise=f"image {one.id}", side=_SIDE)
