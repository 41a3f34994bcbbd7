"""Questions by a part of an image that is seen within the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.derivation import whiten
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.base import Encoded
from vitrail.indexer.errors import InputError, UnusableImageError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import EmbeddingSpace, Pooling
from vitrail.search.boxes import Box
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.query_kinds import ImageQuery
from vitrail.service.operations.references import ImageFile, ImageId
from vitrail.service.operations.searching import search

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


class PatchEncoder(ColourEncoder):
    """The mean of the patches' colours; crops what is no square, as ViTs do."""

    def __init__(self, pooling: Pooling = "mean") -> None:
        super().__init__("patches")
        self.spaces = (EmbeddingSpace(layer=1, pooling=pooling, dim=3),)
        side = self.image_size
        self.preprocess = replace(self.preprocess, shortest_edge=side, size=None, crop=(side, side))

    @property
    def fingerprint(self) -> Fingerprint:
        own = ((self.spaces[0].name, 3),)
        return Fingerprint(self.name, self.name, self.preprocess.to_dict(), own)

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        tokens = self.patch_tokens(pixels, [1]).layers[1]
        rows = tokens.mean(axis=(1, 2))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Encoded({self.spaces[0].name: rows.astype(np.float32)}, None)


def paint(path: Path, *quarters: tuple[int, int, int], side: int = 32) -> Path:
    """Four quarters, from the upper left, row by row."""
    colours = np.array(quarters, np.uint8).reshape(2, 2, 3)
    Image.fromarray(colours.repeat(side // 2, 0).repeat(side // 2, 1)).save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in (("red", RED), ("blue", BLUE), ("green", GREEN)):
        paint(folder / f"{name}.png", *[colour] * 4)
    for number in range(40):
        shades = np.random.default_rng(number).integers(0, 256, (4, 3))
        paint(folder / f"{number:02}.png", *(tuple(shade) for shade in shades.tolist()))
    return folder


@pytest.fixture
def collection(tmp_path: Path, images: Path) -> Iterator[Collection]:
    CollectionStore.create(tmp_path / "collection", PatchEncoder().fingerprint).close()
    with Collection.open(tmp_path / "collection", encoder=PatchEncoder()) as opened:
        opened.index(images)
        yield opened


def nearest(collection: Collection, image: object, region: object, **words: object) -> str:
    (hit,) = collection.search(image, region=region, k=1, **words).hits  # type: ignore[arg-type]
    return Path(hit.paths[0]).stem


def test_a_region_asks_with_the_patches_in_it(collection: Collection, tmp_path: Path) -> None:
    mixed = paint(tmp_path / "mixed.png", RED, BLUE, GREEN, (9, 9, 9))
    assert nearest(collection, mixed, (0, 0, 16, 16)) == "red"
    assert nearest(collection, mixed, "50%,0%,50%,50%") == "blue"
    assert nearest(collection, Image.open(mixed), (0, 16, 16, 16)) == "green"
    query = ImageQuery(ImageFile(str(mixed)), region=Box(16, 0, 16, 16))
    answer = search(collection, query)
    assert answer.query.title == f"{mixed}, region 16,0,16,16"
    assert answer.query.images[0].caption == "part of mixed.png"
    by_python = collection.search(mixed, region=(16, 0, 16, 16))
    assert [(h.id, h.score) for h in answer.result.hits] == [
        (h.id, h.score) for h in by_python.hits
    ]


def test_a_region_of_all_is_the_image_and_of_the_collection_leaves_itself_out(
    collection: Collection, images: Path
) -> None:
    number = collection.store.resolve(str(images / "00.png"))
    whole = collection.search(number, region=(0, 0, 32, 32), k=5)
    plain = collection.search(number, k=5)
    assert [(h.id, h.score) for h in whole.hits] == [(h.id, h.score) for h in plain.hits]
    part = collection.search(number, region=(0, 0, 16, 16), k=50)
    assert number not in [hit.id for hit in part.hits]
    query = ImageQuery(ImageId(number), region=Box(0, 0, 16, 16))
    assert [hit.id for hit in search(collection, query).result.hits] == [
        hit.id for hit in part.hits[:10]
    ]
    paint(images / "00.png", RED, RED, RED, RED)
    with pytest.raises(UnusableImageError, match=f"image {number} can be read as it was indexed"):
        collection.search(number, region=(0, 0, 16, 16))


def test_a_region_is_asked_in_derived_spaces_and_beside_negatives(
    collection: Collection, tmp_path: Path, images: Path
) -> None:
    with CollectionStore.open(collection.store.directory, writable=True) as writer:
        whiten(writer, "mean@1")
    collection.store.refresh()
    mixed = paint(tmp_path / "mixed.png", RED, BLUE, GREEN, (9, 9, 9))
    assert nearest(collection, mixed, (0, 0, 16, 16), spaces={"mean@1/w": 1}) == "red"
    red = collection.store.resolve(str(images / "red.png"))
    plain = "name in ('blue.png', 'green.png')"
    assert nearest(collection, mixed, (0, 0, 32, 16), negative=[red], where=plain) == "blue"


def test_regions_that_cannot_be_asked_with_are_refused(
    collection: Collection, images: Path, tmp_path: Path
) -> None:
    red = images / "red.png"
    with pytest.raises(InputError, match="beyond the image of 32 x 32 pixels"):
        collection.search(red, region=(30, 0, 16, 16))
    with pytest.raises(InputError, match="2 images were given, and a region is of one"):
        collection.search(red, red, region=(0, 0, 16, 16))
    with pytest.raises(InputError, match="leave one of them out"):
        collection.search(red, region=(0, 0, 16, 16), box=(0, 0, 16, 16))
    with pytest.raises(InputError, match="leave one out"):
        ImageQuery(ImageFile(str(red)), Box(0, 0, 1, 1), Box(0, 0, 1, 1))
    wide = tmp_path / "wide.png"
    Image.new("RGB", (400, 100), RED).save(wide)
    with pytest.raises(InputError, match=r"crops this image to 150,0,100,100"):
        collection.search(wide, region=(0, 0, 100, 100))


def test_an_encoder_without_pooled_patches_names_what_to_do(tmp_path: Path, images: Path) -> None:
    encoder = PatchEncoder("cls")
    CollectionStore.create(tmp_path / "c", encoder.fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=encoder) as opened:
        opened.index(images)
        with pytest.raises(InputError, match=r"cls@1 none is: give a box .*--space mean@1"):
            opened.search(images / "red.png", region=(0, 0, 16, 16))
