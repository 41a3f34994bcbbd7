"""The Python API, over an encoder that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.collection.collection import Collection as Store
from indexer.errors import InputError
from search.collection import Collection
from search.query import SearchResult
from tests.fakes import ColourEncoder

COLOURS = {"red": (255, 0, 0), "crimson": (230, 0, 60), "blue": (0, 0, 255)}


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[Collection]:
    """Three pictures of one colour each."""
    for name, colour in COLOURS.items():
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"{name}.png")
    Store.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "collection") as opened:
        opened._encoder = ColourEncoder()
        opened.index(tmp_path)
        yield opened


def names(result: SearchResult) -> list[str]:
    return [Path(hit.paths[0]).stem for hit in result.hits]


def test_a_picture_an_image_and_vectors_are_asked_about_alike(
    pictures: Collection, tmp_path: Path
) -> None:
    red = Image.new("RGB", (4, 4), COLOURS["red"])
    by_picture = pictures.search(red, k=2)
    assert names(by_picture) == ["red", "crimson"]
    assert names(pictures.search(tmp_path / "red.png", k=2)) == ["red", "crimson"]
    assert names(pictures.find(pictures.embed(red), k=2)) == ["red", "crimson"]
    itself = by_picture.hits[0].id
    assert names(pictures.similar(itself, k=2)) == ["crimson", "blue"]
    both = pictures.find(pictures.embed(red), exclude=frozenset({itself}))
    assert names(both) == ["crimson", "blue"]


def test_options_reach_the_search_by_every_way(pictures: Collection) -> None:
    red = Image.new("RGB", (4, 4), COLOURS["red"])
    vectors = pictures.embed(red)
    itself = pictures.search(red).hits[0].id
    (space, *_) = vectors
    for where in ("path LIKE '%crimson%'", "path LIKE '%blue%'"):
        expected = ["crimson" if "crimson" in where else "blue"]
        assert names(pictures.search(red, where=where)) == expected
        assert names(pictures.similar(itself, where=where)) == expected
        assert names(pictures.find(vectors, where=where)) == expected
    assert names(pictures.search(red, min_score=0.9, spaces={space: 1.0})) == ["red", "crimson"]
    assert names(pictures.similar(itself, min_score=0.9, spaces={space: 1.0})) == ["crimson"]
    assert names(pictures.search(red, only="generated")) == []
    assert len(names(pictures.search(red, red, fusion="rrf", exact=True))) == 3


def test_what_cannot_be_asked_is_refused_before_anything_is_loaded(pictures: Collection) -> None:
    pictures._encoder = None  # loading this fingerprint's checkpoint would fail
    with pytest.raises(InputError, match="at least 1 hit"):
        pictures.search("missing.png", k=0)
    with pytest.raises(InputError, match="between -1 and 1"):
        pictures.search("missing.png", min_score=7)
    with pytest.raises(InputError, match="no picture was given"):
        pictures.search()
    with pytest.raises(InputError, match="no vectors for space nowhere"):
        pictures.find({"mean@1": np.ones((1, 3), np.float32)}, spaces={"nowhere": 1.0})
