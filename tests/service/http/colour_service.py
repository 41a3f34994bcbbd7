"""A service to be killed, whose encoder can be worked out by hand; it commits often, and slowly."""

from __future__ import annotations

import multiprocessing.connection
import os
import time
from pathlib import Path

from tests.service.colours import TwoSpaceEncoder, colour_fingerprint, load_colours
from vitrail.indexer import encoders
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.indexing import committing, pipeline
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.serving import serve
from vitrail.service.operations import making

SECONDS = 0.02  # that a batch takes
BATCH, COMMIT = 2, 4  # images


def run(folder: Path, ready: multiprocessing.connection.Connection) -> None:
    """Serve the collections ``a`` and ``b`` of a folder until told to stop, or killed.

    It may index the root ``photos``, and draw by the checkpoint ``tiny``.

    Args:
        folder: of all that.
        ready: told the address.
    """
    os.environ["VITRAIL_CACHE"] = str(folder / "cache")

    def load(settings: EncoderSettings) -> TwoSpaceEncoder:
        encoder = load_colours(settings)
        encoder.before = lambda _: time.sleep(SECONDS)
        return encoder

    encoders.read_fingerprint = colour_fingerprint
    encoders.load_encoder = load
    committing.COMMIT_IMAGES = making.CHUNK = COMMIT
    pipeline.batch_size_for = lambda *_: BATCH  # type: ignore[attr-defined]
    options = ServiceOptions(
        {"a": folder / "a", "b": folder / "b"},
        folder / "state",
        port=0,
        roots={"photos": folder / "photos"},
        models={"tiny": str(folder / "tiny")},
        warm=False,
    )
    serve(options, lambda serving: ready.send(serving.address))
