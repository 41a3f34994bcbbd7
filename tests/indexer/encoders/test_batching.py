from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoded, PatchTokens
from vitrail.indexer.encoders.batching import MAX_BATCH, batch_size_for, encode_resilient
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace


class MeanColour:
    """The vector is the mean colour; more than ``fits`` images at once are too many."""

    def __init__(self, fits: int = 100, image_size: int = 4) -> None:
        self.fits = fits
        self.image_size = image_size
        self.spaces = (EmbeddingSpace(0, "mean", 3),)
        self.preprocess = Preprocess(None, (4, 4), 2, None, (0, 0, 0), (1, 1, 1))
        self.fingerprint = Fingerprint("mean colour", "0", {}, (("mean@0", 3),))
        self.labels = ("r", "g", "b")
        self.runtime = "by hand"
        self.batches: list[int] = []

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        self.batches.append(len(pixels))
        if len(pixels) > self.fits:
            raise MemoryError
        colours = pixels.mean(axis=(1, 2)).astype(np.float32)
        return Encoded(vectors={"mean@0": colours}, logits=colours)

    def patch_tokens(self, pixels: NDArray[np.uint8], layers: Sequence[int]) -> PatchTokens:
        return PatchTokens(dict.fromkeys(layers, pixels.astype(np.float32)), 1)


def images(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)


@given(n=st.integers(1, 40), fits=st.integers(1, 40))
def test_halving_changes_no_result(n: int, fits: int) -> None:
    encoder = MeanColour(fits)
    halved = encode_resilient(encoder, images(n))
    whole = MeanColour().encode(images(n))
    np.testing.assert_array_equal(halved.vectors["mean@0"], whole.vectors["mean@0"])
    assert halved.logits is not None
    np.testing.assert_array_equal(halved.logits, whole.vectors["mean@0"])


def test_batches_are_halved_only_as_far_as_needed() -> None:
    encoder = MeanColour(fits=4)
    encode_resilient(encoder, images(8))
    assert encoder.batches == [8, 4, 4]


def test_one_image_that_does_not_fit_is_an_error_with_a_remedy() -> None:
    with pytest.raises(VitrailError, match=r"even one image.*smaller checkpoint"):
        encode_resilient(MeanColour(fits=0), images(3))


@given(less=st.integers(0, 1 << 36), more=st.integers(0, 1 << 36))
def test_batch_size_grows_with_memory(less: int, more: int) -> None:
    less, more = sorted((less, more))
    encoder = MeanColour(image_size=224)
    assert 1 <= batch_size_for(encoder, less) <= batch_size_for(encoder, more) <= MAX_BATCH


def test_batch_size_asks_the_system() -> None:
    assert 1 <= batch_size_for(MeanColour()) <= MAX_BATCH
