"""What the commands about embedding spaces print."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.documents import print_document
from vitrail.service.cli.reports import in_bytes

if TYPE_CHECKING:
    from vitrail.indexer.collection.collection_info import SpaceInfo
    from vitrail.service.operations.spaces import SpaceList, Whitened

_HEADS = ("space", "from", "width", "default", "index", "on disk")
_NUMBERS = {"width", "default", "on disk"}


def print_spaces(listed: SpaceList, *, as_json: bool) -> None:
    """Print the spaces as a table, or as JSON."""
    if as_json:
        print_document({name: asdict(space) for name, space in listed.spaces.items()})
        return
    rows = [_HEADS, *(_cells(name, space) for name, space in listed.spaces.items())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
    for row in rows:
        cells = (
            f"{cell:>{width}}" if head in _NUMBERS else f"{cell:<{width}}"
            for cell, width, head in zip(row, widths, _HEADS, strict=True)
        )
        print("  ".join(cells).rstrip())


def _cells(name: str, space: SpaceInfo) -> tuple[str, ...]:
    source = "encoder"
    if space.base is not None:
        source = f"{space.base}, on {counted(space.fitted_rows, 'image')}"
    return (
        name,
        source,
        f"{space.dim:,}",
        f"{space.share:.0%}" if space.share else "-",
        space.index or "not saved",
        in_bytes(space.bytes),
    )


def print_whitened(made: Whitened, *, default: bool) -> None:
    """Say what was derived, and how it is used."""
    space = made.space
    print(
        f"{space.name}: {counted(space.dim, 'dimension')}, fitted on "
        f"{counted(space.fitted_rows, 'image')}"
    )
    if default:
        print("searches use it where --space is not given")
    else:
        print(
            f'search by it with --space {space.name}, or always after "vitrail spaces --default '
            f'{space.name}"'
        )
    if not made.calibrated:
        print('copies are told from look-alikes in it after "vitrail calibrate"')
