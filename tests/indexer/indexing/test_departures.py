"""Disks that are away, labels of the head and metadata of what is indexed already, and waiting."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import ColourEncoder, LabellingEncoder
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import set_grace, tidy
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.errors import ImageRejectedError, InputError, RemovalsRefusedError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.indexing.pipeline import index_folders
from vitrail.indexer.indexing.progress import IndexCounts


def save(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed in range(24):
        save(tmp_path / "pictures" / f"group{seed % 3}" / f"{seed}.png", seed)
    return tmp_path / "pictures"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    CollectionStore.create(tmp_path / "home", LabellingEncoder().fingerprint).close()
    return tmp_path / "home"


class Plain(ColourEncoder):
    """The labelling encoder, loaded without its head."""

    def __init__(self) -> None:
        super().__init__("labelling")


def run(
    home: Path,
    *roots: Path,
    encoder: Encoder | None = None,
    **options: object,
) -> IndexCounts:
    with CollectionStore.open(home, writable=True) as collection:
        return index_folders(
            collection,
            encoder or Plain(),
            [str(root) for root in roots],
            options=IndexOptions(**options),  # type: ignore[arg-type]
        )


def count(home: Path, where: str = "true") -> int:
    with CollectionStore.open(home) as collection:
        return len(collection.allowed_ids(where))


def age(home: Path, days: int) -> None:
    """Let time pass for what waits."""
    with CollectionStore.open(home, writable=True) as writer, writer.transaction("age") as change:
        for table in ("deletions", "commits"):
            change.run(f'UPDATE {table} SET "at" = "at" - to_days(?)', [days])
        writer.forget_changes()


def test_a_disk_below_a_folder_that_is_not_mounted_takes_nothing_along(
    home: Path, pictures: Path, small_disk: Path
) -> None:
    for seed in range(100, 104):
        save(small_disk / "a" / f"{seed}.png", seed)
    shutil.move(str(pictures), small_disk.parent / "all")
    (small_disk.parent / "all").rename(pictures)
    top = small_disk.parent
    run(home, top)
    assert count(home) == 28
    os.system(f"umount -l {small_disk}")  # four of 28: neither half of all nor a handful
    with pytest.raises(RemovalsRefusedError, match=r"4 of the 28 .*disk was a disk of its own"):
        run(home, top)
    assert count(home) == 28
    assert run(home, top, accept_removals=True).gone == 4
    assert run(home, top).gone == 0, "it is a plain folder now"
    os.system(f"mount -t tmpfs tmpfs {small_disk}")  # for the fixture to take away


def test_more_than_half_and_more_than_a_handful_need_a_yes(home: Path, pictures: Path) -> None:
    run(home, pictures)
    shutil.rmtree(pictures / "group0")
    assert run(home, pictures).gone == 8, "a third"
    for path in [*(pictures / "group1").iterdir(), pictures / "group2" / "2.png"]:
        path.unlink()
    shutil.rmtree(pictures / "group2")
    with pytest.raises(RemovalsRefusedError, match=r"16 of the 16 .*more than half"):
        run(home, pictures)
    assert run(home, pictures, keep_missing=True).missing == 16
    assert count(home) == 16


def test_other_folders_of_the_run_are_done(home: Path, pictures: Path, tmp_path: Path) -> None:
    save(tmp_path / "nas" / "a.png", 77)
    run(home, pictures, tmp_path / "nas")
    (tmp_path / "nas" / "a.png").unlink()
    save(pictures / "new.png", 78)
    with pytest.raises(RemovalsRefusedError, match=r"1 of the 1 .*it holds nothing") as refused:
        run(home)
    assert refused.value.progress.encoded == 1
    assert count(home) == 26


def test_what_moved_to_another_folder_is_no_loss(
    home: Path, pictures: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run(home, pictures, other)
    for entry in list(pictures.iterdir()):
        shutil.move(str(entry), other)
    done = run(home, pictures, other)
    assert (done.encoded, done.moved, done.linked, done.gone) == (0, 24, 0, 0)
    assert count(home) == 24


def test_what_is_back_in_time_is_not_even_opened(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, pictures)
    pictures.rename(pictures.with_name("away"))
    pictures.mkdir()
    run(home, pictures, accept_removals=True)
    assert count(home) == 0
    age(home, 29)
    run(home, pictures)
    pictures.rmdir()
    pictures.with_name("away").rename(pictures)
    with monkeypatch.context() as patch:
        patch.setattr("vitrail.indexer.indexing.decoding.read_file", lambda path: pytest.fail(path))
        done = run(home, pictures)
    assert (done.returned, done.total) == (24, 0)
    assert count(home) == 24
    assert verify(home).clean


@pytest.mark.parametrize(("grace", "days", "kept"), [(None, 31, 0), (90, 31, 8), (7, 8, 0)])
def test_waiting_ends(
    home: Path, pictures: Path, grace: float | None, days: int, kept: int
) -> None:
    run(home, pictures)
    if grace is not None:
        with CollectionStore.open(home, writable=True) as writer:
            set_grace(writer, grace)
    shutil.rmtree(pictures / "group0")
    run(home, pictures)
    age(home, days)
    save(pictures / "new.png", 99)
    run(home, pictures)
    with CollectionStore.open(home, writable=True) as writer:
        assert writer.info().waiting.images == kept
        assert tidy(writer).given_up == 0
        assert tidy(writer, now=True).given_up == kept
    assert verify(home).clean


def test_grace_periods_out_of_reason_are_refused(home: Path) -> None:
    with CollectionStore.open(home, writable=True) as writer:
        for days in (-1, 1e9, float("nan")):
            with pytest.raises(InputError, match="makes no sense"):
                set_grace(writer, days)


def test_the_grace_period_outlives_a_lost_catalog(home: Path, pictures: Path) -> None:
    run(home, pictures, label_from="parent")
    with CollectionStore.open(home, writable=True) as writer:
        set_grace(writer, 12)
    (home / "catalog.duckdb").unlink()
    repair(home)
    with CollectionStore.open(home) as reader:
        info = reader.info()
    assert info.waiting.grace_days == 12
    assert info.roots[0].options == {"label_from": "parent"}


def test_annotations_outlive_all_that(home: Path, pictures: Path, tmp_path: Path) -> None:
    run(home, pictures)
    table = tmp_path / "own.csv"
    table.write_text("path,mood\n1.png,calm\n")
    with CollectionStore.open(home, writable=True) as writer:
        writer.annotate(str(table))
    (pictures / "group1" / "1.png").rename(tmp_path / "1.png")
    run(home, pictures)
    with CollectionStore.open(home, writable=True) as writer:
        tidy(writer, now=True)
    assert count(home, "mood = 'calm'") == 0
    (tmp_path / "1.png").rename(pictures / "1.png")
    assert run(home, pictures).encoded == 1
    assert count(home, "mood = 'calm'") == 1


def test_labels_of_the_head_come_to_what_is_indexed(home: Path, pictures: Path) -> None:
    run(home, pictures)
    shutil.copy(pictures / "group0" / "0.png", pictures / "copy.png")
    with pytest.raises(InputError, match="classify=True"):
        run(home, pictures, classify=True)
    encoder = LabellingEncoder()
    done = run(home, pictures, encoder=encoder, classify=True)
    assert (done.classified, done.encoded, sum(encoder.sizes)) == (24, 0, 24)
    assert count(home, "top_label is not null") == 24
    save(pictures / "new.png", 99)
    again = run(home, pictures, encoder=LabellingEncoder())
    assert (again.classified, again.encoded) == (0, 1)
    assert count(home, "top_label is not null") == 25
    off = run(home, pictures, encoder=LabellingEncoder(), classify=False)
    assert off.total == 0


def test_what_cannot_be_decoded_for_its_labels_is_tried_once(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, pictures)
    broken = (pictures / "group0" / "0.png").read_bytes()
    scarce = (pictures / "group1" / "1.png").read_bytes()
    whole, tried = open_image, []

    def open_some(data: bytes, **rest: Any) -> Any:
        tried.append(data)
        if data in (broken, scarce):
            reason = "broken" if data == broken else "out-of-memory"
            raise ImageRejectedError(reason, "as if a decoder had changed")
        return whole(data, **rest)

    def classify(**options: Any) -> IndexCounts:
        tried.clear()
        return run(home, pictures, encoder=LabellingEncoder(), classify=True, **options)

    monkeypatch.setattr("vitrail.indexer.indexing.decoding.open_image", open_some)
    assert classify().classified == 22
    assert len(tried) == 24
    assert classify().total == 1
    assert tried == [scarce], "there may be enough memory today"
    assert classify(rehash=True).rejected == 0
    assert set(tried) == {broken, scarce}, "a run that reads all tries all"
    assert count(home, "top_label is null") == 2, "the images stay"
    monkeypatch.undo()
    assert classify().classified == 1
    assert classify(rehash=True).classified == 1
    assert count(home, "top_label is null") == 0
    assert classify().total == 0


def test_metadata_is_read_again_once_and_nothing_embedded(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, pictures)
    assert run(home, pictures).total == 0
    with CollectionStore.open(home, writable=True) as writer, writer.transaction("older") as change:
        change.run("UPDATE images SET read_version = NULL")  # recipes were an option once
    encoder = Plain()
    monkeypatch.setattr(
        "vitrail.indexer.indexing.decoding.read_recipe", lambda _: {"prompt": "a cat"}
    )
    done = run(home, pictures, encoder=encoder)
    assert (done.reread, done.encoded, encoder.sizes) == (24, 0, [])
    assert count(home, "generated and prompt = 'a cat'") == 24
    monkeypatch.setattr("vitrail.indexer.indexing.decoding.read_recipe", lambda _: None)
    again = run(home, pictures)
    assert again.total == 0
    with CollectionStore.open(home, writable=True) as writer, writer.transaction("older") as change:
        change.run("UPDATE images SET read_version = 0")
    kept = run(home, pictures)
    assert kept.reread == 24
    assert count(home, "generated and prompt = 'a cat'") == 24, "a recipe is never lost"


def test_a_file_that_cannot_be_read_now_stays_what_it_was(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, pictures)

    def refuse(path: str) -> object:
        if path.endswith("/0.png"):
            raise ImageRejectedError("unreadable", "Input/output error")
        return read_file(path)

    monkeypatch.setattr("vitrail.indexer.indexing.decoding.read_file", refuse)
    done = run(home, pictures, rehash=True)
    assert (done.opened, done.rejected) == (24, 0)
    assert count(home) == 24


def test_what_changed_under_its_size_and_time_or_broke_is_found_by_rehash(
    home: Path, pictures: Path
) -> None:
    path = pictures / "group0" / "0.png"
    run(home, pictures)
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(home, pictures).total == 0
    assert run(home, pictures, rehash=True).rejected == 1
    assert count(home) == 23
