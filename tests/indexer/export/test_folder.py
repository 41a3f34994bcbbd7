"""A folder is there whole, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vitrail.indexer.errors import CollectionError, InputError
from vitrail.indexer.export.folder import staged

BEGIN = """
import sys, time
from pathlib import Path
from vitrail.indexer.export.folder import staged
with staged(Path(sys.argv[1]), 1) as begun:
    (begun / "model").write_bytes(bytes(1000))
    print("begun", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_at_once(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "export"
    with staged(target, 1) as begun:
        (begun / "inner").mkdir()
        (begun / "inner" / "model").write_bytes(b"1")
        assert not target.exists()
    assert (target / "inner" / "model").read_bytes() == b"1"
    assert names(tmp_path / "deep") == ["export"]


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with staged(tmp_path / "empty", 1) as begun:
        (begun / "model").write_bytes(b"1")
    assert names(tmp_path / "empty") == ["model"]
    with (
        pytest.raises(InputError, match="is there already: name a new folder"),
        staged(tmp_path / "empty", 1),
    ):
        pytest.fail("began")
    assert names(tmp_path) == ["empty"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_end_of_whatever_kind_leaves_nothing(kind: type[BaseException], tmp_path: Path) -> None:
    def end() -> None:
        with staged(tmp_path / "export", 1) as begun:
            (begun / "model").write_bytes(b"1")
            raise kind

    with pytest.raises(kind):
        end()
    assert names(tmp_path) == []


def test_what_a_killed_process_began_is_swept_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BEGIN, str(tmp_path / "export")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with staged(tmp_path / "other", 1) as begun:
            (begun / "model").write_bytes(b"1")
        assert len(names(tmp_path)) == 2, "what is being made by a live process stays"
        child.send_signal(signal.SIGKILL)
    assert not (tmp_path / "export").exists()
    left = next(path for path in tmp_path.iterdir() if path.name != "other")
    os.utime(left, (time.time() - 60, time.time() - 60))
    with staged(tmp_path / "third", 1) as begun:
        (begun / "model").write_bytes(b"1")
    assert names(tmp_path) == ["other", "third"]


def test_a_full_disk_is_one_line_and_leaves_nothing(small_disk: Path) -> None:
    with (
        pytest.raises(CollectionError, match="disk full") as caught,
        staged(small_disk / "export", 1) as begun,
    ):
        (begun / "model").write_bytes(bytes(20 << 20))
    assert len(str(caught.value).splitlines()) == 1
    assert names(small_disk) == []
    with pytest.raises(CollectionError, match="disk full"), staged(small_disk / "a", 1 << 40):
        pytest.fail("began")
