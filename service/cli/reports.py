"""What the maintenance commands print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.kinds import in_words
from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.folders import waiting_line, words
from vitrail.service.cli.tables import print_path, print_remark
from vitrail.service.cli.text import one_line, readable
from vitrail.service.documents.lineage import lineage_document
from vitrail.service.documents.plain import named_path, named_paths

if TYPE_CHECKING:
    from vitrail.indexer.catalog.annotations import AnnotationReport
    from vitrail.indexer.catalog.retyping import StillText
    from vitrail.indexer.collection.findings import Report
    from vitrail.indexer.collection.losses import Losses
    from vitrail.indexer.records import RejectRecord
    from vitrail.service.operations.lineage import Lineage
    from vitrail.service.operations.maintaining import Repaired
    from vitrail.service.operations.reproducing import Reproduced

_SHOWN = 20  # lines of a list before the rest is only counted
_CHECKS = {  # when the checksums of a saved index's vectors are compared
    "at load": "checksums compared at every load",
    "by block": "checksums compared block by block at first reading",
    "at first use": "checksum compared at first use: older make, saved anew in time",
}


def print_info(info: dict[str, Any], *, as_json: bool) -> None:
    """Print a collection's description as aligned lines or as JSON."""
    if as_json:
        print_document(info)
        return
    rows = [
        ("collection", info["directory"]),
        ("encoder", info["encoder"]),
        *(("filled also by", told) for told in info["siblings"]),
        ("images", f"{info['images']:,} ({info['generated']:,} generated)"),
        ("files", f"{info['files']:,} ({info['missing_files']:,} missing on disk)"),
        ("waiting", _waiting(info["waiting"])),
        ("rejects", f"{info['rejects']:,}"),
        *(("folder", _folder(root)) for root in info["roots"]),
        *((f"space {name}", _space(space)) for name, space in info["spaces"].items()),
        ("annotations", _columns(info["annotations"])),
        (
            "segments",
            f"{info['segments']:,} (format {info['format']}, {counted(info['commits'], 'commit')})",
        ),
        ("on disk", _sizes(info["bytes"])),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        if name == "collection":
            print_path(str(value), f"{name:<{width}}  ")
        else:
            print_remark(str(value), f"{name:<{width}}  ")


def _columns(kinds: dict[str, str]) -> str:
    return ", ".join(f"{name} ({in_words(kind)})" for name, kind in kinds.items()) or "none"


def _waiting(waiting: dict[str, Any]) -> str:
    return waiting_line(waiting["images"], waiting["grace_days"], waiting["first_until"])


def _folder(root: dict[str, Any]) -> str:
    said = words(root["options"])
    return one_line(root["path"]) + (f"  {said}" if said else "")


def _space(space: dict[str, Any]) -> str:
    told = f"{counted(space['dim'], 'dimension')}, index {space['index'] or 'not saved yet'}"
    if space["base"]:
        told = f"from {space['base']}, fitted on {counted(space['fitted_rows'], 'image')}; {told}"
    if space["share"]:
        told += f", {space['share']:.0%} of a score by default"
    return f"{told}, {_CHECKS[space['checks']]}" if space["checks"] else told


def _sizes(sizes: dict[str, int]) -> str:
    """The whole, then its parts from the largest down."""
    parts = sorted((size, name) for name, size in sizes.items() if name != "total" and size)
    told = ", ".join(f"{name} {in_bytes(size)}" for size, name in reversed(parts))
    return f"{in_bytes(sizes['total'])} ({told})"


def in_bytes(count: float) -> str:
    """A size as people read it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def print_annotation_report(report: AnnotationReport) -> None:
    """Print what was joined, and the first rows that named no image."""
    print(
        one_line(f"{counted(report.matched, 'image')} annotated with {', '.join(report.columns)}")
    )
    lines = [f"row {row.row}: {row.path}: {row.reason}" for row in report.unmatched]
    _print_some(lines, "row without an image", "rows without an image", rest="")
    for odd in report.oddities:
        others = f" and {odd.cells - 1:,} more" if odd.cells > 1 else ""
        what = f"row {odd.row} of column {odd.column} is no number: {odd.text[:80]!r}{others}"
        text = "so the column is text, until a number is put there; --numbers leaves it empty"
        print(one_line(f"{what}; {'left empty' if odd.emptied else text}"), file=sys.stderr)
    for one in report.retyped:
        before, after = in_words(one.before), in_words(one.after)
        if before == after:  # whole numbers among others
            continue
        told = f"column {one.column} was {before} and is {after} now"
        remedy = '; --where "try_cast(COLUMN as double) > 3" still compares its numbers'
        numbers = (before, after) == ("number", "text")
        print(one_line(told + (remedy if numbers else "")), file=sys.stderr)
    for still in report.still_text:
        print(one_line(_still_text(still)), file=sys.stderr)


def _still_text(still: StillText) -> str:
    kind, others = in_words(still.kind), still.cells - 1
    more = f" and in {counted(others, 'more image')}" if others else ""
    where = f"of {still.path}" if still.path else "of an image whose files are gone"
    return (
        f"column {still.column} stays text, for it holds {still.text[:80]!r}, which is no {kind}, "
        f"in the row {where}{more}; annotate these with a {kind} or with nothing, and it is {kind} "
        "again"
    )


def print_rejects(rejects: Sequence[RejectRecord], *, as_json: bool) -> None:
    """Print the rejects: for programs reason, path and detail in columns, for people path first."""
    if as_json:
        print_document([asdict(record) | named_path(record.path) for record in rejects])
        return
    for record in rejects:
        if sys.stdout.isatty():
            print_path(record.path)
            print_remark(f"{record.reason}: {record.detail}")
        else:
            print("\t".join(map(one_line, (record.reason, record.path, record.detail))))
    print(f"{len(rejects)} rejected", file=sys.stderr)


def print_report(report: Report, *, as_json: bool) -> None:
    """Print what verify found."""
    if as_json:
        print_document(_report(report))
        return
    damage = [f"{item.part} {item.file}: {item.problem}" for item in report.damage]
    unreadable = [f"{item.part} {item.file}: {item.problem}" for item in report.unreadable]
    changed = [f"{item.file}: {item.problem}" for item in report.findings if item.part == "file"]
    _print_some(damage, "finding")
    blocked = "cannot be read now, which is no sign of damage"
    _print_some(unreadable, f"part that {blocked}", f"parts that {blocked}")
    _print_some(
        changed,
        "file changed on disk; index its folder again",
        "files changed on disk; index their folders again",
    )
    looked = [
        counted(report.images, "image"),
        counted(report.segments, "segment"),
        counted(report.files, "file"),
    ]
    print(f"{', '.join(looked)}: {_verdict(report)}")


def _report(report: Report) -> dict[str, Any]:
    """A report for programs: a finding about a file on disk names it as all paths are named."""
    findings = [
        asdict(item)
        | {"file": readable(item.file)}
        | named_path(item.file if item.part == "file" else None)
        for item in report.findings
    ]
    return asdict(report) | {"findings": findings, "clean": report.clean}


def _verdict(report: Report) -> str:
    if report.damage:
        return "damaged; mend it with --repair"
    return "not all of it could be read" if report.unreadable else "no damage"


def print_losses(losses: Losses) -> None:
    """Print what a repair is about to give up, to standard error, where the question is asked."""
    sections: dict[str, Sequence[str]] = {
        "Files of the collection that nothing can replace": [
            f"{name}: {problem}" for name, problem in losses.files
        ],
        "Images that leave, until their folders are indexed again": losses.images,
        "Of these, not on disk any more and lost for good": losses.lost,
        "Files with which images would have come back, to be embedded again": losses.waiting,
        "Of which no copy is left": losses.knowledge,
    }
    for title, lines in sections.items():
        if lines:
            print(f"{title} ({len(lines)}):", file=sys.stderr)
        for line in lines[:_SHOWN]:
            print(f"  {one_line(line)}", file=sys.stderr)
        if len(lines) > _SHOWN:
            print(f"  and {len(lines) - _SHOWN} more", file=sys.stderr)
    if losses.annotated:
        print(f"Images lost for good with annotations: {losses.annotated}", file=sys.stderr)


def print_repair(done: Repaired, *, as_json: bool) -> None:
    """Print what repair did, what is to be indexed again, and what verify says now."""
    if as_json:
        paths = named_paths(done.reopen)
        print_document(
            {
                "actions": [readable(action) for action in done.actions],
                "reopen": paths["paths"],
                "reopen_raw": paths["paths_raw"],
                "report": _report(done.report) if done.report else None,
            }
        )
        return
    for action in done.actions or ["nothing needed mending"]:
        print(one_line(action))
    if done.reopen:
        _print_some(done.reopen, "file to index again", "files to index again")
    if done.report is not None:
        print_report(done.report, as_json=False)


def print_reproduction(done: Reproduced) -> None:
    """Print bytes, pixels and embeddings compared, and what changed since."""
    print(f"bytes   {'the same' if done.bytes_equal else 'differ'}")
    print(f"pixels  {'the same' if done.pixels_equal else 'differ'}")
    for space, cosine in done.cosines.items():
        print(f"{space}  cosine {cosine:.6f}")
    for name, then, now in done.versions:
        print(one_line(f"{name} was {then or 'unknown'}, is {now or 'unknown'}"))


def print_lineage(lineage: Lineage, *, as_json: bool) -> None:
    """Print an image's recipe, what it was made from, and what was made from it."""
    row, parents, children = lineage.image, lineage.parents, lineage.children
    if as_json:
        print_document(lineage_document(lineage))
        return
    _print_named(f"image {row.id}  ", row.paths)
    recipe = row.recipe or {}
    for name, value in recipe.items():
        # a seed of 0 is told, what is empty is not
        if name not in ("parents", "versions") and (value or type(value) in (int, float)):
            print_remark(f"{name}: {value_in_words(value)}")
    if not recipe:
        print_remark("no recipe: not generated, or made by a tool that wrote none")
    for title, relatives in (("made from", parents), ("made from it", children)):
        for one in relatives:
            which = one.id or one.content_hash[:12]
            paths = one.metadata.paths if one.metadata else None
            _print_named(f"{title}: {one.role} {which}  ", paths)


def value_in_words(value: Any) -> str:
    """A recipe's value as people write it, parts of parts in brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_part(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_part, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _part(value: Any) -> str:
    parts = isinstance(value, list) and len(value) > 1
    return f"[{value_in_words(value)}]" if parts else value_in_words(value)


def _print_named(before: str, paths: Sequence[str] | None) -> None:
    if paths:
        print_path(paths[0], before)
    else:
        print(one_line(f"{before}not in this collection"))


def _print_some(
    lines: Sequence[str], one: str, many: str | None = None, rest: str = "; --json lists all"
) -> None:
    if not lines:
        return
    print(f"{counted(len(lines), one, many)}:")
    for line in lines[:_SHOWN]:
        print(f"  {one_line(line)}")
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN} more{rest}")
