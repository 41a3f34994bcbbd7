"""The library in C that lets calls go wrong, compiled, and in the process that preloads it."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.recording import Calls

FAIL, KILL, TEAR = 1, 2, 3
ALWAYS = 1 << 30  # calls, from the first one that goes wrong on
FULL_DISK = Calls.WRITE | Calls.NAME


def build(folder: Path) -> Path | None:
    """The compiled shim; ``None`` where that cannot be had."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        return None
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [
        "cc",
        "-shared",
        "-fPIC",
        "-O2",
        "-o",
        str(library),
        str(source),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True)
    return library


def fill_disk(folder: str, at: int | None) -> Any:
    """Number the writes below a folder, and let the disk be full from one of them on.

    Only in a process that preloads the library.

    Args:
        folder: absolute path.
        at: number of the first that fails, from 0; ``None`` for none.

    Returns:
        tells how many there have been.
    """
    library: Any = ctypes.CDLL(None)
    library.faults_calls.restype = ctypes.c_long
    library.faults_arm(
        os.fsencode(folder),
        b"",
        ctypes.c_int(FULL_DISK),
        ctypes.c_long(at or 0),
        ctypes.c_long(ALWAYS),
        ctypes.c_int(0 if at is None else FAIL),
        ctypes.c_int(errno.ENOSPC),
    )
    return library.faults_calls
