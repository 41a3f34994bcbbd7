"""A system that refuses files: in this process, and for whole processes by a preloaded library."""

from __future__ import annotations

import builtins
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from vitrail.indexer.catalog.catalog import Catalog

SOURCE = Path(__file__).with_name("refusing.c")


@contextmanager
def refusing(part: str, code: int) -> Iterator[None]:
    """Let opening and listing fail for every path that holds ``part``, DuckDB's included."""
    really = {"open": builtins.open, "os_open": os.open, "scandir": os.scandir, "list": os.listdir}
    attach = Catalog._retrying

    def check(path: Any) -> None:
        if isinstance(path, str | os.PathLike) and part in os.fspath(path):
            raise OSError(code, os.strerror(code), os.fspath(path))

    def wrapped(name: str) -> Any:
        def call(path: Any = ".", *words: Any, **named: Any) -> Any:
            check(path)
            return really[name](path, *words, **named)  # type: ignore[operator]

        return call

    def attaching(self: Catalog, attempt: Any) -> Any:
        if part in self.path:
            line = f'IO Error: Cannot open file "{self.path}": {os.strerror(code)}'
            raise duckdb.IOException(line)
        return attach(self, attempt)

    with (
        mock.patch.object(builtins, "open", wrapped("open")),
        mock.patch.object(os, "open", wrapped("os_open")),
        mock.patch.object(os, "scandir", wrapped("scandir")),
        mock.patch.object(os, "listdir", wrapped("list")),
        mock.patch.object(Catalog, "_retrying", attaching),
    ):
        yield


def build_library(folder: Path) -> Path | None:
    """The library to preload, or ``None`` where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None or os.uname().sysname != "Linux":
        return None
    library = folder / "refusing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library
