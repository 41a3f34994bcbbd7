"""Search results as a table for people or as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.tables import Column, Row, print_rows
from vitrail.service.cli.text import one_line as one_line
from vitrail.service.cli.text import readable as readable
from vitrail.service.cli.vouching import vouch

if TYPE_CHECKING:
    from vitrail.search.explanation import Explanation
    from vitrail.search.query import Group, Hit, Scale, SearchResult

_ALWAYS = ("score", "id", "label", "tool", "folder", "name", "path", "copies")
"""What the table shows already, or that says nothing beside the path."""


def print_table(
    result: SearchResult,
    shown: Sequence[str] = (),
    *,
    seeds: bool = False,
    explanations: Sequence[Explanation] = (),
) -> None:
    """Print hits in their order, and a line that says how far to trust them.

    For programs that is a line each, in columns that stay; for people a table, as wide as theirs,
    with the shares of spaces where they are explained and there are several.

    Args:
        result: what came of a search.
        shown: columns that people get to see beside the usual ones.
        seeds: whether it was asked by the images of one prompt.
        explanations: of the first hits, where they were asked for.
    """
    if not result.hits:
        print_nothing(f"no hits: {result.reason}", result.hints)
        if not result.candidates:  # nothing was compared that could be trusted or not
            return
    elif sys.stdout.isatty():
        _print_for_people(result, shown, explanations)
    else:
        for hit in result.hits:
            path = one_line(hit.paths[0]) if hit.paths else ""
            print("\t".join((f"{hit.score:.4f}", str(hit.id), _told(hit, "label"), path)))
    for line in (trust(result), *vouch(result.evidence, seeds=seeds)):
        print(line, file=sys.stderr)
    if result.next is not None:
        print(f"more: --after {result.next}", file=sys.stderr)


def shares_text(explained: Explanation) -> str:
    """Each space's share of a score, in the spaces' order: they sum to it."""
    return " + ".join(f"{share:.3f}" for share in explained.shares.values())


def print_nothing(reason: str, hints: Iterable[str]) -> None:
    """Say why there is nothing to show, and what a filter may have meant."""
    print(reason, file=sys.stderr)
    for hint in hints:
        print(f"  {one_line(hint)}", file=sys.stderr)


def copies(files: int) -> str:
    """That an image has more files than the one that is shown."""
    return f"(+{counted(files - 1, 'copy', 'copies')})" if files > 1 else ""


def rate(hit: Hit, scale: Scale | None) -> str:
    """How many pairs of unrelated images score as high; empty where that is not known."""
    return "" if hit.fpr is None or scale is None else scale.tell(hit.fpr)


def trust(result: SearchResult) -> str:
    """One sentence: exact or approximate, of how many."""
    kind = "exact"
    if not result.exact:
        kind = f"approximate, recall about {result.estimated_recall:.1%}"
    parts = [kind, f"{counted(result.candidates, 'vector')} compared"]
    if result.allowed is not None:
        parts.append(f"{counted(result.allowed, 'image passes', 'images pass')} the filter")
    return "; ".join(parts)


def _told(hit: Hit, column: str) -> str:
    value = hit.metadata[column]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value in (None, "") else one_line(str(value))


def held(group: Group | None) -> str:
    """How many more images a group has than the one that is shown."""
    if group is None or not group.more:
        return ""
    if group.by == "copies":
        return f"(+{counted(group.more, 'version')})"
    return f"(+{group.more:,} more)"


def _print_for_people(
    result: SearchResult, shown: Sequence[str], explanations: Sequence[Explanation]
) -> None:
    spaces = list(result.hits[0].scores)
    several = len(spaces) > 1
    shares = {one.id: shares_text(one) for one in explanations if several}
    more = [name for name in shown if name not in _ALWAYS]
    columns = [
        Column("score", number=True),
        *(Column(space, number=True) for space in spaces if several),
        Column("shares"),
        Column("fpr", number=True),
        Column("closeness"),
        Column("id", number=True),
        Column("label"),
        Column("tool"),
        *(Column(name, asked=True) for name in more),
    ]
    rows = [
        Row(
            (
                f"{hit.score:.4f}",
                *(f"{hit.scores[space]:.3f}" for space in spaces if several),
                shares.get(hit.id, ""),
                rate(hit, result.scale),
                hit.closeness or "",
                str(hit.id),
                _told(hit, "label"),
                _told(hit, "tool"),
                *(_told(hit, name) for name in more),
            ),
            hit.paths[0] if hit.paths else None,
            " ".join(filter(None, (copies(len(hit.paths)), held(hit.group)))),
        )
        for hit in result.hits
    ]
    print_rows(columns, rows)
