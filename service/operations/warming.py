"""What a long-lived reader loads before it is asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vitrail.indexer.errors import VitrailError

if TYPE_CHECKING:
    from vitrail.service.operations.searchable import Searchable

_log = logging.getLogger("vitrail")


def warm(collection: Searchable, *, encoder: bool = True) -> None:
    """Load what the first question would have to wait for: indexes, metadata, scales, the encoder.

    What cannot be had now is told by the log, and again by who asks for it.

    Args:
        collection: open; threads may ask it meanwhile.
        encoder: whether it is loaded, too, which images that are handed in wait for.
    """
    try:
        spaces = tuple(collection.store.default_weights)
        snapshot = collection.store.snapshot(*spaces)
        snapshot.warm()
        collection.calibrations.of(snapshot, spaces)
        if encoder and len(collection.store):
            _ = collection.encoder
    except (VitrailError, OSError, MemoryError) as error:
        _log.warning("not all could be loaded ahead: %s", error)
