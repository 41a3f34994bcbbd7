"""What a run of indexing did, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail.service.documents.plain import raw_paths

if TYPE_CHECKING:
    from vitrail.indexer.indexing.progress import IndexCounts


def counts_document(counts: IndexCounts) -> dict[str, Any]:
    """The counts, with paths' own bytes where text does not say them."""
    raw = {"unreadable_raw": counts.unreadable, "absent_raw": counts.absent}
    return counts.to_dict() | {name: raw_paths(paths) for name, paths in raw.items()}
