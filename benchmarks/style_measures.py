"""How much of a style an image has, and how much of its content, by the patches of a ViT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrail.generator.tasks.ground import coloured, foreground
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.images.preprocess import apply

EARLY = (1, 2, 3)
"""Layers that see colours and texture."""
LATE = 9
"""The layer that sees what is shown."""
_BATCH = 8

Floats = NDArray[np.float32]
Layers = dict[int, Floats]


def patches(encoder: Encoder, images: Sequence[Image.Image]) -> list[Layers]:
    """Of each image: layer -> (gh, gw, dim) float32, its patches' tokens."""
    found: list[Layers] = []
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH]
        pixels = np.stack([apply(encoder.preprocess, image) for image in part])
        layers = encoder.patch_tokens(pixels, [*EARLY, LATE]).layers
        found += [
            {layer: rows[place] for layer, rows in layers.items()} for place in range(len(part))
        ]
    return found


def style_distance(
    made: Layers, content: Image.Image, style: Layers, style_image: Image.Image
) -> float:
    """How far the Gram matrices of the early layers are from the style's, of the style's own norm.

    Gatys et al. 2016. The ground of the content and what is white of the style are left out.

    Args:
        made: tokens (gh, gw, dim) by layer of what was made of the content.
        content: RGB, whose ground is left out of ``made``.
        style: tokens (gh, gw, dim) by layer.
        style_image: RGB, of ``style``.
    """
    distances = []
    for layer in EARLY:
        own = _gram(made[layer], foreground(content, made[layer].shape[:2]))
        other = _gram(style[layer], coloured(style_image, style[layer].shape[:2]))
        distances.append(np.linalg.norm(own - other) / np.linalg.norm(other))
    return float(np.mean(distances))


def content_kept(made: Layers, content: Layers, image: Image.Image, centre: Floats) -> float:
    """Mean cosine of the late layer's patches to the content's at the same places, 1 as it was.

    Args:
        made: tokens (gh, gw, dim) by layer.
        content: likewise.
        image: RGB, of ``content``, whose ground is left out.
        centre: (dim,), mean of many images' tokens, without which any two are nearly alike.
    """
    own, other = (tokens[LATE] - centre for tokens in (made, content))
    lengths = np.linalg.norm(own, axis=-1) * np.linalg.norm(other, axis=-1)
    cosines = (own * other).sum(axis=-1) / lengths
    return float(np.average(cosines, weights=foreground(image, cosines.shape)))


def _gram(tokens: Floats, weights: Floats) -> NDArray[np.float64]:
    """Weighted mean of the products of all pairs of features, (dim, dim)."""
    rows = tokens.reshape(-1, tokens.shape[-1]).astype(np.float64)
    shares = weights.reshape(-1, 1).astype(np.float64)
    gram: NDArray[np.float64] = rows.T @ (rows * shares) / shares.sum()
    return gram
