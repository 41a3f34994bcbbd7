"""Files of another collection in the journal's folder: told, and nothing is made of them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, content, files, images
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.catalog.journal_file import JournalFile
from vitrail.indexer.catalog.journal_lines import encode
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import DamagedError
from vitrail.indexer.records import Batch


def grow(place: Path, first: int, count: int) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        for number in range(first, first + count):
            writer.commit(Batch(images([number]), files([number])))
        writer.forget_changes()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    grow(tmp_path / "c", 0, 3)
    return tmp_path / "c"


@pytest.fixture
def stray(place: Path) -> Path:
    """The journal of another collection after its commit 9, copied here."""
    found = place / "journal" / "0000000000000009.journal"
    file = JournalFile.create(str(found), 9)
    for seq in (10, 11, 12):
        file.append(encode(seq, {"changes": []}, whole=True))
        file.seal(seq)
    file.close()
    return found


def test_a_reader_and_a_writer_go_on_as_if_it_were_not_there(
    place: Path, stray: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = stray.read_bytes()
    with CollectionStore.open(place) as reader:
        assert len(reader) == 3
        [finding] = verify(place).damage
        assert finding.file == f"journal/{stray.name}"
        assert "another one's" in finding.problem
        with caplog.at_level(logging.WARNING, "vitrail"):
            grow(place, 3, 8)  # past its number
        [line] = caplog.messages
        assert str(stray) in line
        assert "left alone as 0000000000000009.journal.damaged-1" in line
        assert reader.refresh()
        assert len(reader) == 11
    assert stray.with_name(stray.name + ".damaged-1").read_bytes() == data
    assert not verify(place).damage
    assert as_rebuilt(place) == as_it_is(place)


def test_a_repair_lets_the_collection_be(place: Path, stray: Path) -> None:
    catalog = (place / "catalog.duckdb").stat().st_ino
    done = repair(place)
    assert done.report is not None
    assert done.report.clean
    assert (place / "catalog.duckdb").stat().st_ino == catalog


@pytest.mark.parametrize("name", ["7.journal", "²².journal"])
def test_other_names_are_no_part_of_the_journal(place: Path, name: str) -> None:
    (place / "journal" / name).write_text("mine")
    (place / "snapshots" / name.removesuffix(".journal")).mkdir()
    grow(place, 3, 1)
    assert not verify(place).damage
    assert as_rebuilt(place) == as_it_is(place)
    assert (place / "journal" / name).read_text() == "mine"


@pytest.mark.parametrize("evidence", ["segments", "snapshots"])
def test_an_older_catalog_is_refused_where_anything_tells_of_later_commits(
    place: Path, tmp_path: Path, evidence: str
) -> None:
    """Its journal goes on after a gap, as where it was cut; the segments are not swept."""
    older = shutil.copy(place / "catalog.duckdb", tmp_path)
    grow(place, 3, 6)
    with CollectionStore.open(place, writable=True) as writer:
        writer.copy_tables()
        writer.copy_tables()
        writer.forget_changes()
    grow(place, 9, 3)
    shutil.copy(older, place / "catalog.duckdb")
    for path in (place / "journal").iterdir():
        if path.name < "0000000000000009":
            path.unlink()
    if evidence == "segments":
        shutil.rmtree(place / "snapshots")
    else:
        kept = sorted((place / "segments").iterdir())[:3]
        for path in set((place / "segments").iterdir()) - set(kept):
            path.unlink()
    before = sorted(path.name for path in (place / "segments").iterdir())
    for writable in (False, True):
        with pytest.raises(DamagedError, match="ends at commit 3, but its journal goes on to"):
            CollectionStore.open(place, writable=writable)
    assert sorted(path.name for path in (place / "segments").iterdir()) == before


@pytest.mark.parametrize("removals", [1, 3])
def test_a_catalog_made_anew_goes_on_after_all_that_the_journal_tells(
    place: Path, removals: int
) -> None:
    """Without the copies that its later part follows; or the new one would be older than it."""
    with CollectionStore.open(place, writable=True) as writer:
        writer.copy_tables()
        writer.commit(Batch(images(range(10, 15)), files(range(10, 15))))
        for number in range(10, 10 + removals):
            writer.remove([writer.resolve(content(number))])
        writer.forget_changes()
        last = writer.state.seq
    shutil.rmtree(place / "snapshots")
    (place / "catalog.duckdb").unlink()
    done = repair(place, accept=lambda losses: bool(losses.knowledge))
    assert done.report is not None
    assert done.report.clean
    with CollectionStore.open(place, writable=True) as writer:
        assert writer.state.seq == last + 1
        assert len(writer) == 8, "nothing tells of the removals"


def test_a_repair_by_the_journal_of_a_copy_that_went_on_apart_loses_no_segment(
    place: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(place, copy)
    grow(place, 10, 4)
    grow(copy, 20, 6)
    own = {path.name: path.read_bytes() for path in (place / "segments").iterdir()}
    for folder in ("journal", "snapshots"):
        shutil.rmtree(place / folder)
        shutil.copytree(copy / folder, place / folder)
    (place / "catalog.duckdb").unlink()
    done = repair(place, accept=lambda losses: True)
    assert any("nothing tells of it any more; set aside as" in line for line in done.actions)
    CollectionStore.open(place, writable=True).close()  # who sweeps
    left = [path.read_bytes() for path in (place / "segments").iterdir()]
    assert all(data in left for data in own.values()), "renamed perhaps, and never deleted"


def test_a_repair_of_a_whole_collection_sets_no_segment_aside(place: Path) -> None:
    grow(place, 10, 30)  # some of it merged
    (place / "catalog.duckdb").unlink()
    done = repair(place)
    assert not [line for line in done.actions if "set aside" in line and "segment" in line]
    assert not list((place / "segments").glob("*.damaged-*"))
