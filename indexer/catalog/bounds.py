"""Bounds of time and memory around SQL that somebody else wrote."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitrail.indexer.cancellation import check_heeded
from vitrail.indexer.catalog.expressions import quoted
from vitrail.indexer.errors import FilterError
from vitrail.indexer.settings import FILTER_SECONDS, in_use

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SECONDS = 20.0
"""How long a filter may take, unless ``VITRAIL_FILTER_SECONDS`` says otherwise."""
BYTES = 4 << 30
"""By how much a filter may let this process grow; half of the free memory if that is less."""
_TICK = 0.05  # seconds between looks


def run_bounded(
    connection: DuckDBPyConnection,
    sql: str,
    parameters: Sequence[Any],
    *,
    where: str,
    seconds: float | None = None,
) -> DuckDBPyConnection:
    """Execute SQL that holds a filter; interrupted by Ctrl-C, and when it takes too much.

    The statement runs in a thread of its own: DuckDB's ``execute`` does not hear of signals.

    Args:
        connection: used by nobody else meanwhile.
        sql: one statement.
        parameters: values of its ``?`` marks.
        where: the filter, for the message.
        seconds: how long it may take, if not as long as any filter.

    Returns:
        the connection, its result to be fetched.

    Raises:
        FilterError: it took too long, or too much memory.
        CancelledError: what it is done for was asked to stop, as by Ctrl-C of an analysis.
        duckdb.Error: whatever else DuckDB says.
    """
    limits = _Limits(seconds or _seconds())
    work = _Work(connection, sql, parameters)
    excess = None
    try:
        work.start()
        while not work.done.wait(_TICK):
            check_heeded()
            excess = excess or limits.exceeded()
            if excess is not None:
                connection.interrupt()
        work.join()  # a thread that is still ending when the process exits aborts it
    except BaseException:
        # Once is not enough before it has begun; it may also never have.
        while not work.done.wait(_TICK) and work.is_alive():
            connection.interrupt()
        raise
    if excess is not None:
        raise FilterError(
            f"the filter {quoted(where)} {excess}; write a simpler one"
        ) from work.error
    if work.error is not None:
        raise work.error
    return connection


class _Work(threading.Thread):
    """One statement on its way; ``error`` is what it raised once ``done`` is set."""

    def __init__(self, connection: DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> None:
        super().__init__(name="vitrail-filter")
        self.done = threading.Event()
        self.error: BaseException | None = None
        self._task = (connection, sql, list(parameters))

    def run(self) -> None:
        connection, sql, parameters = self._task
        try:
            connection.execute(sql, parameters)
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()


class _Limits:
    """What a statement may take from now on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + self._seconds
        self._memory: tuple[int, int] | None = None  # measured when it lasts, since that costs

    def exceeded(self) -> str | None:
        """What it has taken too much of, in words, or ``None``."""
        if time.monotonic() > self._deadline:
            return f"took longer than {self._seconds:g} s, which {FILTER_SECONDS} can change"
        import psutil

        used = psutil.Process().memory_info().rss
        if self._memory is None:
            self._memory = used, min(BYTES, psutil.virtual_memory().available // 2)
        before, allowed = self._memory
        return (
            f"took more than {allowed >> 20:,} MiB of memory" if used - before > allowed else None
        )


def _seconds() -> float:
    text = in_use().filter_seconds
    if not text:
        return SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise FilterError(f"{FILTER_SECONDS} is {text!r}, but must be a number of seconds above 0")
    return seconds
