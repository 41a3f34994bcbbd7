"""Lines of the log: each one line, whatever a request holds, and nothing secret."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.service.http.observing.logs import LOGGER, REQUESTS, LogFormat, logging_to


def logged(style: LogFormat, path: str, *, requests: bool = True) -> str:
    stream = io.StringIO()
    with logging_to(stream, style=style, requests=requests):
        facts = {"method": "GET", "path": path, "seconds": 0.25, "key": None}
        logging.getLogger(REQUESTS).info("request", extra={"facts": facts})
    return stream.getvalue()


@given(st.text())
def test_a_request_is_one_line_whatever_its_address(path: str) -> None:
    text = logged("text", path)
    assert len(text.splitlines()) == 1
    assert text.isprintable() or text[:-1].isprintable()
    document = json.loads(logged("json", path))
    assert (document["event"], document["level"]) == ("request", "info")
    assert document["path"] == path
    assert len(logged("json", path).splitlines()) == 1


def test_requests_are_lines_only_where_they_are_wanted() -> None:
    assert logged("text", "/", requests=False) == ""
    assert "GET" in logged("text", "/")


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_error_comes_with_its_trace(style: LogFormat) -> None:
    stream = io.StringIO()
    with logging_to(stream, style=style, requests=False):
        logging.getLogger(REQUESTS).error("unforeseen", exc_info=ValueError("deep down"))
        logging.getLogger("uvicorn.error").warning("of the server")
        logging.getLogger("uvicorn.error").info("chatter")
    said = stream.getvalue()
    assert "deep down" in said
    assert "of the server" in said
    assert "chatter" not in said


def test_the_log_is_left_as_it_was_found() -> None:
    log = logging.getLogger(LOGGER)
    before = (log.level, log.propagate, list(log.handlers))
    logged("json", "/")
    assert (log.level, log.propagate, list(log.handlers)) == before
