"""A filter is stopped by the clock, by memory and by Ctrl-C, each in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import duckdb
import pytest

from vitrail.indexer.cancellation import Cancellation, heeding
from vitrail.indexer.catalog import bounds
from vitrail.indexer.catalog.bounds import run_bounded
from vitrail.indexer.errors import CancelledError, InputError

ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range = -7"
GROWING = "SELECT list(a.range) FROM range(1000000000) a"


def test_what_ends_in_time_is_answered() -> None:
    with duckdb.connect(":memory:") as connection:
        done = run_bounded(connection, "SELECT ? + 1", [41], where="x")
        assert done.fetchall() == [(42,)]
        with pytest.raises(duckdb.BinderException):
            run_bounded(connection, "SELECT nothing", [], where="x")


@pytest.mark.parametrize("seconds", ["0.2", "1"])
def test_what_takes_too_long_is_interrupted(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("VITRAIL_FILTER_SECONDS", seconds)
    with duckdb.connect(":memory:") as connection:
        with pytest.raises(InputError, match=f"'x' took longer than {seconds} s, which") as refused:
            run_bounded(connection, ENDLESS, [], where="x")
        assert "\n" not in str(refused.value)
        # and the connection goes on
        assert run_bounded(connection, "SELECT 1", [], where="x").fetchall() == [(1,)]


def test_what_takes_too_much_memory_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BYTES", 64 << 20)
    with (
        duckdb.connect(":memory:") as connection,
        pytest.raises(InputError, match="'x' took more than 64 MiB of memory"),
    ):
        run_bounded(connection, GROWING, [], where="x")


@pytest.mark.parametrize("text", ["soon", "-1", "0", "inf", "nan"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VITRAIL_FILTER_SECONDS", text)
    with (
        duckdb.connect(":memory:") as connection,
        pytest.raises(InputError, match=f"VITRAIL_FILTER_SECONDS is '{text}'"),
    ):
        run_bounded(connection, "SELECT 1", [], where="x")


def test_no_thread_is_left() -> None:
    with duckdb.connect(":memory:") as connection:
        for _ in range(5):
            run_bounded(connection, "SELECT 1", [], where="x").fetchall()
    assert not [one for one in threading.enumerate() if one.name == "vitrail-filter"]


def test_a_filter_stops_with_the_work_that_it_is_for() -> None:
    wish = Cancellation()
    asked = threading.Timer(0.2, wish.cancel)
    with duckdb.connect(":memory:") as connection, heeding(wish):
        asked.start()
        with pytest.raises(CancelledError, match="run it again"):
            run_bounded(connection, ENDLESS, [], where="x")
        # what takes no time is answered though it is to stop: work may have to be finished
        assert run_bounded(connection, "SELECT 1", [], where="x").fetchall() == [(1,)]
    assert not [one for one in threading.enumerate() if one.name == "vitrail-filter"]


def test_ctrl_c_ends_a_filter() -> None:
    program = f"""
        import duckdb
        from vitrail.indexer.catalog.bounds import run_bounded
        connection = duckdb.connect(":memory:")
        try:
            print("begun", flush=True)
            run_bounded(connection, {ENDLESS!r}, [], where="x")
        except KeyboardInterrupt:
            print("interrupted")
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"
        assert process.returncode == 0
