"""Runs scenarios in processes of their own, forked from one that has loaded everything.

Started with the shim preloaded. Reads a line of JSON for each run from its standard input, and
answers with one: how many operations returned, and how the process ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401
import pyarrow.parquet  # noqa: F401

from tests.faults.scenarios import SCENARIOS, Work, run
from tests.indexer.collection import holdings  # noqa: F401
from vitrail.indexer.errors import VitrailError

FAULTS: Any = ctypes.CDLL(None)


def serve() -> None:
    """Answer every request."""
    for line in sys.stdin:
        request = json.loads(line)
        inside, outside = os.pipe()
        child = os.fork()
        if not child:
            os.close(inside)
            _work(request, outside)
        os.close(outside)
        with os.fdopen(inside) as pipe:
            told = pipe.read().splitlines()
        _, status = os.waitpid(child, 0)
        answer = {
            "done": sum(line == "done" for line in told),
            "calls": next((int(x[6:]) for x in told if x.startswith("calls ")), None),
            "error": next((json.loads(x[6:]) for x in told if x.startswith("error ")), None),
            "crash": next((json.loads(x[6:]) for x in told if x.startswith("crash ")), None),
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status),
        }
        print(json.dumps(answer), flush=True)


def _work(request: dict[str, Any], outside: int) -> None:
    def tell(text: str) -> None:
        os.write(outside, f"{text}\n".encode())

    code = 1
    try:
        place = Path(request["place"])
        FAULTS.faults_arm(
            os.fsencode(place),
            os.fsencode(request.get("log", "")),
            ctypes.c_int(request.get("kinds", 0)),
            ctypes.c_long(request.get("at", 0)),
            ctypes.c_long(request.get("times", 1)),
            ctypes.c_int(request.get("action", 0)),
            ctypes.c_int(request.get("errno", 0)),
        )
        _run(request, place, tell)
        tell(f"calls {FAULTS.faults_calls()}")
        code = 0
    finally:
        os._exit(code)


def _run(request: dict[str, Any], place: Path, tell: Any) -> None:
    work = Work(place, Path(request["beside"]))
    try:
        for number in run(SCENARIOS[request["scenario"]], work):
            FAULTS.faults_mark(ctypes.c_long(number))
            tell("done")
    except (VitrailError, OSError) as error:  # the command line shows both in one line
        tell("error " + json.dumps(str(error)))
        if request.get("patient"):  # a program that goes on, and closes what it has opened
            _close(work, tell)
    except BaseException:
        tell("crash " + json.dumps(traceback.format_exc()))


def _close(work: Work, tell: Any) -> None:
    try:
        if work._open is not None:
            work._open.close()
    except (VitrailError, OSError) as error:  # the command line shows both in one line
        tell("error " + json.dumps(str(error)))
    except BaseException:
        tell("crash " + json.dumps(traceback.format_exc()))


if __name__ == "__main__":
    serve()
