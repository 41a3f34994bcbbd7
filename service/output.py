"""Search results as a table for people or as JSON for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from service.vouching import vouch

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

if TYPE_CHECKING:
    from search.query import Hit, SearchResult
    from service.asking import Asked


def print_table(result: SearchResult) -> None:
    """Print hits, best first, one line each, and a line that says how far to trust them."""
    if not result.hits:
        print("no image passes the filter" if result.allowed == 0 else "no hits", file=sys.stderr)
    elif sys.stdout.isatty():
        _rich_table(result)
    else:
        for hit in result.hits:
            print("\t".join(_cells(hit)))
    for line in (trust(result), *vouch(result.evidence)):
        print(line, file=sys.stderr)


def trust(result: SearchResult) -> str:
    """One sentence: exact or approximate, and of how many."""
    kind = "exact"
    if not result.exact:
        recall = result.estimated_recall
        kind = "approximate" + (f", recall about {recall:.1%}" if recall is not None else "")
    parts = [kind, f"{result.candidates:,} vectors compared"]
    if result.allowed is not None:
        parts.append(f"{result.allowed:,} images pass the filter")
    return "; ".join(parts)


def print_json(asked: Asked, result: SearchResult) -> None:
    """Print one JSON object: query, how it was answered, and the hits."""
    document = {
        "query": asked.title,
        "exact": result.exact,
        "estimated_recall": result.estimated_recall,
        "candidates": result.candidates,
        "allowed": result.allowed,
        "evidence": asdict(result.evidence),
        "seconds": result.seconds,
        "hits": [_hit(hit) for hit in result.hits],
    }
    print(json.dumps(document, indent=2, default=str))


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": hit.score,
        "scores": hit.scores,
        "seed_ranks": list(hit.seed_ranks),
        "paths": [readable(path) for path in hit.paths],
        "metadata": {key: value for key, value in hit.metadata.items() if key != "paths"},
    }


def readable(path: str) -> str:
    """A path as valid text: bytes that are no UTF-8 are shown escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    """Text that may come from a file's name, fit for a terminal or a column of a line."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", readable(text))


def _cells(hit: Hit) -> list[str]:
    path = one_line(hit.paths[0]) if hit.paths else ""
    label = one_line(str(hit.metadata.get("label") or ""))
    return [f"{hit.score:.4f}", str(hit.id), label, path]


def _near(path: str) -> str:
    """A path as short as it can be typed from here."""
    here = os.path.join(os.getcwd(), "")
    return path[len(here) :] if path.startswith(here) else path


def _rich_table(result: SearchResult) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    spaces = list(result.hits[0].scores)
    for name in ("score", *(spaces if len(spaces) > 1 else ()), "id"):
        table.add_column(name, justify="right")
    table.add_column("label")
    table.add_column("path", overflow="fold")
    for hit in result.hits:
        score, image_id, label, path = _cells(hit)
        own = [f"{value:.3f}" for value in hit.scores.values()] if len(spaces) > 1 else []
        # Text: square brackets in a file's name are no markup
        table.add_row(score, *own, image_id, Text(label), Text(_near(path)))
    Console().print(table)
