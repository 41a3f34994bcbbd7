"""A run that meets a full disk, or folders that it may not read, as a user meets them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Vitrail
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.engines import discard_idle
from vitrail.indexer.collection import store
from vitrail.indexer.collection import writer as writers
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import index_file

ROOT = Path(__file__).parents[3]


def paint(folder: Path, names: range) -> None:
    folder.mkdir(exist_ok=True)
    for number in names:
        pixels = np.full((8, 8, 3), number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")


def test_a_full_disk_ends_the_run_in_one_line_and_the_next_one_goes_on(
    vitrail: Vitrail, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_COLLECTION", str(small_disk / "collection"))
    pictures = tmp_path / "many"
    paint(pictures, range(10))
    vitrail.index(pictures)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - (100 << 10)))
    paint(pictures, range(10, 40))
    done = vitrail("index", pictures)
    assert done.code == 1
    told = done.err.splitlines()[-1]
    assert told.startswith("vitrail: disk full"), done.err
    assert "nothing committed is lost: free" in told
    assert "Traceback" not in done.err
    assert vitrail("info", "--json").json["images"] == 10, "it can be asked meanwhile"
    ballast.write_bytes(b"")
    ballast.unlink()
    vitrail.index(pictures)
    assert vitrail("info", "--json").json["images"] == 40
    assert vitrail("verify").code == 0


def _mere_owner() -> list[str]:
    """What runs a command without root's right to read everything; nothing for other users."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root reads every folder, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_folder_that_may_not_be_read_is_told_and_the_rest_is_indexed(tmp_path: Path) -> None:
    place = tmp_path / "pictures"
    place.mkdir()
    for name in ("open", "closed"):
        paint(place / name, range(2))
    gate = tmp_path / "gate"
    gate.touch()
    environment = {
        "VITRAIL_COLLECTION": str(tmp_path / "collection"),
        "COLOURS_DELAY": "0",
        "COLOURS_MARK": str(tmp_path / "mark"),
        "COLOURS_GATE": str(gate),
    }
    command = [sys.executable, "-m", "tests.service.colours", "index", str(place)]
    (place / "closed").chmod(0)
    try:
        done = subprocess.run(
            [*_mere_owner(), *command, "--checkpoint", "colours"],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
    finally:
        (place / "closed").chmod(0o700)
    assert done.returncode == 0, done.stderr
    told = done.stderr + done.stdout
    assert "Traceback" not in told
    assert str(place / "closed") in told, told
    assert "2 new" in told, told


def _without_index(vitrail: Vitrail) -> None:
    for path in (vitrail.home / "indexes").iterdir():
        path.unlink()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_a_command_whose_index_cannot_be_saved_has_done_what_it_says(
    vitrail: Vitrail, folder: Path, tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    own = tmp_path / "own.csv"
    own.write_text("path,stars\nred.png,5\n")
    paint(folder / "more", range(2))

    def refuse(path: str) -> AbstractContextManager[str]:
        raise OSError(code, os.strerror(code), path)

    for words in (("remove", "blue.png"), ("annotate", own), ("index", folder), ("tidy", "--now")):
        _without_index(vitrail)
        with monkeypatch.context() as patch:
            patch.setattr(index_file, "replacing", refuse)
            done = vitrail(*words)
        assert done.code == 0, (words, done)
        warned = [line for line in done.err.splitlines() if line.startswith("vitrail: ")]
        assert len(warned) == 1, (words, done)
        assert "could not be saved" in warned[0]
        assert os.strerror(code) in warned[0]
    query = folder / "warm" / "red.png"
    found = vitrail("search", query, "--where", "stars = 5", "--json").json["hits"]
    assert [hit["metadata"]["stars"] for hit in found] == [5]
    names = vitrail("search", query).names
    assert names[0] == "red.png"
    assert "blue.png" not in names
    assert vitrail("tidy").code == 0
    assert list((vitrail.home / "indexes").iterdir()), "the next writer saves it"
    assert vitrail("verify").code == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_an_index_folder_that_may_not_be_written_costs_a_line_only(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder)
    _without_index(vitrail)
    (vitrail.home / "indexes").chmod(0o500)
    try:
        done = subprocess.run(
            [*_mere_owner(), sys.executable, "-m", "vitrail.service.cli", "remove", "blue.png"],
            cwd=ROOT,
            env=os.environ | {"VITRAIL_COLLECTION": str(vitrail.home)},
            capture_output=True,
            text=True,
        )
    finally:
        (vitrail.home / "indexes").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "removed 1 image\n"
    assert done.stderr.startswith("vitrail: the index of mean@1 could not be saved")
    assert done.stderr.count("\n") == 1
    assert vitrail("info", "--json").json["images"] == 4


def test_a_long_run_says_once_that_it_cannot_tidy_up_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.indexer.collection.holdings import FINGERPRINT, files, images

    folded = []

    def full(*_: object) -> None:
        folded.append(1)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writers, "fold_journal", full)
    with store.CollectionStore.create(tmp_path / "c", FINGERPRINT) as writer:
        for number in range(4):
            writer.commit(Batch(images([number]), files([number])))
        assert len(writer) == 4
    assert len(folded) == 5, "tried again after each commit, and at the end"
    assert len(caplog.records) == 1


def test_tidying_up_that_fails_after_a_commit_fails_no_command(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(writers, "merge_small_segments", full)
        done = vitrail("remove", "blue.png")
    assert (done.code, done.out) == (0, "removed 1 image\n")
    assert done.err.count("\n") == 1
    assert done.err.startswith(
        "vitrail: what was asked is done, but tidying up afterwards failed: "
    )
    assert "disk full" in done.err
    assert "blue.png" not in vitrail("search", folder / "warm" / "red.png").names
    assert vitrail("verify").code == 0


def test_a_disk_that_is_full_once_a_commit_is_in_the_log_keeps_it(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    real = Catalog._running

    class Full:
        """DuckDB, on a disk that is full once a commit has been written to its log."""

        committed = False

        def __init__(self, engine: Any) -> None:
            self._engine = engine
            self._writes = False

        def __getattr__(self, name: str) -> Any:
            return getattr(self._engine, name)

        def execute(self, sql: str, *rest: Any) -> Any:
            if Full.committed and self._writes and sql in ("CHECKPOINT", "DETACH disk"):
                raise duckdb.IOException("could not write: No space left on device")
            result = self._engine.execute(sql, *rest)
            Full.committed |= sql == "COMMIT"
            if sql.startswith("ATTACH"):
                self._writes = "READ_WRITE" in sql
                return self
            return result

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "_running", lambda self: Full(real(self)))
        done = vitrail("remove", "blue.png")
    assert (done.code, done.out) == (0, "removed 1 image\n")
    assert "the disk is full, and a commit, which stands, is only in the log of" in done.err
    assert "Traceback" not in done.err
    assert "blue.png" not in vitrail("search", folder / "warm" / "red.png").names
    assert vitrail("verify").code == 0


def test_no_room_for_a_readers_copy_of_a_large_catalog_is_told_and_leaves_nothing(
    vitrail: Vitrail, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "many", range(5))
    vitrail.index(tmp_path / "many")
    for bound in ("IN_MEMORY", "MOST_IN_MEMORY"):
        monkeypatch.setattr(f"vitrail.indexer.catalog.private_copy.{bound}", 0)
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    assert vitrail("list").code == 0
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - (100 << 10)))
    vitrail.fails("list", code=1, says=[str(small_disk), "set TMPDIR"])
    assert os.listdir(small_disk) == ["ballast"]
    ballast.unlink()
    assert vitrail("list").code == 0


def test_memory_that_runs_out_is_one_line(
    vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "many", range(5))
    vitrail.index(tmp_path / "many")

    def connect(*_: object, **__: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure")

    discard_idle()  # of earlier tests
    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", connect)
        vitrail.fails("list", code=1, says=["Cannot allocate memory", "no sign of damage"])

    def run_out(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("vitrail.indexer.collection.store.CollectionStore.info", run_out)
    vitrail.fails("info", code=1, says=["memory ran out"])


def test_a_contact_sheet_on_a_full_disk_is_told_as_that_and_leaves_no_half_page(
    vitrail: Vitrail, tmp_path: Path, small_disk: Path
) -> None:
    paint(tmp_path / "many", range(5))
    vitrail.index(tmp_path / "many")
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - (4 << 10)))
    for words in (("list",), ("search", "000.png")):
        vitrail.fails(*words, "--html", small_disk / "a.html", code=1, says=["disk full", "a.html"])
        assert os.listdir(small_disk) == ["ballast"]
    ballast.unlink()
    assert vitrail("list", "--html", small_disk / "a.html").code == 0


def test_a_collection_on_a_disk_for_reading_only_is_read_and_not_written(
    vitrail: Vitrail, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_COLLECTION", str(small_disk / "collection"))
    paint(tmp_path / "many", range(5))
    vitrail.index(tmp_path / "many")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in (
        ("list",),
        ("search", "000.png"),
        ("info",),
        ("verify",),
        ("remove", "--dry-run", "1"),
    ):
        done = vitrail(*words)
        assert done.code == 0, (words, done)
    for words in (("index", "-q"), ("remove", "1"), ("tidy",), ("verify", "--repair")):
        vitrail.fails(*words, code=1, says=["Read-only file system", "mount its disk for writing"])
