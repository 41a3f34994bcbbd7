"""Searching as an operation: types for what a client names, events instead of printing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.search.boxes import Box
from vitrail.search.images import cut, read_pixels
from vitrail.search.options import SearchOptions
from vitrail.service.cli.references import read_query_image
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import Event, QueryProgress
from vitrail.service.operations.query_kinds import ImageQuery, MixedQuery, VectorQuery
from vitrail.service.operations.references import (
    ContentHash,
    ImageBytes,
    ImageFile,
    ImageId,
    ImageReference,
    IndexedPath,
    StoredImage,
    find_image,
)
from vitrail.service.operations.searching import search

COLOURS = {"red": (255, 0, 0), "crimson": (230, 0, 60), "blue": (0, 0, 255)}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (16, 16), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def collection(tmp_path: Path, images: Path) -> Iterator[Collection]:
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as opened:
        opened.index(images)
        yield opened


def names(collection: Collection, image: ImageReference, **options: Any) -> list[str]:
    result = search(collection, ImageQuery(image), SearchOptions(k=2, **options)).result
    return [Path(hit.paths[0]).stem for hit in result.hits]


def stored(collection: Collection, images: Path) -> list[StoredImage]:
    """The red image by all that names it."""
    image_id = collection.store.resolve(str(images / "red.png"))
    (row,) = collection.store.metadata([image_id])
    return [
        ImageId(image_id),
        IndexedPath(str(images / "red.png")),
        IndexedPath("images/red.png"),
        IndexedPath("red.png"),
        ContentHash(row["content_hash"]),
        ContentHash(row["content_hash"][:6].upper()),
    ]


def test_an_image_is_named_by_a_type_and_an_indexed_one_leaves_itself_out(
    collection: Collection, images: Path
) -> None:
    file = images / "red.png"
    assert names(collection, ImageFile(str(file))) == ["red", "crimson"]
    assert names(collection, ImageBytes(file.read_bytes())) == ["red", "crimson"]
    for image in stored(collection, images):
        assert names(collection, image) == ["crimson", "blue"], image


def test_no_text_of_a_client_opens_a_file_of_the_server(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there and is an image, and still it is none of the collection."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (16, 16), (255, 0, 0)).save(secret)
    monkeypatch.chdir(tmp_path)
    assert names(collection, read_query_image(collection.store, "secret.png")), "a shell may"
    for image in (IndexedPath(str(secret)), IndexedPath("secret.png"), ContentHash(str(secret))):
        with pytest.raises(UnknownImageError, match="names no image of this collection") as raised:
            search(collection, ImageQuery(image))
        assert raised.value.code == "not-found"
    with pytest.raises(UnknownImageError, match="the id '77'"):
        search(collection, ImageQuery(ImageId(77)))


def test_a_path_and_a_hash_are_not_taken_for_one_another(
    collection: Collection, images: Path
) -> None:
    digits = stored(collection, images)[-1]
    with pytest.raises(UnknownImageError):
        find_image(collection.store, IndexedPath(str(digits)))
    with pytest.raises(UnknownImageError):
        find_image(collection.store, ContentHash("red.png"))
    with pytest.raises(UnknownImageError):
        find_image(collection.store, IndexedPath("1"))


def test_unusable_images_are_named(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    for image, name in (
        (ImageFile(str(tmp_path / "text.png"), "~/text.png"), "'~/text.png'"),
        (ImageBytes(b"no image", "the upload"), "the upload"),
    ):
        with pytest.raises(InputError, match=f"^{name} cannot be used: .*give an image file"):
            search(collection, ImageQuery(image))
    with pytest.raises(InputError, match="the image was empty"):
        search(collection, ImageQuery(ImageBytes(b"")))


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 2500), st.integers(1, 2500), st.integers(0, 99))
def test_a_box_of_the_whole_is_the_image_bit_for_bit(width: int, height: int, seed: int) -> None:
    """Also of a large JPEG, which is decoded smaller where all of it is meant."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(file, "JPEG")
    data, encoder = file.getvalue(), ColourEncoder()
    for box in (Box(0, 0, width, height), Box(0, 0, 100, 100, percent=True)):
        assert cut(data, box) is None
    part = cut(data, Box(0, 0, width, max(1, height // 2)))
    assert part is None or part.size == (width, max(1, height // 2))
    assert read_pixels(data, encoder.preprocess).shape == (8, 8, 3)


def test_images_vectors_and_a_box_are_one_question(collection: Collection, images: Path) -> None:
    red, blue = ImageFile(str(images / "red.png")), ImageId(1)
    rows = collection.embed(images / "crimson.png")
    whole = Box(0, 0, 16, 16)
    query = MixedQuery((ImageQuery(red, whole), VectorQuery(rows)), (ImageQuery(blue),))
    answer = search(collection, query, SearchOptions(k=3))
    assert (
        answer.query.title
        == f"{images / 'red.png'} and vectors, not image 1, "
        + Path(str(collection.store.metadata([1])[0].path)).name
    )
    assert 1 not in [hit.id for hit in answer.result.hits], "what is asked against is no answer"
    plain = collection.search(images / "red.png", images / "crimson.png", negative=[1], k=3)
    assert [(h.id, h.score) for h in plain.hits] == [(h.id, h.score) for h in answer.result.hits]
    assert [image.negative for image in answer.query.images] == [False, True]
    with pytest.raises(InputError, match="nothing was given"):
        MixedQuery(())


def test_vectors_are_asked_with_as_they_are(collection: Collection, images: Path) -> None:
    rows = collection.embed(images / "red.png", images / "crimson.png")
    answer = search(collection, VectorQuery(rows, frozenset({1})), SearchOptions(k=3))
    assert {hit.id for hit in answer.result.hits} == {2, 3}
    with pytest.raises(InputError, match="has length 3"):
        search(collection, VectorQuery({name: 3 * row for name, row in rows.items()}))
    wide = {name: np.zeros((1, 5), np.float32) for name in rows}
    with pytest.raises(InputError, match="has shape"):
        search(collection, VectorQuery(wide))


def test_it_tells_where_it_is_and_prints_nothing(
    collection: Collection, images: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []
    query = ImageQuery(ImageFile(str(images / "red.png")))
    answer = search(collection, query, progress=events.append)
    assert events == [QueryProgress("embedding"), QueryProgress("searching")]
    assert answer.query.images[0].caption == "red.png"
    assert answer.query.images[0].path == str(images / "red.png")
    assert capfd.readouterr() == ("", "")
