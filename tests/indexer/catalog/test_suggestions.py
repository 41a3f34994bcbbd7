"""A filter that lets nothing through says which of its conditions is true of no image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, image
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch

PICTURES = [
    replace(image(1, width=100), format="HEIF", camera="Canon EOS R6", keywords=("sea", "sand")),
    replace(image(2, width=900), format="JPEG", camera="NIKON Z6", taken_at=datetime(2024, 5, 6)),
    image(3, width=500),
]
FILES = [
    file("/home/me/Pictures/foxes/a.jpg", 1, label="fox"),
    file("/home/me/Pictures/owls/b.jpg", 2, label="owl"),
    file("/home/me/Pictures/it's/c.jpg", 3, label="it's"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("suggestions") / "c"
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch(PICTURES, FILES))
    return place


@pytest.fixture(params=["reader", "warm", "writer"])
def collection(made: Path, request: pytest.FixtureRequest) -> Iterator[CollectionStore]:
    """One that has answered nothing yet."""
    with CollectionStore.open(made, writable=request.param == "writer") as opened:
        if request.param == "warm":
            opened.warm()
        yield opened


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("format = 'HEIC'", ["no format is 'HEIC'; nearest: 'HEIF' (1)"]),
        ("camera = 'Canon'", ["no camera is 'Canon'; nearest: 'Canon EOS R6' (1)"]),
        ("folder = 'foxes'", ["no folder is 'foxes'; nearest: '/home/me/Pictures/foxes' (1)"]),
        (
            "folder = './foxes/'",
            ["no folder is './foxes/'; nearest: '/home/me/Pictures/foxes' (1)"],
        ),
        ("label = 'FOX'", ["no label is 'FOX'; nearest: 'fox' (1)"]),
        ("'foxx' = label", ["no label is 'foxx'; nearest: 'fox' (1)"]),
        ("label = 'its'", ["no label is 'its'; nearest: 'it''s' (1)"]),
        ("label in ('owll', 'zebra')", ["'owl' (1)", "no label is 'zebra'; there is"]),
        ("label like 'Fo%'", ["no label is like 'Fo%'; nearest: 'fox' (1)"]),
        ("'beach' in keywords", ["'beach' is in no keywords; there is 's"]),
        ("list_contains(keywords, 'Sea')", ["'Sea' is in no keywords; nearest: 'sea' (1)"]),
        ("width > 5000", ["width is from 100 to 900 here"]),
        ("width between 1000 and 2000", ["width is from 100 to 900 here"]),
        ("taken_at >= date '2030-01-01'", ["taken_at is from 2024-05-06 00:00:00 to 2024"]),
        ("5000 < width", ["width is from 100 to 900 here"]),
        ("rating > 3", ["rating is empty in every image"]),
        ("label = 'owl' and width < 500", ["each condition is true of some image"]),
        ("(label = 'foxx' and width > 3) and not generated", ["nearest: 'fox' (1)"]),
        ("lower(label) = 'zebra'", []),
        ("not label is not null", []),
    ],
)
def test_the_nearest_values_are_named(
    collection: CollectionStore, where: str, says: list[str]
) -> None:
    assert collection.allowed_ids(where).tolist() == []
    lines = collection.suggest(where)
    assert bool(lines) == bool(says), lines
    for words in says:
        assert any(words in line for line in lines), lines
