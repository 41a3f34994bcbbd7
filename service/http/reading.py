"""A commit of a collection, read for one reply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vitrail.indexer.errors import VitrailError
from vitrail.service.documents.receipts import receipt_document
from vitrail.service.http.hosting import Hosted
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.queries import origin_of

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot


class ReadOnlyError(VitrailError):
    """The service writes nothing."""

    code = "read-only"


class Reading:
    """One commit, and since when it is read.

    Attributes:
        commit: the snapshot.
    """

    def __init__(self, hosted: Hosted) -> None:
        self._began = time.perf_counter()
        self.commit: Snapshot = hosted.collection.store.snapshot()

    def receipt(self, allowed: int | None = None) -> dict[str, Any]:
        """The receipt of a reply that is ready; ``allowed`` images passed its filter."""
        seconds = {"read": time.perf_counter() - self._began}
        return receipt_document(origin_of(self.commit), seconds, allowed=allowed)


def check_writes(served: ServiceOptions) -> None:
    """Refuse to write where the service only reads.

    Raises:
        ReadOnlyError: it does.
    """
    if served.read_only:
        raise ReadOnlyError(
            "this service writes nothing", remedy="use the command line, or serve without read-only"
        )
