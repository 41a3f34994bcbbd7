"""DuckDB engines that nobody uses at the moment, lent to whoever opens a catalog.

To make one takes some 15 ms, since each is told of all functions that DuckDB knows; a catalog's
file is attached to one that is there in half a millisecond.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.attaching import connect
from vitrail.indexer.catalog.schema import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST = 2  # that wait: of whoever writes a collection, and of those who read it beside that
_idle: list[DuckDBPyConnection] = []
_of_parents: list[list[DuckDBPyConnection]] = []
_guard = threading.Lock()


def borrow() -> DuckDBPyConnection:
    """An engine that holds nothing, for the caller alone.

    It is given back when nothing is attached to it any more, or discarded: after an error, or once
    it was sealed.

    Raises:
        duckdb.Error: there is no memory for one.
    """
    with _guard:
        if _idle:
            return _idle.pop()
    return connect()


def give_back(engine: DuckDBPyConnection) -> None:
    """Let others have an engine that was borrowed, without what was put into it meanwhile."""
    try:
        _empty(engine)
    except Exception:  # as of one that is out of order
        discard(engine)
        return
    with _guard:
        if len(_idle) < _MOST:
            _idle.append(engine)
            return
    discard(engine)


def discard(engine: DuckDBPyConnection) -> None:
    """Close an engine, whatever state it is in."""
    with suppress(Exception):  # after a full disk even closing may complain
        engine.close()


def discard_idle() -> None:
    """Close the engines that wait here."""
    with _guard:
        engines, _idle[:] = list(_idle), []
    for engine in engines:
        discard(engine)


def _empty(engine: DuckDBPyConnection) -> None:
    """Drop the temporary tables, which are of the collection that it was borrowed for."""
    names = engine.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    for (name,) in names:
        engine.execute(f"DROP TABLE temp.{quote(name)}")


def _leave_to_parent() -> None:
    """Begin without any in a forked process: their threads are not there, and closing waits."""
    global _idle, _guard
    _of_parents.append(_idle)
    _idle, _guard = [], threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_leave_to_parent)
