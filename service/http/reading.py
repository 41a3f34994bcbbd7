"""A commit of a collection, read for one reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vitrail.service.documents.receipts import receipt_document
from vitrail.service.http.hosting import Hosted
from vitrail.service.operations.queries import origin_of

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot


class Reading:
    """One commit, and since when it is read.

    Attributes:
        commit: the snapshot.
    """

    def __init__(self, hosted: Hosted) -> None:
        self._places = hosted.places
        self._began = time.perf_counter()
        self.commit: Snapshot = hosted.collection.store.snapshot()

    def receipt(self, allowed: int | None = None) -> dict[str, Any]:
        """The receipt of a reply that is ready; ``allowed`` images passed its filter."""
        seconds = {"read": time.perf_counter() - self._began}
        origin = origin_of(self.commit)
        return receipt_document(origin, seconds, allowed=allowed, places=self._places)
