"""A collection of images in a few colours, in folders that are called by them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.operations.collection import Collection

COLOURS = {"red": (220, 30, 30), "green": (30, 210, 40), "blue": (40, 40, 220)}


def paint(folder: Path, each: int = 12, seed: int = 0, noise: float = 25) -> Path:
    """Images of each colour, each with noise of its own, and a copy of the first of each."""
    random = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            spots = random.normal(0, noise, (2, 2, 3)).repeat(8, 0).repeat(8, 1)
            pixels = np.clip(np.array(colour) + spots, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}-{number:02}.png")
            if not number:
                Image.fromarray(pixels).save(folder / name / f"{name}-copy.png", compress_level=1)
    return folder


def painted(directory: Path, encoder: ColourEncoder | None = None, each: int = 12) -> Collection:
    """A collection of these, labelled by their folders."""
    encoder = encoder or ColourEncoder()
    CollectionStore.create(directory / "collection", encoder.fingerprint).close()
    made = Collection.open(directory / "collection", encoder=encoder)
    made.index(paint(directory / "images", each), options=IndexOptions(label_from="parent"))
    return made


def kind_of(path: str) -> str:
    """The colour that an image was painted in."""
    return os.path.basename(os.path.dirname(path))
