"""What an audit found, in the terminal, as JSON and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.wording import counted
from vitrail.service.cli.report_pages import Card, card_of, render_report
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.tables import Column, Row, print_figures, print_list, print_remark
from vitrail.service.documents.audits import told_apart, verdict

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.audit_results import (
        Audit,
        AuditLine,
        SuspectPair,
    )
    from vitrail.service.operations.auditing import AuditOptions

_NAMES = {
    "pixels": "parts that agree",
    "relative": "nearness, by the reference's neighbours",
    "own": "nearness, by the image's neighbours",
    "plain": "plain distance",
}
_COLUMNS = ("measure", "line at 1%", "reach it", "by chance", "planted caught", "AUC")
_COLUMNS_OF_TEXT = ("measure", "line at 1%", "reach it", "by chance", "caught", "AUC")
_WIDTH, _HEIGHT = 360, 240  # of the drawing of a curve


def told_of(found: Audit, options: AuditOptions) -> list[str]:
    """Sentences on what was compared, and on what that means."""
    name, decided = found.deciding
    lines = [
        f"{counted(len(found.ids), 'image')} ({options.generated}) against {found.compared:,} "
        f"({options.against}), by {found.space}"
        + ("" if found.recall == 1 else f", {found.recall:.1%} of the nearest met"),
        f"innocent: {counted(len(decided.nulls), 'image')} of the latter, held against the others"
        + (f"; {found.copied:,} more left out, as copies of others" if found.copied else ""),
    ]
    unread = int(np.isnan(decided.scores).sum())
    if unread:
        judged = "is not judged" if unread == 1 else "are not judged"
        lines.append(f"{counted(unread, 'image')} could not be read, and {judged}")
    if found.away:
        first = found.away[0].path or f"image {found.away[0].id}"
        lines.append(
            f"{counted(len(found.away), 'image')} of the latter could not be read, such as "
            f"{first}: nothing shows whether they are copied"
        )
    line = decided.lines[0]
    if line.few and line.rate_of_pairs is not None:
        lines.append(
            "these are few: where innocent images come in pairs that resemble one another, up to "
            f"{line.rate_of_pairs:.1%} of new ones reach the line of {line.rate:.0%}"
        )
    if (apart := told_apart(found)) is not None:
        lines.append(apart)
    if name != "pixels":
        lines.append("pixels were not compared: vectors alone miss most copies of a single object")
    return lines


def print_audit(found: Audit, options: AuditOptions) -> None:
    """Print the verdict, the measures and the most suspicious pairs."""
    for line in told_of(found, options):
        print_remark(line, before="")
    print()
    short = [(name.removeprefix("nearness, "), *rest) for name, *rest in _rows(found)]
    print_figures([_COLUMNS_OF_TEXT, *short])
    print()
    print_remark(verdict(found), before="")
    if found.pairs:
        print()
        _print_pairs(found)


def _rows(found: Audit) -> list[tuple[str, ...]]:
    return [
        (
            _NAMES[name],
            "unknown" if (line := measured.lines[0]).score is None else f"{line.score:.3g}",
            "" if line.score is None else f"{line.above:,}",
            ""
            if line.chance is None
            else f"{line.chance.expected:.3g}, to {line.chance.at_most:,}",
            "" if line.caught is None else f"{line.caught:.0%}",
            "" if measured.curve is None else f"{measured.curve.area.mean:.3f}",
        )
        for name, measured in found.measures.items()
    ]


def _print_pairs(found: Audit) -> None:
    columns = [
        Column("id", number=True),
        Column("like", number=True),
        Column("agree", number=True),
        Column("fpr", number=True),
        Column("pixels show"),
    ]
    rows = [
        Row(
            (
                str(pair.image.id),
                str(pair.reference.id),
                f"{pair.score:.2f}",
                _rate(pair, found),
                _shown(pair),
            ),
            pair.image.path,
        )
        for pair in found.pairs
    ]
    print_list(columns, rows)


def _rate(pair: SuspectPair, found: Audit) -> str:
    least = 1 / (len(found.deciding[1].nulls) + 1)
    return f"< {least:.2g}" if pair.rate <= least * 1.0001 else f"{pair.rate:.2g}"


def _shown(pair: SuspectPair) -> str:
    if not pair.read:
        return "a file cannot be read"
    if pair.evidence is None:
        return "no copy"
    return ", ".join((pair.evidence.tier, *pair.evidence.says))


def write_audit(path: Path, found: Audit, options: AuditOptions) -> None:
    """Write the report.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    _, decided = found.deciding
    page = render_report(
        "audit.html",
        "Replication audit",
        told_of(found, options),
        {
            "verdict": verdict(found),
            "warns": decided.lines[0].told,
            "columns": _COLUMNS,
            "rows": _rows(found),
            "lines": [_told_line(line) for line in decided.lines],
            "caught": [
                (kind, f"{one.mean:.0%}", f"{one.low:.0%} to {one.high:.0%}")
                for kind, one in decided.caught.items()
            ],
            "curves": [
                (
                    _NAMES[name],
                    f"{one.curve.area.mean:.4f}",
                    _polyline(one.curve.false, one.curve.caught),
                )
                for name, one in found.measures.items()
                if one.curve is not None
            ],
            "width": _WIDTH,
            "height": _HEIGHT,
            "pairs": [
                (_card(pair.image), _card(pair.reference), _facts(pair, found))
                for pair in found.pairs
            ],
        },
    )
    write_page(path, page, "report")


def _told_line(line: AuditLine) -> tuple[str, ...]:
    if line.score is None or line.share is None or line.chance is None:
        return f"{line.rate:.1%}", f"needs {line.needed:,} innocent images", "", "", ""
    share = f"{line.share.mean:.1%} ({line.share.low:.1%} to {line.share.high:.1%})"
    caught = "" if line.caught is None else f"{line.caught:.0%}"
    chance = f"{line.chance.expected:.3g}, up to {line.chance.at_most:,}"
    return f"{line.rate:.1%}", f"{line.score:.3g}", f"{line.above:,}: {share}", chance, caught


def _polyline(false: np.ndarray, caught: np.ndarray) -> str:
    points = zip(false.tolist(), caught.tolist(), strict=True)
    return " ".join(f"{x * _WIDTH:.1f},{(1 - y) * _HEIGHT:.1f}" for x, y in points)


def _card(image: ImageInfo) -> Card:
    facts = [("id", str(image.id))]
    prompt = None if image.recipe is None else image.recipe.get("prompt")
    return card_of(image.paths, [*facts, *([("prompt", str(prompt))] if prompt else [])])


def _facts(pair: SuspectPair, found: Audit) -> list[tuple[str, str]]:
    name, _ = found.deciding
    return [
        ("pixels show", _shown(pair)),
        (_NAMES[name], f"{pair.score:.3f}"),
        ("fpr", _rate(pair, found)),
        ("cosine", f"{pair.cosine:.4f}"),
    ]
