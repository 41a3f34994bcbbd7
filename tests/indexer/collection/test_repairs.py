from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, file, files, images, vector
from vitrail.indexer.collection.losses import Losses
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.records import Batch, RejectRecord


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two segments with 12 images, one of them removed, one moved, and one annotated."""
    place = tmp_path / "collection"
    table = tmp_path / "own.csv"
    table.write_text("path,species\n/pictures/5.jpg,owl\n")
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch(images(range(6)), files(range(6))))
        made.commit(Batch(images(range(6, 12)), files(range(6, 12))))
        made.commit(Batch([], [file("/moved.jpg", 2)], gone=["/pictures/2.jpg"]))
        made.commit(Batch(rejects=[RejectRecord("/bad", 1, 2, "truncated", "short")]))
        made.annotate(str(table))
        made.remove([1])
    return place


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _files_of(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def _gladly(losses: Losses) -> bool:
    return True


def _check_contents(place: Path) -> None:
    with CollectionStore.open(place) as opened:
        assert opened.content_hashes() == {content(n) for n in range(1, 12)}
        assert opened.metadata([opened.resolve("/moved.jpg")])[0]["paths"] == ["/moved.jpg"]
        assert opened.allowed_ids("species = 'owl'").tolist() == [6]
        assert [reject.path for reject in opened.rejects()] == ["/bad"]
        assert "/pictures/0.jpg" in opened.known_files()
        found = opened.index("cls@2").search(vector(7, "cls@2")[None], 1).ids[0].tolist()
        assert opened.metadata(found)[0]["content_hash"] == content(7)


@pytest.mark.parametrize("harm", [_flip, _truncate, os.unlink], ids=["flip", "truncate", "delete"])
def test_index_files_are_mended(place: Path, harm: object) -> None:
    [path] = (place / "indexes").glob("cls@2.*.index")
    assert callable(harm)
    harm(path)
    if path.exists():
        [finding] = verify(place).damage
        assert (finding.part, finding.file) == ("index", path.name)
    _check_contents(place)  # a reader does without
    done = repair(place)
    assert len(done.actions) == 1
    assert done.report is not None
    assert done.report.clean
    assert not done.reopen
    assert list((place / "indexes").glob("cls@2.*.index"))
    _check_contents(place)


@pytest.mark.parametrize("harm", [_flip, _truncate, os.unlink], ids=["flip", "truncate", "delete"])
def test_the_catalog_is_rebuilt(place: Path, harm: object) -> None:
    catalog = place / "catalog.duckdb"
    assert callable(harm)
    if harm is _flip:  # a flip in free space would be no damage
        data = bytearray(catalog.read_bytes())
        data[4096 * 3 : 4096 * 64 : 511] = b"\xff" * len(data[4096 * 3 : 4096 * 64 : 511])
        catalog.write_bytes(data)
    else:
        harm(catalog)
    [finding] = verify(place).damage
    assert (finding.part, finding.file) == ("catalog", "catalog.duckdb")
    with pytest.raises(CollectionError, match="verify --repair"):
        CollectionStore.open(place, writable=True)
    done = repair(place)
    assert done.report is not None
    assert done.report.clean, done.report.damage
    assert not done.reopen
    assert len(list(place.glob("catalog.duckdb.damaged-*"))) == (harm is not os.unlink)
    _check_contents(place)


def test_a_catalog_without_copies_comes_from_the_segments(place: Path) -> None:
    shutil.rmtree(place / "snapshots")
    shutil.rmtree(place / "journal")
    os.unlink(place / "catalog.duckdb")
    with pytest.raises(
        CollectionError, match="all annotations, decisions, labels, removals and rejects"
    ):
        repair(place)
    assert not (place / "catalog.duckdb").exists()
    assert repair(place, accept=_gladly).report is not None
    with CollectionStore.open(place) as opened:
        assert opened.content_hashes() == {content(n) for n in range(12)}
        assert set(opened.known_files()) == {f"/pictures/{n}.jpg" for n in range(12)}


def test_work_after_the_last_snapshot_comes_back_from_segments(place: Path) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([50]), files([50])))
        writer.forget_changes()
    os.unlink(place / "catalog.duckdb")
    assert repair(place).report is not None
    with CollectionStore.open(place) as opened:
        assert opened.resolve("/pictures/50.jpg") > 12
        assert len(opened) == 12


@pytest.mark.parametrize("harm", [_flip, _truncate, os.unlink], ids=["flip", "truncate", "delete"])
@pytest.mark.parametrize("catalog_too", [False, True])
def test_a_damaged_segment_is_named_and_its_files_read_again(
    place: Path, harm: object, catalog_too: bool
) -> None:
    damaged = sorted((place / "segments").iterdir())[1]
    assert callable(harm)
    harm(damaged)
    if catalog_too:
        os.unlink(place / "catalog.duckdb")
    else:
        assert ("segment", damaged.name) in {(f.part, f.file) for f in verify(place).damage}
    before = _files_of(place)
    with pytest.raises(CollectionError, match=r"nothing was changed: mending gives up .*6 images"):
        repair(place)
    assert _files_of(place) == before
    done = repair(place, accept=_gladly)
    assert done.reopen == sorted(f"/pictures/{n}.jpg" for n in range(6, 12))
    assert harm is os.unlink or any(damaged.name in action for action in done.actions)
    assert done.report is not None
    assert done.report.clean, done.report.damage
    with CollectionStore.open(place, writable=True) as writer:
        assert not set(done.reopen) & set(writer.known_files())
        writer.commit(Batch(images(range(6, 12)), files(range(6, 12))))
    _check_contents(place)
    assert verify(place).clean


def test_nothing_to_repair(place: Path) -> None:
    done = repair(place)
    assert done.actions == []
    assert done.report is not None
    assert done.report.clean


def test_changed_and_missing_files_are_reported_but_are_no_damage(place: Path) -> None:
    report = verify(place)
    assert report.clean
    # The file of the removed image is no longer looked for, and counted neither here nor by info.
    assert len(report.findings) == report.files == 11
    with CollectionStore.open(place) as reader:
        assert reader.info().files == report.files
    assert {finding.part for finding in report.findings} == {"file"}


def test_nothing_left_to_rebuild_from(tmp_path: Path) -> None:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    (tmp_path / "c" / "vitrail.json").write_text("{")
    os.unlink(tmp_path / "c" / "catalog.duckdb")
    with pytest.raises(CollectionError, match="nothing is left to rebuild it from"):
        repair(tmp_path / "c")


@pytest.mark.parametrize("catalog_too", [False, True])
def test_images_that_wait_in_a_damaged_segment_are_told_before(
    place: Path, catalog_too: bool
) -> None:
    with CollectionStore.open(place, writable=True) as made:
        made.commit(Batch(gone=["/pictures/3.jpg"], excluded=["/pictures/4.jpg"]))
        made.commit(Batch(gone=["/pictures/8.jpg"]))  # which waits in the other segment
    _flip(sorted((place / "segments").iterdir())[0])
    if catalog_too:
        (place / "catalog.duckdb").unlink()
    asked: list[Losses] = []

    def refuse(losses: Losses) -> bool:
        asked.append(losses)
        return False

    with pytest.raises(CollectionError, match="what waits for 2 files to come back"):
        repair(place, accept=refuse)
    assert asked[0].waiting == ("/pictures/3.jpg", "/pictures/4.jpg")
    assert not {"/pictures/3.jpg", "/pictures/4.jpg"} & set(asked[0].images)
    done = repair(place, accept=_gladly)
    assert done.report is not None
    assert done.report.clean, done.report.findings
    with CollectionStore.open(place, writable=True) as writer:
        assert "/pictures/3.jpg" not in writer.known_files()
        assert writer.info().waiting.images == 1
        writer.commit(Batch(images([3, 4]), files([3, 4, 8])))
        assert {content(3), content(4), content(8)} <= writer.content_hashes()
    assert verify(place).clean


def test_commits_of_a_writer_beside_a_verify_are_no_damage(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = CollectionStore.open
    numbers = iter(range(100, 110))

    def opened(directory: str, *, writable: bool = False) -> CollectionStore:
        reader = real(directory, writable=writable)
        with real(directory, writable=True) as writer:  # moves on behind the reader's back
            for number in (next(numbers), next(numbers)):
                writer.commit(Batch(images([number]), files([number])))
        return reader

    with monkeypatch.context() as patch:
        patch.setattr(CollectionStore, "open", opened)
        report = verify(place)
    assert report.clean, report.findings
