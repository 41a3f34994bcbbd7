"""A run over a few files asks for what these need, and does what one that knows all would do."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import LabellingEncoder
from vitrail.indexer.catalog import contents
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.indexing import known
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.indexing.pipeline import index_folders
from vitrail.indexer.indexing.progress import IndexCounts


def save(path: Path, seed: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Twelve images: one removed, two waiting, one of which has labels of a head."""
    for seed in range(12):
        save(tmp_path / "pictures" / f"{seed}.png", seed)
    with CollectionStore.create(tmp_path / "home", LabellingEncoder().fingerprint) as writer:
        index(writer, [str(tmp_path / "pictures")])
        writer.remove([writer.resolve(str(tmp_path / "pictures" / "3.png"))])
        for seed in (4, 5):
            (tmp_path / "pictures" / f"{seed}.png").unlink()
        index(writer, [str(tmp_path / "pictures")])
        with writer.transaction("forget what was read") as change:
            change.run("UPDATE images SET read_version = 0 WHERE id < 3")
    return tmp_path / "home"


def index(writer: CollectionStore, paths: list[str], *, classify: bool = False) -> IndexCounts:
    encoder = LabellingEncoder()
    if not classify:
        encoder.labels = None
    options = IndexOptions(classify=classify, batch_size=4)
    return index_folders(writer, encoder, paths, options=options)


def told(home: Path, paths: list[str], *, classify: bool) -> tuple[dict[str, Any], list[str]]:
    """What a run tells, and what is in a copy of the collection afterwards."""
    place = home.with_name("copy")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(home, place)
    with CollectionStore.open(place, writable=True) as writer:
        progress = asdict(index(writer, paths, classify=classify))
        files = [f"{path} {file}" for path, file in sorted(writer.known_files().items())]
        ids = writer.allowed_ids("true").tolist()
        rows = [
            str({name: value for name, value in row.to_dict().items() if name != "added_at"})
            for row in writer.metadata(ids)
        ]
    del progress["seconds"]
    return progress, files + rows


@pytest.mark.parametrize("classify", [False, True])
def test_a_few_files_are_indexed_as_if_all_were_known(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classify: bool
) -> None:
    pictures, elsewhere = tmp_path / "pictures", tmp_path / "elsewhere"
    paths = [
        str(pictures / "0.png"),  # unchanged, its metadata to be read again
        save(elsewhere / "1.png", 1),  # known content at another path, to be read again too
        save(elsewhere / "3.png", 3),  # content that was removed
        save(pictures / "4.png", 4),  # back where it was
        save(elsewhere / "5.png", 5),  # waiting content, found elsewhere
        save(pictures / "6.png", 50),  # changed
        save(elsewhere / "new.png", 60),
        save(elsewhere / "twice.png", 60),
    ]
    broken = elsewhere / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    paths.append(str(broken))
    asked = told(home, paths, classify=classify)
    monkeypatch.setattr(known, "FEW", 0)
    assert asked == told(home, paths, classify=classify)
    progress, _ = asked
    assert progress["encoded"] >= 2
    assert progress["returned"] == 2
    assert progress["reread"] or classify


def test_a_few_files_never_take_all_that_is_known_into_memory(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = contents._hashes

    def some(connection: Any, sql: str, among: contents.Among) -> frozenset[str]:
        assert among is not None, f"all of {sql}"
        assert len(among) <= 2
        return real(connection, sql, among)

    monkeypatch.setattr(contents, "_hashes", some)
    new = save(tmp_path / "elsewhere" / "new.png", 60)
    with CollectionStore.open(home, writable=True) as writer:
        assert (
            index(writer, [new, str(tmp_path / "pictures" / "1.png")], classify=True).encoded == 1
        )
        with pytest.raises(AssertionError, match="all of"):
            index(writer, [str(tmp_path / "pictures")])


def test_what_was_a_folder_and_is_a_file_now(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    shutil.rmtree(folder)
    save(tmp_path / "other.png", 70)
    (tmp_path / "other.png").rename(folder)
    with CollectionStore.open(home, writable=True) as writer:
        known_before = writer.known_files(str(folder))
        assert len(known_before) == 12
        named = writer.known_files(str(folder), str(tmp_path / "none"))
        assert named == known_before
        assert writer.known_files(str(tmp_path / "none")) == {}
