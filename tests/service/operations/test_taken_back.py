"""An index run whose encoder cannot be had leaves no collection behind, and nothing else either."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from tests.service.colours import CHECKPOINT, load_colours
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.collection.discarding import discard_empty
from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CheckpointError, CollectionLockedError


def unloadable(*_: object, **__: object) -> None:
    raise CheckpointError("the weights of this checkpoint cannot be read; fetch it again")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (16, 16), (250, 5, 0)).save(folder / "red.png")
    (folder / "broken.png").write_bytes(b"\x89PNG no more")
    return folder


def everything(folder: Path) -> set[Path]:
    return {*folder.rglob("*")}


@pytest.mark.parametrize("place", ["collection", "new/and/deeper", "empty"])
def test_nothing_is_left_of_a_new_collection(
    vitrail: Vitrail, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "empty").mkdir()
    before = everything(tmp_path)
    monkeypatch.setattr(encoders, "load_encoder", unloadable)
    words = ("index", images, "-c", tmp_path / place, "--checkpoint", CHECKPOINT, "--quiet")
    vitrail.fails(*words, code=1, says=["the weights of this checkpoint cannot be read"])
    assert everything(tmp_path) == before
    monkeypatch.setattr(encoders, "load_encoder", load_colours)
    assert vitrail(*words).code == 0


def test_what_was_there_stays(
    vitrail: Vitrail, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "there"
    assert vitrail("index", images, "-c", home, "--checkpoint", CHECKPOINT).code == 0
    (tmp_path / "more").mkdir()
    Image.new("RGB", (16, 16), (0, 5, 250)).save(tmp_path / "more" / "blue.png")
    monkeypatch.setattr(encoders, "load_encoder", unloadable)
    words = ("index", tmp_path / "more", "-c", home, "--quiet")
    vitrail.fails(*words, code=1, says=["cannot be read"])
    with CollectionStore.open(home) as store:
        assert len(store) == 1


def test_what_another_process_has_begun_stays(
    vitrail: Vitrail, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came first, and whose collection holds no image yet."""
    home = tmp_path / "both"

    def quicker(directory: str) -> bool:
        found = is_collection(directory)
        if not found:
            CollectionStore.create(directory, ColourEncoder().fingerprint).close()
        return found

    monkeypatch.setattr("vitrail.service.operations.opening.is_collection", quicker)
    words = ("index", images, "-c", home, "--checkpoint", CHECKPOINT, "--quiet")
    vitrail.fails(*words, code=1, says=["is a collection already"])
    with CollectionStore.open(home) as store:
        assert len(store) == 0


def test_no_file_of_the_users_goes(tmp_path: Path) -> None:
    home = tmp_path / "c"
    CollectionStore.create(home, ColourEncoder().fingerprint).close()
    made = home / "generated" / "mine.png"
    made.write_bytes(b"drawn")
    assert not discard_empty(str(home))
    made.unlink()
    (home / "notes.txt").write_text("mine")
    with CollectionStore.open(home, writable=True), pytest.raises(CollectionLockedError):
        discard_empty(str(home))
    assert discard_empty(str(home))
    assert everything(home) == {home / "notes.txt"}
