"""Thumbnails: made once, whoever asks meanwhile, of the bytes that were indexed."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import UnusableImageError
from vitrail.search import thumbnails as drawing
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.listing import known_image
from vitrail.service.operations.originals import open_original
from vitrail.service.operations.thumbnails import SIDES, FileAwayError, Thumbnails
from vitrail.service.operations.warming import warm


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.effect_noise((900, 600), 60).convert("RGB").save(folder / "noise.png")
    Image.new("RGB", (10, 20), (255, 0, 0)).save(folder / "red.png")
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as opened:
        opened.index(folder)
        yield opened


def test_threads_that_ask_at_once_get_what_one_has_made(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, waiting = [], threading.Barrier(4)
    as_webp = drawing.as_webp

    def counted(data: bytes, side: int) -> bytes:
        made.append(side)
        return as_webp(data, side)

    monkeypatch.setattr(drawing, "as_webp", counted)
    kept = Thumbnails(tmp_path / "kept")
    image = known_image(collection.store.snapshot(), 1)

    def ask(_: int) -> bytes:
        waiting.wait(10)
        return kept.get(image, "small")

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ask, range(4)))
    assert (len(found), made) == (1, [256])
    assert Thumbnails(tmp_path / "kept").get(image, "small") in found
    assert made == [256]


def test_none_is_larger_than_asked_for_or_than_the_image(
    collection: Collection, tmp_path: Path
) -> None:
    kept = Thumbnails(tmp_path / "kept")
    for number, whole in ((1, (900, 600)), (2, (10, 20))):
        for size, side in SIDES.items():
            data = kept.get(known_image(collection.store.snapshot(), number), size)
            with Image.open(io.BytesIO(data)) as image:
                scale = min(1.0, side / max(whole))
                assert image.size == pytest.approx([scale * one for one in whole], abs=1)


def test_a_disk_that_is_full_costs_only_the_keeping(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder")
    image = known_image(collection.store.snapshot(), 1)
    assert Thumbnails(tmp_path / "kept").get(image, "small")


def test_what_is_no_image_has_none(tmp_path: Path) -> None:
    with pytest.raises(UnusableImageError) as caught:
        Thumbnails(tmp_path).of_bytes("ab" * 32, b"hello", "small")
    assert caught.value.reason == "not-an-image"


def test_another_copy_of_the_file_serves(collection: Collection, tmp_path: Path) -> None:
    first = tmp_path / "images/red.png"
    copy = tmp_path / "images/red-copy.png"
    copy.write_bytes(first.read_bytes())
    collection.index(tmp_path / "images")
    first.write_bytes(b"another by now")
    image = known_image(collection.store.snapshot(), 2)
    assert Thumbnails(tmp_path / "kept").get(image, "small")
    assert b"".join(open_original(image).chunks()) == copy.read_bytes()
    copy.unlink()
    for ask in (
        lambda: Thumbnails(tmp_path / "else").get(image, "small"),
        lambda: open_original(image),
    ):
        with pytest.raises(FileAwayError, match="as it was indexed"):
            ask()


@pytest.mark.parametrize("size", [9, (1 << 20) + 9])  # in one piece, and in two
def test_what_is_written_to_a_file_meanwhile_is_not_given_as_it(
    collection: Collection, tmp_path: Path, size: int
) -> None:
    image = known_image(collection.store.snapshot(), 2)
    data = b"x" * size
    held = tmp_path / "held.png"
    held.write_bytes(data)
    indexed = replace(image, paths=(str(held),), content_hash=hashlib.sha256(data).hexdigest())
    assert b"".join(open_original(indexed).chunks()) == data
    original, given = open_original(indexed), list[bytes]()
    with held.open("r+b") as file:
        file.write(b"y" * 9)  # in place
    with pytest.raises(FileAwayError, match="written to"):
        given.extend(original.chunks())
    original.close()
    assert len(b"".join(given)) <= size - 9  # never the whole


def test_what_cannot_be_loaded_ahead_is_told_by_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    CollectionStore.create(tmp_path / "c", ColourEncoder().fingerprint).close()
    with Collection.open(tmp_path / "c") as opened:  # whose checkpoint nobody has
        warm(opened)
        assert not caplog.records  # it is empty, and nobody will ask
    with Collection.open(tmp_path / "c", encoder=ColourEncoder()) as opened:
        Image.new("RGB", (10, 20), (255, 0, 0)).save(tmp_path / "red.png")
        opened.index(tmp_path / "red.png")
    with Collection.open(tmp_path / "c") as opened:
        warm(opened)
    (record,) = caplog.records
    assert "could be loaded ahead" in record.getMessage()
