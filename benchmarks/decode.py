"""Decoding large JPEGs scaled down: how much faster, and how little the embedding moves.

Run: ``python -m benchmarks.decode [FOLDER]``; without a folder it makes photo-like pictures.
Prints, for every margin, the time to pixels beside the full decode's, the share of the pictures
that libjpeg scaled at all, and the cosine between the embeddings of both (mean and least).
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images import opening as images
from vitrail.indexer.images import pixels
from vitrail.indexer.images.preprocess import apply
from vitrail.indexer.indexing.globs import PathFilter
from vitrail.indexer.indexing.scan import FoundFile, Walk

MARGINS = (1.0, 1.5, 2.0, 3.0)
SIZES = ((1600, 1200), (3000, 2000), (4032, 3024))


def made_pictures(count: int) -> list[bytes]:
    """JPEGs with a photograph's spectrum (amplitude 1/f): detail on every scale, and an edge."""
    rng = np.random.default_rng(0)
    return [_made_picture(rng, SIZES[i % len(SIZES)]) for i in range(count)]


def _made_picture(rng: np.random.Generator, size: tuple[int, int]) -> bytes:
    width, height = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(rng.standard_normal((height, width)))
        plane = np.fft.irfft2(noise / frequency, s=(height, width))
        planes.append(plane / plane.std())
    shared = planes[0][..., None]
    pixels = 128 + 45 * (0.8 * shared + 0.4 * np.stack(planes, axis=-1))
    pixels[rng.integers(height) :, : rng.integers(1, width)] *= 0.6
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def folder_pictures(folder: str, count: int) -> list[bytes]:
    """The largest JPEGs of a folder."""
    walk = Walk(os.path.abspath(folder), PathFilter(["*.jpg", "*.jpeg"]))
    found = [item for item in walk if isinstance(item, FoundFile)]
    found.sort(key=lambda item: -item.size)
    return [Path(item.path).read_bytes() for item in found[:count]]


def measure(
    pictures: Sequence[bytes], encoder: Encoder, margin: float | None
) -> tuple[dict[str, NDArray[np.float32]], float, float]:
    """Vectors by space, seconds to decode and preprocess, and the share that was scaled."""
    spec, batch, scaled = encoder.preprocess, [], 0
    target = None if margin is None else spec.target
    started = time.perf_counter()
    with mock.patch.object(pixels, "SCALED_MARGIN", margin or 1.0):
        for data in pictures:
            opened = images.open_image(data, target=target)
            scaled += opened.image.width * opened.image.height < opened.width * opened.height
            batch.append(apply(spec, opened.image, (opened.width, opened.height)))
    seconds = time.perf_counter() - started
    parts = [encoder.encode(np.stack(batch[i : i + 8])).vectors for i in range(0, len(batch), 8)]
    vectors = {space: np.concatenate([part[space] for part in parts]) for space in parts[0]}
    return vectors, seconds, scaled / len(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="JPEGs to use instead of made ones")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--checkpoint", default="dinov2-small-focus")
    options = parser.parse_args()
    try:
        pictures = (
            folder_pictures(options.folder, options.count)
            if options.folder
            else made_pictures(options.count)
        )
    except ImageRejectedError as error:
        raise SystemExit(str(error)) from error
    encoder = load_encoder(EncoderSettings(options.checkpoint))
    print(f"{len(pictures)} JPEGs, {encoder.fingerprint.describe()}, {encoder.runtime}")
    print(f"{os.cpu_count()} cores, Pillow {PIL.__version__}, target {encoder.preprocess.target}")
    full, slow, _ = measure(pictures, encoder, None)
    print(f"full decode   {1000 * slow / len(pictures):7.1f} ms an image")
    for margin in MARGINS:
        vectors, seconds, share = measure(pictures, encoder, margin)
        line = f"margin {margin:3.1f}    {1000 * seconds / len(pictures):7.1f} ms, "
        line += f"{slow / seconds:4.1f} x as fast, {share:4.0%} scaled"
        for space in full:
            cosines = (full[space] * vectors[space]).sum(axis=1)
            line += f"; {space} cosine mean {cosines.mean():.5f} least {cosines.min():.5f}"
        print(line)


if __name__ == "__main__":
    main()
