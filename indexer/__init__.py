"""Images in, embeddings stored: decoding, scanning, encoders, and the collection."""

from vitrail.indexer import telemetry as _telemetry

_telemetry.switch_off()  # before anything of ours imports anything of others
