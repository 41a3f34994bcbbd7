"""Encoders: checkpoints and the runtimes that run them."""

from vitrail.indexer.encoders.base import Encoded, EncodedTexts, Encoder, PatchTokens, TextEncoder
from vitrail.indexer.encoders.loading import (
    check_runtime,
    load_encoder,
    load_text_encoder,
    read_fingerprint,
    read_labels,
)
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EMBEDDED, EncoderSettings

__all__ = [
    "DEFAULT_CHECKPOINT",
    "EMBEDDED",
    "Encoded",
    "EncodedTexts",
    "Encoder",
    "EncoderSettings",
    "PatchTokens",
    "TextEncoder",
    "check_runtime",
    "load_encoder",
    "load_text_encoder",
    "read_fingerprint",
    "read_labels",
]
