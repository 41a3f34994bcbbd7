"""The command line in one process, for many commands: a line of JSON asks for each.

What commands load is loaded once; ``tests.watched`` starts it.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, TextIO

import typer.main

from vitrail.service.cli import main


def serve(asked: TextIO, answers: TextIO) -> None:
    """Answer every request, in order."""
    typer.main.get_command = functools.cache(typer.main.get_command)
    for line in asked:
        print(json.dumps(_run(json.loads(line))), file=answers, flush=True)


def _run(words: list[str]) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    sys.argv, sys.stdin = ["vitrail", *words], io.StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
        except BaseException:
            code = 1
            traceback.print_exc()
    return {"code": code or 0, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # native code that prints is no answer
    serve(sys.stdin, answers)
