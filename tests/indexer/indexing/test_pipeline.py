from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.badfiles import make_bad_folder, make_odd_folder
from tests.fakes import ColourEncoder, LabellingEncoder
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.errors import CollectionError, FingerprintMismatchError, InputError
from vitrail.indexer.images import formats
from vitrail.indexer.indexing.pipeline import IndexCounts, IndexOptions, index_folders
from vitrail.indexer.records import Batch


def save_picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed in range(12):
        save_picture(tmp_path / "pictures" / f"group{seed % 3}" / f"{seed}.png", seed)
    return tmp_path / "pictures"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    return tmp_path / "collection"


def run(
    home: Path, *roots: Path, encoder: Encoder | None = None, options: IndexOptions | None = None
) -> IndexCounts:
    with CollectionStore.open(home, writable=True) as collection:
        return index_folders(
            collection, encoder or ColourEncoder(), [str(root) for root in roots], options=options
        )


def ids_by_name(home: Path) -> dict[str, int]:
    with CollectionStore.open(home) as collection:
        ids = collection.allowed_ids("true").tolist()
        return {row["name"]: row["id"] for row in collection.metadata(ids)}


def test_new_pictures_are_found_by_themselves(home: Path, pictures: Path) -> None:
    progress = run(home, pictures)
    assert (progress.found, progress.encoded, progress.committed) == (12, 12, 12)
    with CollectionStore.open(home) as collection:
        index = collection.index("mean@1")
        for image_id in index.ids().tolist():
            found = index.search(index.vectors(np.array([image_id])), 1)
            assert found.ids[0, 0] == image_id
            assert found.scores[0, 0] == pytest.approx(1, abs=1e-5)


def test_unchanged_files_are_never_opened_again(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, pictures)
    monkeypatch.setattr(
        "vitrail.indexer.indexing.decoding.read_file", lambda path: pytest.fail(f"opened {path}")
    )
    progress = run(home, pictures)
    assert (progress.unchanged, progress.total, progress.encoded) == (12, 0, 0)


def test_moved_files_keep_their_ids_without_encoding(home: Path, pictures: Path) -> None:
    run(home, pictures)
    before = ids_by_name(home)
    (pictures / "group0").rename(pictures / "moved")
    encoder = ColourEncoder()
    progress = run(home, pictures, encoder=encoder)
    assert ids_by_name(home) == before
    assert (progress.moved, progress.encoded, progress.gone) == (4, 0, 0)
    assert progress.linked == 0, "what moved is no copy"
    assert encoder.sizes == []


def test_changed_gone_and_copied_files(home: Path, pictures: Path) -> None:
    run(home, pictures)
    before = ids_by_name(home)
    save_picture(pictures / "group0" / "0.png", 100)
    (pictures / "group0" / "3.png").unlink()
    shutil.copy(pictures / "group1" / "1.png", pictures / "copy.png")
    progress = run(home, pictures)
    after = ids_by_name(home)
    assert (progress.encoded, progress.linked, progress.gone) == (1, 1, 1)
    assert after["0.png"] != before["0.png"]
    assert "3.png" not in after
    with CollectionStore.open(home) as collection:
        assert len(collection) == 11
        (row,) = collection.metadata([before["1.png"]])
        assert len(row["paths"]) == 2


def test_keep_missing_keeps_what_left_the_disk(home: Path, pictures: Path) -> None:
    run(home, pictures)
    shutil.rmtree(pictures / "group2")
    run(home, pictures, options=IndexOptions(keep_missing=True))
    assert len(ids_by_name(home)) == 12
    run(home, pictures)
    assert len(ids_by_name(home)) == 12, "it is remembered"
    run(home, pictures, options=IndexOptions(keep_missing=False))
    assert len(ids_by_name(home)) == 8


def test_excluded_files_leave_and_do_not_count_as_gone(home: Path, pictures: Path) -> None:
    run(home, pictures)
    progress = run(home, pictures, options=IndexOptions(exclude=("group1/*",)))
    assert (progress.gone, progress.excluded) == (0, 4)
    assert len(ids_by_name(home)) == 8


def test_a_missing_root_removes_nothing(home: Path, pictures: Path) -> None:
    run(home, pictures)
    pictures.rename(pictures.with_name("elsewhere"))
    with pytest.raises(InputError, match="does not exist"):
        run(home, pictures)
    assert len(ids_by_name(home)) == 12


def test_labels_come_from_the_folder(home: Path, pictures: Path) -> None:
    run(home, pictures, options=IndexOptions(label_from="parent"))
    with CollectionStore.open(home) as collection:
        assert len(collection.allowed_ids("label = 'group1'")) == 4


def test_bad_files_are_rejected_with_their_reason(home: Path, tmp_path: Path) -> None:
    expected = make_bad_folder(tmp_path / "bad")
    odd = make_odd_folder(tmp_path / "odd")
    progress = run(home, tmp_path / "bad", tmp_path / "odd")
    with CollectionStore.open(home) as collection:
        rejects = collection.rejects()
        found = len(collection)
    reasons = {os.path.relpath(one.path, tmp_path / "bad"): one.reason for one in rejects}
    assert expected.items() <= reasons.items()
    assert progress.rejected == len(reasons)
    assert 0 < found <= len(odd)
    again = run(home, tmp_path / "bad", tmp_path / "odd")
    # Another limit or more memory may help some; they are looked at again, and remain.
    assert again.total == len([one for one in reasons.values() if one == "too-many-pixels"]) > 0
    with CollectionStore.open(home) as collection:
        assert [one.path for one in collection.rejects()] == [one.path for one in rejects]
    assert verify(home).clean


def test_rejects_are_retried_once_they_change(home: Path, pictures: Path) -> None:
    (pictures / "late.png").write_bytes(b"")
    assert run(home, pictures).rejected == 1
    assert run(home, pictures).total == 0
    save_picture(pictures / "late.png", 50)
    assert run(home, pictures).encoded == 1
    with CollectionStore.open(home) as collection:
        assert collection.rejects() == []


def test_rejects_are_retried_once_the_limit_allows_them(home: Path, pictures: Path) -> None:
    assert run(home, pictures, options=IndexOptions(max_pixels=100)).rejected == 12
    assert run(home, pictures, options=IndexOptions(max_pixels=100)).rejected == 12
    assert run(home, pictures).rejected == 12
    assert run(home, pictures, options=IndexOptions(max_pixels=0)).encoded == 12
    with CollectionStore.open(home) as collection:
        assert collection.rejects() == []


def test_rejects_are_retried_once_the_package_they_need_is_there(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(pictures / "phone.heic")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pillow_heif", None)
        formats.load_plugin.cache_clear()
        assert run(home, pictures).rejected == 1
        assert run(home, pictures).total == 0
    again = run(home, pictures)
    assert (again.total, again.encoded) == (1, 1)


def test_a_file_turned_bad_leaves(home: Path, pictures: Path) -> None:
    run(home, pictures)
    (pictures / "group0" / "0.png").write_bytes(b"no picture any more")
    run(home, pictures)
    assert "0.png" not in ids_by_name(home)
    assert verify(home).clean


def test_memory_errors_halve_the_batch(home: Path, pictures: Path) -> None:
    def refuse(count: int) -> None:
        if count > 3:
            raise MemoryError

    encoder = ColourEncoder(before=refuse)
    progress = run(home, pictures, encoder=encoder, options=IndexOptions(batch_size=12))
    assert progress.encoded == 12
    assert max(encoder.sizes) == 3


def test_stopping_keeps_what_is_done_and_the_next_run_goes_on(home: Path, pictures: Path) -> None:
    cancellation = Cancellation()

    def watch(progress: IndexCounts) -> None:
        if progress.opened >= 5:
            cancellation.cancel()

    with CollectionStore.open(home, writable=True) as collection:
        progress = index_folders(
            collection,
            ColourEncoder(),
            [str(pictures)],
            on_progress=watch,
            cancellation=cancellation,
        )
    assert progress.interrupted
    assert progress.committed == 5
    assert run(home, pictures).encoded == 7
    assert len(ids_by_name(home)) == 12
    assert verify(home).clean


@pytest.mark.parametrize("before", [True, False], ids=["before it begins", "while it scans"])
def test_a_scan_is_ended_too(home: Path, pictures: Path, before: bool) -> None:
    run(home, pictures)
    for number in range(1000):
        (pictures / f"{number}.txt.png").touch()
    cancellation = Cancellation()

    def watch(progress: IndexCounts) -> None:
        if before or progress.found:
            cancellation.cancel()

    with CollectionStore.open(home, writable=True) as collection:
        progress = index_folders(
            collection, ColourEncoder(), [], on_progress=watch, cancellation=cancellation
        )
    assert progress.interrupted
    assert progress.found == (0 if before else 500)
    assert progress.opened == progress.rejected == 0
    assert len(ids_by_name(home)) == 12


def test_an_encoder_that_fails_loses_only_its_batch(home: Path, pictures: Path) -> None:
    calls = iter([None, None, RuntimeError("broken")])

    def fail(_: int) -> None:
        error = next(calls)
        if error is not None:
            raise error

    with pytest.raises(RuntimeError, match="broken"):
        run(home, pictures, encoder=ColourEncoder(before=fail), options=IndexOptions(batch_size=4))
    assert len(ids_by_name(home)) == 8
    assert run(home, pictures).encoded == 4


def test_a_failed_commit_stops_the_run(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: CollectionStore, batch: Batch) -> None:
        raise CollectionError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(CollectionStore, "commit", full)
        with pytest.raises(CollectionError, match="full"):
            run(home, pictures)
    assert run(home, pictures).encoded == 12


def test_another_encoder_is_refused(home: Path, pictures: Path) -> None:
    with pytest.raises(FingerprintMismatchError, match="colours"):
        run(home, pictures, encoder=ColourEncoder("other"))


def test_labels_of_the_head_are_stored(tmp_path: Path, pictures: Path) -> None:
    home = tmp_path / "labelled"
    encoder = LabellingEncoder()
    CollectionStore.create(home, encoder.fingerprint).close()
    Image.new("RGB", (9, 9), "white").save(pictures / "white.png")
    run(home, pictures, encoder=encoder)
    with CollectionStore.open(home) as collection:
        (image_id,) = collection.allowed_ids("name = 'white.png'").tolist()
        (row,) = collection.metadata([image_id])
    assert row["top_label"] == "light"
    assert row["top_score"] == pytest.approx(1 / (1 + np.exp(-10)), abs=1e-3)


def test_recipes_in_the_metadata_are_kept(
    home: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {"task": "text-to-image", "prompt": "a cat"}
    monkeypatch.setattr("vitrail.indexer.indexing.decoding.read_recipe", lambda _: recipe)
    with CollectionStore.open(home, writable=True) as collection:
        index_folders(collection, ColourEncoder(), [str(pictures)])
        assert len(collection.allowed_ids("generated and prompt = 'a cat'")) == 12


@pytest.mark.parametrize("year", [1, 1601, 1900, 2200, 2300, 2446])
def test_a_file_of_any_year_is_indexed_and_known_again(
    pictures: Path, home: Path, year: int
) -> None:
    """Nanoseconds in 64 bits end in 1677 and 2262; Windows begins to count in 1601."""
    odd = pictures / "group0" / "0.png"
    days = (datetime(year, 1, 2, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    os.utime(odd, (days * 86400, days * 86400))
    assert run(home, pictures).committed == 12
    again = run(home, pictures)
    assert (again.encoded, again.unchanged) == (0, 12)
    assert verify(home).clean
    os.utime(odd)
    assert any("changed on disk" in finding.problem for finding in verify(home).findings)
