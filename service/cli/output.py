"""Search results as a table for people or as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import named_paths, print_document
from vitrail.service.cli.tables import Column, Row, print_rows
from vitrail.service.cli.text import one_line as one_line
from vitrail.service.cli.text import readable as readable
from vitrail.service.cli.vouching import vouch

if TYPE_CHECKING:
    from vitrail.search.query import Hit, Scale, SearchResult
    from vitrail.service.operations.searching import SearchAnswer


def print_table(result: SearchResult) -> None:
    """Print hits, best first, and a line that says how far to trust them.

    For programs that is a line each, in columns that stay; for people a table, as wide as theirs.
    """
    if not result.hits:
        print_nothing(f"no hits: {result.reason}", result.hints)
        if not result.candidates:  # nothing was compared that could be trusted or not
            return
    elif sys.stdout.isatty():
        _print_for_people(result)
    else:
        for hit in result.hits:
            path = one_line(hit.paths[0]) if hit.paths else ""
            print("\t".join((f"{hit.score:.4f}", str(hit.id), _told(hit, "label"), path)))
    for line in (trust(result), *vouch(result.evidence)):
        print(line, file=sys.stderr)


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


def print_json(answer: SearchAnswer) -> None:
    """Print one JSON object: query, how it was answered, and the hits."""
    result = answer.result
    print_document(
        {
            "query": answer.query.title,
            "exact": result.exact,
            "estimated_recall": result.estimated_recall,
            "candidates": result.candidates,
            "allowed": result.allowed,
            "evidence": asdict(result.evidence),
            "scale": None if result.scale is None else asdict(result.scale),
            "reason": result.reason or None,
            "hints": list(result.hints),
            "seconds": result.seconds,
            "hits": [_hit(hit) for hit in result.hits],
        }
    )


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": hit.score,
        "scores": hit.scores,
        "fpr": hit.fpr,
        "closeness": hit.closeness,
        "seed_ranks": list(hit.seed_ranks),
        **named_paths(hit.paths),
        "metadata": {key: value for key, value in hit.metadata.to_dict().items() if key != "paths"},
    }


def _told(hit: Hit, column: str) -> str:
    return one_line(str(hit.metadata[column] or ""))


def _print_for_people(result: SearchResult) -> None:
    spaces = list(result.hits[0].scores)
    several = len(spaces) > 1
    columns = [
        Column("score", number=True),
        *(Column(space, number=True) for space in spaces if several),
        Column("fpr", number=True),
        Column("closeness"),
        Column("id", number=True),
        Column("label"),
        Column("tool"),
    ]
    rows = [
        Row(
            (
                f"{hit.score:.4f}",
                *(f"{hit.scores[space]:.3f}" for space in spaces if several),
                rate(hit, result.scale),
                hit.closeness or "",
                str(hit.id),
                _told(hit, "label"),
                _told(hit, "tool"),
            ),
            hit.paths[0] if hit.paths else None,
            copies(len(hit.paths)),
        )
        for hit in result.hits
    ]
    print_rows(columns, rows)
