"""Ctrl-C is a line and code 130 from the first moment on, and nothing once all is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

ROOT = Path(__file__).parents[3]
# A signal comes while a module is looked for, or when Python leaves.
AT = """
import atexit, os, signal, sys
moment, how = sys.argv.pop(1), sys.argv.pop(1)
from vitrail.service.cli import main

def interrupt():
    print("now", flush=True)
    os.kill(os.getpid(), signal.SIGINT)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            interrupt()

if how == "ignored":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if moment == "the end":
    atexit.register(interrupt)
sys.meta_path.insert(0, Finder())
main()
"""
MOMENTS = (
    "vitrail.service.cli.entry",
    "typer",
    "vitrail.indexer.settings",
    "vitrail.service.cli.commands.maintaining",
    "pydantic",  # as typer reads what was typed
    "numpy",
)


def _interrupted(moment: str, *, how: str = "heeded") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AT, moment, how, "info", "--json"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interruption_at_any_moment_is_a_line(
    vitrail: Vitrail, folder: Path, moment: str
) -> None:
    vitrail.index(folder)
    done = _interrupted(moment)
    assert done.stdout == "now\n", "there was such a moment, and nothing after it"
    assert (done.returncode, done.stderr) == (130, "vitrail: interrupted\n")


@pytest.mark.parametrize("moment", ["typer", "numpy", "the end"])
def test_what_is_ignored_or_comes_too_late_changes_nothing(
    vitrail: Vitrail, folder: Path, moment: str
) -> None:
    vitrail.index(folder)
    done = _interrupted(moment, how="heeded" if moment == "the end" else "ignored")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"images": 5' in done.stdout
    assert "now\n" in done.stdout
