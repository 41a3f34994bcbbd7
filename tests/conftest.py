"""Fixtures for more than one package."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vitrail.indexer.telemetry import DUCKDB

_MEMORY = "/dev/shm"
_ROOM = 4 << 30  # bytes; the tests' own files take less than half of it


def _in_memory() -> bool:
    """Whether there is a file system in memory, with room, from which libraries may be loaded."""
    try:
        found = os.statvfs(_MEMORY)
    except (AttributeError, OSError):
        return False
    runs = not found.f_flag & os.ST_NOEXEC
    return runs and os.access(_MEMORY, os.W_OK) and found.f_bavail * found.f_frsize >= _ROOM


# Every commit syncs several files, on a disk a millisecond or more each. That they last is not
# tried by a disk but by recordings (tests/faults), where a sync counts wherever the files lie.
if "TMPDIR" not in os.environ and _in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY

# Processes that test side by side share the cores, rather than start a thread for each of them.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:
    _SHARE = str(max(1, (os.cpu_count() or 1) // _WORKERS))
    os.environ.setdefault("OMP_NUM_THREADS", _SHARE)
    # DuckDB's, woken for every small query, take a quarter of the time of tests of collections.
    # Processes that tests start have them all.
    DUCKDB["threads"] = _SHARE

# Whoever runs the suite in the background lets it ignore these, and what it starts inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name == "posix" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes says something about the machine, and a busy one must not fail a test.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("some", _PATIENT, max_examples=40)
settings.register_profile("many", _PATIENT, max_examples=100)


def pytest_configure(config: pytest.Config) -> None:
    """Try properties with more examples where the long tests run too."""
    settings.load_profile("some" if config.getoption("markexpr") == "not slow" else "many")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what is there by now: libraries and tests, all to stay.

    It would take a quarter of a second each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system of 8 MB; skips where mounting is not permitted."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(mount)]
    try:
        made = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if made.returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)
