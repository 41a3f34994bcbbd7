"""Collections that several of these tests begin with, made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import ImageOps

from tests.fakes import ColourEncoder
from tests.search.duplicates.drawing import draw
from tests.service.operations.painted import paint, painted
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.operations.collection import Collection


@pytest.fixture(scope="session")
def painted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    painted(folder).close()
    return folder


@pytest.fixture
def colours(painted_once: Path, tmp_path: Path) -> Iterator[Collection]:
    """Images of three colours, labelled by them, of which the test may change all."""
    shutil.copytree(painted_once / "collection", tmp_path / "collection")
    with Collection.open(tmp_path / "collection", encoder=ColourEncoder()) as made:
        yield made


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Images of the same kinds that are not of the collection."""
    folder = paint(tmp_path_factory.mktemp("others"), each=3, seed=8)
    return sorted(str(path) for path in folder.rglob("*.png"))


@pytest.fixture(scope="session")
def with_copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with four copies, one of them in two files, among others."""
    folder = tmp_path_factory.mktemp("duplicates") / "pictures"
    folder.mkdir()
    image = draw(1)
    image.save(folder / "original.bmp")
    image.save(folder / "pixels.png")
    image.resize((120, 90)).save(folder / "small.png")
    ImageOps.mirror(image).save(folder / "mirror.png")
    image.crop((40, 0, 240, 150)).save(folder / "crop.png")
    shutil.copyfile(folder / "small.png", folder / "small again.png")
    for seed in range(10, 16):
        draw(seed).save(folder / f"other-{seed}.png")
    CollectionStore.create(folder.parent / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder.parent / "collection", encoder=ColourEncoder()) as opened:
        opened.index(folder)
    return folder.parent
