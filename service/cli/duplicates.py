"""Duplicates and decisions about them, printed and as a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.report_pages import Card, card_of, render_report
from vitrail.service.cli.sheet import write_page
from vitrail.service.cli.tables import Column, Row, print_list, print_path, print_remark
from vitrail.service.cli.text import one_line
from vitrail.service.documents.duplicates import decision_document

if TYPE_CHECKING:
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.deciding import KnownDecision
    from vitrail.service.operations.duplicate_groups import DuplicateGroup
    from vitrail.service.operations.duplicates import Duplicates
    from vitrail.service.operations.trashing import TrashPlan

_PAIRS = 600  # of images on a page, some 20 KB each
_SHOWN = 20  # files of a list before the rest is only counted
_COLUMNS = (
    Column("group", number=True, asked=True),
    Column("what", asked=True),
    Column("id", number=True, asked=True),
    Column("why", asked=True),
)


def print_duplicates(found: Duplicates) -> None:
    """Print groups: for people a table, for programs a line a file, in columns that stay."""
    rows = [*_rows(found.groups, 1), *_rows(found.look_alikes, 1 + len(found.groups))]
    if rows:
        print_list(_COLUMNS, rows)
    print_remark_lines(summary(found))


def print_remark_lines(lines: Sequence[str]) -> None:
    """Print lines about what was found, beside it."""
    for line in lines:
        print(one_line(line), file=sys.stderr)


def summary(found: Duplicates) -> list[str]:
    """What was found, how, and what could not be looked at, a line each."""
    copies = [copy for group in found.groups for copy in group.copies]
    size = sum(copy.image.bytes * len(copy.paths) for copy in copies)
    told = "no copies"
    if copies:
        files = sum(len(copy.paths) for copy in copies)
        told = f"{counted(len(found.groups), 'group')}, {counted(files, 'file')} beside the "
        told += f"keepers ({_size(size)})"
    if found.look_alikes:
        told += f"; {counted(len(found.look_alikes), 'group')} of look-alikes"
    how = f"{counted(found.images, 'image')} met by {found.space}"
    how += f", {counted(found.compared, 'pair')} compared by pixels"
    lines = [told, how]
    if found.recall < 1:
        lines.append(f"about {found.recall:.1%} of the nearest neighbours were met")
    if found.unread:
        first = found.unread[0].path or f"image {found.unread[0].id}"
        lines.append(
            f"{counted(len(found.unread), 'image')} could not be compared, since no file is as it "
            f"was indexed, such as {first}; run `vitrail index`"
        )
    return lines


def write_duplicates_page(path: Path | None, found: Duplicates) -> Path:
    """Write a page with each copy beside its keeper; without a path, into a temporary file.

    Raises:
        InputError: the file cannot be written.
        CollectionError: the disk is full.
    """
    groups = [*found.groups, *found.look_alikes]
    shown = [_pairs(number, group) for number, group in enumerate(_first(groups), 1)]
    values = {"groups": shown[: len(found.groups)], "alike": shown[len(found.groups) :]}
    told = summary(found)
    if len(shown) < len(groups):
        told.append(f"the first {len(shown):,} of {len(groups):,} groups are shown here")
    page = render_report("duplicates.html", "Duplicates", told, values)
    return write_page(path, page, "report")


def _first(groups: Sequence[DuplicateGroup]) -> Iterator[DuplicateGroup]:
    """As many groups as a page holds."""
    left = _PAIRS
    for group in groups:
        left -= len(group.copies)
        if left < 0:
            return
        yield group


def print_decision(decision: KnownDecision, *, done: str) -> None:
    """Print what was decided, or undone, and how to go back."""
    images = len(decision.contents)
    print(f"{done} {decision.token}: {decision.kind}, of {counted(images, 'image')}")
    if not decision.undone:
        print(f"to take it back: vitrail decide undo {decision.token}", file=sys.stderr)


def print_decisions(log: Sequence[KnownDecision], *, as_json: bool) -> None:
    """Print all decisions, the first made first."""
    if as_json:
        print_document([decision_document(one) for one in log])
        return
    for one in log:
        when = one.at.strftime("%Y-%m-%d %H:%M")
        undone = "  (undone)" if one.undone else ""
        print(f"{one.token}  {when}  {one.kind}{undone}")
        for info in one.images:
            print_path(info.path or f"image {info.id}", f"  {info.id:>8}  ")
        away = len(one.contents) - len(one.images)
        if away:
            print_remark(f"{counted(away, 'image')} not in the collection now", " " * 12)
    if not log:
        print("no decisions", file=sys.stderr)


def print_trash(plan: TrashPlan) -> None:
    """Print what would be moved to the trash, and what stays where it is."""
    total = sum(file.bytes for file in plan.files)
    print(
        f"{counted(len(plan.files), 'file')} ({_size(total)}) to be moved to the trash",
        file=sys.stderr,
    )
    for file in plan.files[:_SHOWN]:
        print(f"  {one_line(file.path)}", file=sys.stderr)
    if len(plan.files) > _SHOWN:
        print(f"  and {len(plan.files) - _SHOWN:,} more", file=sys.stderr)
    for path, why in plan.left:
        print_left(path, why)


def print_left(path: str, why: str) -> None:
    """Say of a file that it stays, and why."""
    print(f"  stays: {one_line(path)}: {one_line(why)}", file=sys.stderr)


def _rows(groups: Sequence[DuplicateGroup], first: int) -> Iterator[Row]:
    for number, group in enumerate(groups, first):
        path = group.keeper.path
        yield Row((str(number), "keep", str(group.keeper.id), group.reason), path)
        for copy in group.copies:
            for path in copy.paths or (None,):
                cells = str(number), copy.evidence.tier, str(copy.image.id), _why(copy.evidence)
                yield Row(cells, path)


def _why(evidence: Any) -> str:
    return ", ".join(evidence.says)


def _pairs(number: int, group: DuplicateGroup) -> Mapping[str, Any]:
    keeper = _card(group.keeper, group.keeper.paths[:1])
    rows: list[tuple[Card, Card, list[tuple[str, str]]]] = []
    for copy in group.copies:
        told = [("evidence", copy.evidence.tier)]
        if copy.evidence.says:
            told.append(("what", _why(copy.evidence)))
        if copy.decided:
            told.append(("decided", "by you"))
        rows.append((keeper, _card(copy.image, copy.paths), told))
    return {"number": number, "reason": group.reason, "rows": rows}


def _card(info: ImageInfo, paths: Sequence[str]) -> Card:
    facts = [("size", f"{info.width} × {info.height}"), ("file", _size(info.bytes))]
    facts.append(("id", str(info.id)))
    if len(paths) > 1:
        facts.append(("files", f"{len(paths):,} alike"))
    return card_of(paths, facts, otherwise=f"image {info.id}")


def _size(count: int) -> str:
    size, unit = float(count), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
