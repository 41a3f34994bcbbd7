"""Files that killed processes have left in a folder of many writers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.files.begun import begun_name, sweep_begun

LONG_AGO = 1_000_000_000


@pytest.fixture
def dead() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_what_nobody_is_at_work_on_goes(tmp_path: Path, dead: int) -> None:
    mine = Path(begun_name(str(tmp_path / "apple.png")))
    assert mine.name == f".vitrail-{os.getpid()}-apple.tmp"
    running = tmp_path / f".vitrail-{os.getppid()}-apple.tmp"
    another = tmp_path / f".vitrail-{os.getppid()}-pear.tmp"
    for path in (mine, running, another, tmp_path / f".vitrail-{dead}-x.tmp", tmp_path / "x.tmp"):
        path.write_bytes(b"half")
    # Written before the process began that has this number now: another's, and dead.
    os.utime(another, (LONG_AGO, LONG_AGO))
    sweep_begun(str(tmp_path))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {mine.name, running.name, "x.tmp"}


def test_of_one_file_only_its_own_beginnings_go(tmp_path: Path, dead: int) -> None:
    for name in ("hits", "hits-2", "2-hits"):
        (tmp_path / f".vitrail-{dead}-{name}.tmp").write_bytes(b"half")
    sweep_begun(str(tmp_path), of=str(tmp_path / "hits.parquet"))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f".vitrail-{dead}-{name}.tmp" for name in ("hits-2", "2-hits")}


def test_the_next_writer_of_the_collection_sweeps_them(tmp_path: Path, dead: int) -> None:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    generated = tmp_path / "c" / "generated"
    for name in (f".vitrail-{dead}-a.tmp", f".vitrail-{os.getppid()}-b.tmp", "whole.png"):
        (generated / name).write_bytes(b"x")
    CollectionStore.open(tmp_path / "c").close()
    assert len(list(generated.iterdir())) == 3, "a reader changes nothing"
    CollectionStore.open(tmp_path / "c", writable=True).close()
    left = {path.name for path in generated.iterdir()}
    assert left == {f".vitrail-{os.getppid()}-b.tmp", "whole.png"}
