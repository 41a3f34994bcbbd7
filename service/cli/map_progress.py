"""How far a map is, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.indexer.wording import counted
from vitrail.service.cli.progress import Display

if TYPE_CHECKING:
    from vitrail.service.operations.progress import MapProgress


class MapDisplay(Display):
    """Shows how far a map is.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, doing="reading vectors")

    def update(self, event: MapProgress) -> None:
        """Show what is done now."""
        told = f"{event.done:,} of {counted(event.total, 'image')}" if event.total else ""
        self._show(event.stage, event.done, event.total or None, told)

    def thumbnail(self, done: int, total: int) -> None:
        """Show how many thumbnails there are."""
        self._show("thumbnails", done, total, f"{done:,} of {total:,}")
