"""A service of a collection of five colours, asked through the application's own door."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx2 import Response
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.testclient import TestClient

from tests.search.duplicates.drawing import draw
from tests.service.colours import CHECKPOINT, colour_fingerprint, load_colours
from tests.service.conftest import COLOURS, Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.problems import MEDIA_TYPE
from vitrail.service.operations.annotating import Value, annotate_images
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


def paint(folder: Path) -> Path:
    """Twelve images of two colours each, in folders that label them; one was generated."""
    for number, (name, upper) in enumerate(COLOURS.items()):
        for lower in ((0, 0, 0), (255, 255, 255)):
            pixels = np.zeros((16, 24 + number, 3), np.uint8)
            pixels[:8], pixels[8:] = upper, lower
            path = folder / ("warm" if upper[0] else "cold") / f"{name}-{lower[0]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    for seed in (1, 2):
        image = Image.new("RGB", (32, 32), (90 * seed, 60, 200))
        info = PngInfo()
        info.add_text(
            "parameters", f"a fox's den\nSteps: 20, Sampler: Euler, Seed: {seed}, Size: 32x32"
        )
        image.save(folder / f"made-{seed}.png", pnginfo=info)
    return folder


@contextmanager
def painted_in(home: Path) -> Iterator[Path]:
    """A collection of twelve images in two spaces, below a folder; colours are its encoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "read_fingerprint", colour_fingerprint)
        patch.setattr(encoders, "load_encoder", load_colours)
        spaces = ["mean@1", "mean@2"]
        with Collection.create(home / "c", checkpoint=CHECKPOINT, spaces=spaces) as collection:
            collection.index(paint(home / "images"), options=IndexOptions(label_from="parent"))
        yield home / "c"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceOptions]:
    """A service of twelve images in two spaces, for tests that only read."""
    home = tmp_path_factory.mktemp("painted")
    with painted_in(home) as place:
        stars = [None if n % 3 == 0 else n / 2 for n in range(1, 13)]
        notes = ["it's", 'say "x"', "a%b", None] * 3
        columns: dict[str, list[Value]] = {"stars": [*stars], "note": [*notes]}
        annotate_images(place, range(1, 13), columns)
        yield ServiceOptions({"painted": place}, home / "state", warm=False)


@pytest.fixture(scope="module")
def reader(painted: ServiceOptions) -> Iterator[TestClient]:
    """Asks that service."""
    with TestClient(create_app(painted), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture(scope="module")
def collection(painted: ServiceOptions) -> Iterator[Collection]:
    """The same collection, open in this process."""
    with Collection.open(painted.collections["painted"]) as opened:
        yield opened


@pytest.fixture
def own(painted: ServiceOptions, tmp_path: Path) -> ServiceOptions:
    """A service of a copy of it, for tests that write."""
    shutil.copytree(painted.collections["painted"], tmp_path / "c")
    return replace(painted, collections={"painted": tmp_path / "c"}, state=tmp_path / "state")


@pytest.fixture
def writer(own: ServiceOptions) -> Iterator[TestClient]:
    """Asks the copy's."""
    with TestClient(create_app(own), base_url="http://127.0.0.1:8000") as client:
        yield client


def png(*colours: tuple[int, int, int], side: int = 16) -> bytes:
    """A PNG file of stripes of some colours."""
    pixels = np.zeros((side, side, 3), np.uint8)
    for number, colour in enumerate(colours):
        pixels[number * side // len(colours) :] = colour
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def is_problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The members of a problem, held to its status and code."""
    assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code), told
    assert told["detail"]
    return told
