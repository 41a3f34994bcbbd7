"""A service of a collection of five colours, asked through the application's own door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.search.duplicates.drawing import draw
from tests.service.colours import CHECKPOINT, colour_fingerprint, load_colours
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A collection for all tests of a module: thirty shades, and a drawing with its copy.

    They lie in the folders ``a`` and ``b``, by which they are labelled. The encoder that is worked
    out by hand is everybody's meanwhile.
    """
    folder = tmp_path_factory.mktemp("shades")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "read_fingerprint", colour_fingerprint)
        patch.setattr(encoders, "load_encoder", load_colours)
        for name in "ab":
            (folder / name).mkdir()
        for number in range(30):
            shade = Image.new("RGB", (16, 16), (8 * number, 5, 250 - 8 * number))
            shade.save(folder / "ab"[number % 2] / f"{number}.png")
        draw(1).save(folder / "a" / "beach.png")
        draw(1).save(folder / "b" / "beach-copy.bmp")
        with Collection.create(folder / "collection", checkpoint=CHECKPOINT) as made:
            made.index(folder / "a", folder / "b", options=IndexOptions(label_from="parent"))
        yield folder / "collection"


@pytest.fixture
def options(vitrail: Vitrail, folder: Path, tmp_path: Path) -> ServiceOptions:
    """A service of the five colours, indexed."""
    vitrail.index(folder)
    return ServiceOptions({"colours": vitrail.home}, tmp_path / "state")


@pytest.fixture
def client(options: ServiceOptions) -> Iterator[TestClient]:
    """Asks it as a program on this machine does."""
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        yield client
