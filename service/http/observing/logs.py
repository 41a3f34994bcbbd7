"""Lines of the log: for people, or as JSON for programs; never a key, a query or a body."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TextIO

LOGGER = "vitrail.service"
REQUESTS = f"{LOGGER}.requests"
LogFormat = Literal["text", "json"]


class Lines(logging.Formatter):
    """A line for people: when, how bad, what, and the facts behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line, but for the trace of an error."""
        told = ((name, value) for name, value in _facts(record).items() if value is not None)
        facts = " ".join(f"{name}={_plain(value)}" for name, value in told)
        line = f"{_when(record)} {record.levelname.lower()} {_plain(record.getMessage())}"
        return f"{line} {facts}".rstrip() + _trace(record, "\n")


class Documents(logging.Formatter):
    """A line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line."""
        said: dict[str, object] = {"time": _when(record), "level": record.levelname.lower()}
        said |= {"event": record.getMessage(), **_facts(record)}
        if trace := _trace(record):
            said["trace"] = trace
        return json.dumps(said)


FORMATS: dict[LogFormat, type[logging.Formatter]] = {"text": Lines, "json": Documents}


@contextmanager
def logging_to(
    stream: TextIO | None = None, *, style: LogFormat = "text", requests: bool = True
) -> Iterator[None]:
    """Write what the service logs until this is left.

    Args:
        stream: where to; standard error where none is named.
        style: for people, or for programs.
        requests: whether every request is a line, or only what goes wrong.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(FORMATS[style]())
    own, server, asked, forms = (
        logging.getLogger(n) for n in (LOGGER, "uvicorn.error", REQUESTS, "python_multipart")
    )
    before = [(log, log.level, log.propagate) for log in (own, server, asked, forms)]
    forms.setLevel(logging.ERROR)  # it warns of each form that is torn
    own.setLevel(logging.INFO)
    server.setLevel(logging.WARNING)
    asked.setLevel(logging.INFO if requests else logging.ERROR)
    own.propagate = server.propagate = False
    own.addHandler(handler)
    server.addHandler(handler)
    try:
        yield
    finally:
        for log, level, propagate in before:
            log.removeHandler(handler)
            log.setLevel(level)
            log.propagate = propagate


def _when(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, object]:
    facts = record.__dict__.get("facts")
    return facts if isinstance(facts, dict) else {}


def _plain(value: object) -> str:
    """A value on one line, whatever it holds."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _trace(record: logging.LogRecord, before: str = "") -> str:
    if record.exc_info is None or record.exc_info[1] is None:
        return ""
    return before + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
