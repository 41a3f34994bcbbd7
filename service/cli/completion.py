"""What a shell offers after an option: its values, where it would offer files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

Completer = Callable[[str], list[str]]
CHECKPOINTS = ("dinov2-small-focus", "google/vit-base-patch16-224")
USUAL_SPACES = ("cls@12", "mean@12", "gem@12", "mean@9", "gem@9", "mean@6")


def values(*known: str) -> Completer:
    """Offers these values."""

    def complete(incomplete: str) -> list[str]:
        return [value for value in known if value.startswith(incomplete)]

    return complete


def collection_spaces(context: typer.Context, incomplete: str) -> list[str]:
    """Offers the collection's spaces, also after a comma; usual ones where there is none yet."""
    before, comma, begun = incomplete.rpartition(",")
    taken = {part.partition(":")[0] for part in before.split(",")}
    known = _spaces(context.params.get("collection")) or USUAL_SPACES
    return [before + comma + name for name in known if name.startswith(begun) and name not in taken]


def _spaces(collection: Path | None) -> list[str]:
    from vitrail.service.cli.options import collection_directory  # which offers what is made here
    from vitrail.service.operations.spaces import glimpse_spaces

    return glimpse_spaces(collection_directory(collection))
