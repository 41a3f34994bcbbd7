"""Encoders: checkpoints and the runtimes that run them."""

from vitrail.indexer.encoders.base import Encoded, Encoder, PatchTokens
from vitrail.indexer.encoders.loading import (
    check_runtime,
    load_encoder,
    read_fingerprint,
    read_labels,
)
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EMBEDDED, EncoderSettings

__all__ = [
    "DEFAULT_CHECKPOINT",
    "EMBEDDED",
    "Encoded",
    "Encoder",
    "EncoderSettings",
    "PatchTokens",
    "check_runtime",
    "load_encoder",
    "read_fingerprint",
    "read_labels",
]
