"""Encoders: checkpoints and the runtimes that run them."""

from vitrail.indexer.encoders.base import Encoded, Encoder
from vitrail.indexer.encoders.loading import (
    DEFAULT_CHECKPOINT,
    EMBEDDED,
    load_encoder,
    read_fingerprint,
    read_labels,
)
from vitrail.indexer.fingerprint import Fingerprint

__all__ = [
    "DEFAULT_CHECKPOINT",
    "EMBEDDED",
    "Encoded",
    "Encoder",
    "Fingerprint",
    "load_encoder",
    "read_fingerprint",
    "read_labels",
]
