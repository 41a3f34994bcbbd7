"""How many images at once: chosen from memory, halved when it was too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.encoders.base import Encoded, Encoder
from vitrail.indexer.errors import VitrailError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BATCH = 32  # beyond it a kill loses more
SHARE = 0.25  # of the free memory; decoding and the index need theirs
_WIDEST = 24  # float32 copies of every token a block holds at its peak: qkv, MLP, residuals
_PATCH = 14  # the smallest patch in use, so the most tokens


def batch_size_for(encoder: Encoder, free_memory: int | None = None) -> int:
    """A batch size between 1 and ``MAX_BATCH`` that should fit.

    Args:
        encoder: its input size and width decide the need of one image.
        free_memory: bytes; ``None`` asks the system.
    """
    if free_memory is None:
        import psutil

        free_memory = int(psutil.virtual_memory().available)
    width = max(space.dim for space in encoder.spaces)
    tokens = (encoder.image_size // _PATCH + 1) ** 2
    need = tokens * width * 4 * _WIDEST + encoder.image_size**2 * 3 * 5
    fitting = max(1, int(free_memory * SHARE) // need)
    return min(MAX_BATCH, 1 << (fitting.bit_length() - 1))


def encode_resilient(encoder: Encoder, pixels: NDArray[np.uint8]) -> Encoded:
    """``encoder.encode``, halving the batch on MemoryError until it fits.

    Args:
        encoder: any runtime.
        pixels: (n, S, S, 3) uint8, n at least 1.

    Raises:
        VitrailError: a single image does not fit either.
    """
    try:
        return encoder.encode(pixels)
    except MemoryError as error:
        if len(pixels) <= 1:
            raise VitrailError(
                f"not enough memory to embed even one image with {encoder.runtime}: close other "
                f"programs, or use a smaller checkpoint or --precision bf16"
            ) from error
    # Outside of the handler, so that the failed attempt's frames are free before the next one.
    middle = len(pixels) // 2
    parts = [encode_resilient(encoder, half) for half in (pixels[:middle], pixels[middle:])]
    logits = [part.logits for part in parts if part.logits is not None]
    return Encoded(
        vectors={
            name: np.concatenate([part.vectors[name] for part in parts])
            for name in parts[0].vectors
        },
        logits=np.concatenate(logits) if logits else None,
    )
