"""Whatever the OpenAPI allows, and what it does not: no reply that it does not tell of, no 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.examples import examples
from tests.service.http.colours import painting
from tests.service.http.processes import answering
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.problems import MEDIA_TYPE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("conformance")
    with painting(folder):
        yield folder


@pytest.fixture(scope="module")
def api(home: Path) -> Iterator[Any]:
    limits = Limits(filter_seconds=2)
    options = ServiceOptions({"colours": home / "colours"}, home / "state", limits=limits)
    with answering(options) as port:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/v1/openapi.json")


def no_place_is_told(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """No reply tells where files lie."""
    text = response.content.decode("utf-8", "replace")
    assert "conformance" not in text
    assert "secret/" not in text


def problems_are_problems(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """What is not answered has a code, and says why."""
    if response.status_code >= 400:
        assert response.headers["content-type"] == [MEDIA_TYPE]
        told = response.json()
        assert told["status"] == response.status_code
        assert told["code"]
        assert told["detail"]


def nothing_fails(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """No 5xx; but for jobs, of which as many wait by now as may, since none is done here."""
    if response.status_code == 503 and response.json()["code"] == "queue-full":
        return
    not_a_server_error(ctx, response, case)


CHECKS = [
    nothing_fails,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    no_place_is_told,
    problems_are_problems,
]


def ask(operation: Any, mode: GenerationMode, count: int) -> int:
    """Ask for an operation in so many ways; how many there were."""
    asked = 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def every(case: Case[Any]) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(checks=CHECKS, timeout=60)

    with suppress(Unsatisfiable):  # where nothing can be wrong
        every()
    return asked


def ask_all(api: Any, count: int) -> None:
    asked = 0
    for found in api.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):  # which go on; asked by their own tests
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                asked += ask(operation, mode, count)
            except Exception as error:
                error.add_note(f"{operation.label}, {mode.name}")
                raise
    assert asked > 30 * count


def test_whatever_is_asked_is_answered_as_the_document_tells(api: Any) -> None:
    ask_all(api, examples(5))


@pytest.mark.slow
def test_more_of_the_same(api: Any) -> None:
    ask_all(api, 40)
