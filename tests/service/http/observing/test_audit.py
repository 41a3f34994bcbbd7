"""The audit log: only added to, on the disk before anything is done, and bounded."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vitrail.service.http.observing.audit import FILE, KEPT, AuditLog, UnrecordedError


def lines(folder: Path) -> list[str]:
    files = sorted(folder.glob("audit*.jsonl"))
    return [line for file in files for line in file.read_text("utf-8").splitlines()]


def test_lines_are_added_by_threads_whole(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: log.add("asked", number=number), range(64)))
    told = [json.loads(line) for line in lines(tmp_path)]
    assert sorted(one["number"] for one in told) == list(range(64))
    assert {one["event"] for one in told} == {"asked"}
    if os.name == "posix":
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_what_was_there_stays(tmp_path: Path) -> None:
    AuditLog(tmp_path).add("asked", name="a\nb ä")
    AuditLog(tmp_path).add("asked", name="second")
    assert [json.loads(line)["name"] for line in lines(tmp_path)] == ["a\nb ä", "second"]


def test_full_files_give_way_and_the_oldest_goes(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, largest=400)
    for number in range(200):
        log.add("asked", number=number)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {FILE, *(f"audit.{n}.jsonl" for n in range(1, KEPT + 1))}
    assert all(path.stat().st_size < 500 for path in tmp_path.iterdir())
    newest_first = [tmp_path / FILE, *(tmp_path / f"audit.{n}.jsonl" for n in range(1, KEPT + 1))]
    told = [
        json.loads(line)["number"]
        for path in reversed(newest_first)
        for line in path.read_text("utf-8").splitlines()
    ]
    assert told == list(range(told[0], 200))


def test_a_disk_that_is_full_is_told(small_disk: Path) -> None:
    log = AuditLog(small_disk / "state")
    log.add("asked")
    (small_disk / "filler").write_bytes(b"x" * (7 << 20))

    def fill() -> None:
        for _ in range(4000):
            log.add("asked", name="x" * 1000)

    with pytest.raises(UnrecordedError, match="make room"):
        fill()
    (small_disk / "filler").unlink()
    log.add("asked", name="again")
    *_, torn, last = (small_disk / "state" / FILE).read_text("utf-8").splitlines()
    assert not torn.endswith("}")  # the disk took a part of it
    assert json.loads(last)["name"] == "again"


def test_what_was_torn_by_a_kill_takes_no_line_with_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"event": "ask')
    AuditLog(tmp_path).add("asked", name="first")
    AuditLog(tmp_path).add("asked", name="second")
    torn, *told = lines(tmp_path)
    assert torn == '{"event": "ask'
    assert [json.loads(line)["name"] for line in told] == ["first", "second"]
