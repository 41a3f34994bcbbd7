"""An encoder of two spaces for the command line's tests; run as a script, that command line.

As a script it is ``vitrail`` with this encoder, which touches the file ``COLOURS_MARK`` when it is
at work, waits until the file ``COLOURS_GATE`` is there, and then takes ``COLOURS_DELAY`` seconds a
batch: another process can act meanwhile, however busy the machine is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes import ColourEncoder
from vitrail.indexer.encoders.base import Encoded
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import CheckpointError, InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import EmbeddingSpace

CHECKPOINT = "colours"
KNOWN = {"mean@1": 12, "mean@2": 4}


class TwoSpaceEncoder(ColourEncoder):
    """Quadrants' colours as ``mean@1``, and the brightness of each quadrant as ``mean@2``."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(CHECKPOINT)
        self.spaces = tuple(
            EmbeddingSpace(layer=int(name[-1]), pooling="mean", dim=KNOWN[name]) for name in names
        )

    @property
    def fingerprint(self) -> Fingerprint:
        return colour_fingerprint(CHECKPOINT, [space.name for space in self.spaces])

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        colours = super().encode(pixels).vectors["mean@1"]
        bright = pixels.reshape(-1, 2, 4, 2, 4, 3).mean(axis=(2, 4, 5)).reshape(len(pixels), 4)
        rows = (bright - 127.25).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        both = {"mean@1": colours, "mean@2": rows}
        return Encoded({space.name: both[space.name] for space in self.spaces}, None)


def colour_fingerprint(checkpoint: str, spaces: Sequence[str] = ()) -> Fingerprint:
    """As ``vitrail.indexer.encoders.read_fingerprint``: ``colours`` and ``colours-2`` are known."""
    if not checkpoint.startswith(CHECKPOINT):
        raise CheckpointError(f"checkpoint {checkpoint!r} is unknown; use {CHECKPOINT}")
    names = list(spaces or ["mean@1"])
    for name in names:
        if name not in KNOWN:
            raise InputError(f"space {name!r} is unknown; use {' or '.join(KNOWN)}")
    preprocess = ColourEncoder().preprocess.to_dict()
    return Fingerprint(
        checkpoint, checkpoint, preprocess, tuple((name, KNOWN[name]) for name in names)
    )


def load_colours(settings: EncoderSettings) -> TwoSpaceEncoder:
    """As ``vitrail.indexer.encoders.load_encoder``."""
    fingerprint = colour_fingerprint(settings.checkpoint, settings.spaces)
    return TwoSpaceEncoder([name for name, _ in fingerprint.spaces])


def _slow_command() -> None:
    from vitrail.indexer import encoders
    from vitrail.service.cli import main

    mark, gate = Path(os.environ["COLOURS_MARK"]), Path(os.environ["COLOURS_GATE"])

    def wait(_: int) -> None:
        mark.touch()
        while not gate.exists():
            time.sleep(0.01)
        time.sleep(float(os.environ["COLOURS_DELAY"]))

    def load(settings: EncoderSettings) -> TwoSpaceEncoder:
        encoder = load_colours(settings)
        encoder.before = wait
        return encoder

    encoders.load_encoder = load
    encoders.read_fingerprint = colour_fingerprint
    main()


if __name__ == "__main__":
    _slow_command()
