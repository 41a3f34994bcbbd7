"""One file to pixels and metadata, known ones again to metadata alone, and stopped when asked."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from PIL import PngImagePlugin

from tests.badfiles import encode, picture
from tests.fakes import ColourEncoder
from tests.indexer.images.test_decoder_process import slow_file
from tests.indexer.images.test_facts import exif_of, packet
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.images import decoder_process
from vitrail.indexer.images.budget import MemoryBudget
from vitrail.indexer.indexing import decoding
from vitrail.indexer.indexing.decoding import DecodingLimits, Prepared, Preparer
from vitrail.indexer.indexing.pipeline import IndexOptions, index_folders
from vitrail.indexer.records import READ_VERSION

SPEC = ColourEncoder().preprocess


def photograph() -> bytes:
    return encode(picture(), "JPEG", exif=exif_of(words="barn"), xmp=packet())


def prepare(path: Path, preparer: Preparer) -> Prepared:
    status = path.stat()
    return preparer.prepare(str(path), status.st_size, status.st_mtime_ns)


def test_places_stars_and_words_are_in_the_record(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(photograph())
    prepared = prepare(path, Preparer(spec=SPEC, known=frozenset()))
    image = prepared.image
    assert image is not None
    assert (image.latitude, image.longitude) == pytest.approx((-33.856, 151.215))
    assert (image.rating, image.keywords) == (4, ("owl", "snowy owl", "barn"))
    assert image.read_version == READ_VERSION
    assert prepared.pixels is not None


def test_outdated_contents_are_read_again_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "x")
    contents = {"a.jpg": photograph(), "b.png": encode(picture(2), "PNG", pnginfo=texts)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(decoding, "open_image", lambda *_, **__: pytest.fail("decoded"))
    read = lambda info: {"tool": "t", "prompt": info["parameters"]} if info else None  # noqa: E731
    monkeypatch.setattr(decoding, "read_recipe", read)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    preparer = Preparer(
        spec=SPEC,
        known=set(hashes.values()),
        reread={hashes["b.png"]},
    )
    known = prepare(tmp_path / "a.jpg", preparer)
    assert known.file is not None
    assert known.image is None
    again = prepare(tmp_path / "b.png", preparer)
    assert again.file is not None
    assert again.pixels is None
    assert again.image is not None
    assert again.image.vectors == {}
    assert (again.image.content_hash, again.image.width) == (hashes["b.png"], 48)
    assert again.image.recipe == {"tool": "t", "prompt": "x"}
    assert again.image.read_version == READ_VERSION


def test_outdated_contents_that_cannot_be_read_again_stay_known(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    digest = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    prepared = prepare(tmp_path / "a.png", Preparer(spec=SPEC, known={digest}, reread={digest}))
    assert prepared.file is not None
    assert (prepared.image, prepared.reject) == (None, None)


def test_what_exceeds_the_budget_is_a_reject_that_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(picture(1, (900, 900)), "PNG"))
    small = Preparer(
        spec=SPEC, known=frozenset(), limits=DecodingLimits(budget=MemoryBudget(1_000_000))
    )
    prepared = prepare(tmp_path / "a.png", small)
    assert prepared.reject is not None
    assert prepared.reject.reason == "out-of-memory"
    assert prepare(tmp_path / "a.png", Preparer(spec=SPEC, known=frozenset())).image is not None


def test_files_wait_for_room_and_leave_none_taken(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.png" for seed in range(8)]
    for seed, path in enumerate(paths):
        path.write_bytes(encode(picture(seed, (300, 200)), "PNG"))
    preparer = Preparer(
        spec=SPEC,
        known=frozenset(),
        limits=DecodingLimits(budget=MemoryBudget(3_000_000), reading=MemoryBudget(10)),
    )
    threads = [threading.Thread(target=prepare, args=(path, preparer)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (preparer.limits.budget._left, preparer.limits.reading._left) == (3_000_000, 10)


def test_leaving_stops_what_is_being_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(slow_file(10))
    found: list[Prepared] = []
    preparer = Preparer(spec=SPEC, known=frozenset())
    budget = preparer.limits.budget
    with preparer.limits:
        thread = threading.Thread(target=lambda: found.append(prepare(path, preparer)))
        thread.start()
        while budget._left == budget.total and thread.is_alive():
            time.sleep(0.01)
    thread.join()
    assert found == [Prepared()]


def test_a_file_that_takes_for_ever_neither_holds_the_run_nor_who_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.pgm").write_bytes(slow_file(20))
    (tmp_path / "pictures" / "b.png").write_bytes(encode(picture(1), "PNG"))
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    cancellation = Cancellation()
    ended: list[str] = []
    real = decoder_process._DecoderProcess.decode

    def decode(self: object, *given: object) -> object:
        threading.Timer(0.5, cancellation.cancel).start()
        try:
            return real(self, *given)  # type: ignore[arg-type]
        except Exception as error:
            ended.append(type(error).__name__)
            raise

    monkeypatch.setattr(decoder_process._DecoderProcess, "decode", decode)
    with CollectionStore.open(tmp_path / "collection", writable=True) as collection:
        roots, options = [os.fspath(tmp_path / "pictures")], IndexOptions(workers=2)
        first = index_folders(
            collection, ColourEncoder(), roots, options=options, cancellation=cancellation
        )
        assert first.interrupted
        assert ended == ["DecodingStoppedError"]
        assert collection.rejects() == []
        monkeypatch.setattr(decoder_process, "SECONDS", 0.5)
        monkeypatch.setattr(decoder_process, "SECONDS_A_MEGAPIXEL", 0.0)
        second = index_folders(collection, ColourEncoder(), roots, options=options)
        assert (second.encoded, second.rejected) == (1, 1)
        assert [one.reason for one in collection.rejects()] == ["too-costly"]
        assert index_folders(collection, ColourEncoder(), roots, options=options).total == 0
