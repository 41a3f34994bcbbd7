from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionLockedError
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.settings import Settings, using

_HOLD = """
import sys
from vitrail.indexer.files.lock import WriterLock
with WriterLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    path = str(tmp_path / "c" / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CollectionLockedError, match=rf"process {holder.pid} on .* is writing"):
            CollectionStore.open(tmp_path / "c", writable=True)
        with CollectionStore.open(tmp_path / "c") as reader:  # reading needs no lock
            assert len(reader) == 0
        holder.kill()
    # What the killed process left behind is no obstacle.
    assert os.path.getsize(path) > 0
    CollectionStore.open(tmp_path / "c", writable=True).close()


def test_two_handles_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    own = f"process {os.getpid()} "
    with WriterLock(path), pytest.raises(CollectionLockedError, match=own):
        WriterLock(path).acquire()
    again = WriterLock(path)
    again.acquire()
    again.release()


def test_a_service_of_this_machine_is_named_as_who_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        using(Settings(address="http://127.0.0.1:8000")),
        WriterLock(str(path)),
        pytest.raises(CollectionLockedError, match=r"--server http://127\.0\.0\.1:8000, or wait"),
    ):
        WriterLock(str(path)).acquire()
    with WriterLock(str(path)):
        note = json.loads(path.read_text())
        path.write_text(json.dumps({**note, "host": "elsewhere", "address": "http://127.0.0.1:1"}))
        with pytest.raises(CollectionLockedError, match=r"elsewhere.* wait for it to end") as met:
            WriterLock(str(path)).acquire()
    assert "--server" not in str(met.value)


def test_an_unreadable_note_does_not_hide_the_refusal(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with WriterLock(str(path)):
        path.write_text("[]")
        with pytest.raises(CollectionLockedError, match="another process is writing"):
            WriterLock(str(path)).acquire()


@pytest.mark.parametrize("call", ["write", "ftruncate"])
def test_a_full_disk_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    lock = WriterLock(str(tmp_path / "lock"))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space left") as refused:
            lock.acquire()
    with WriterLock(str(tmp_path / "lock")):  # though the refusal is still held
        pass
    assert refused.value.errno == errno.ENOSPC


def test_a_disk_that_refuses_at_the_end_lets_it_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    lock = WriterLock(str(tmp_path / "lock"))
    lock.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            lock.release()
    with WriterLock(str(tmp_path / "lock")):
        pass
