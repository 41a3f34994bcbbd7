"""The document and the page of documentation tell of every problem that there is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fastapi.testclient import TestClient

from vitrail.indexer.errors import VitrailError
from vitrail.service.http.problems import MEDIA_TYPE, status_of
from vitrail.service.http.schemas.base import Closed

DOCS = Path(__file__).parents[3] / "docs"
# read from the catalog's and the decoder's own insides, by names of their own
INNER = "failed"


def errors(kind: type[VitrailError] = VitrailError) -> Iterator[type[VitrailError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from errors(below)


def test_every_code_is_told_with_its_status(client: TestClient) -> None:
    """The client makes the application, so that all of its errors are there."""
    assert client.app is not None
    told = {}
    for row in (DOCS / "service.md").read_text("utf-8").splitlines():
        if found := re.fullmatch(r"\| (`[a-z`, -]+) \| ([0-9, ]+) \| .+ \|", row):
            for code in re.findall(r"`([a-z-]+)`", found[1]):
                told[code] = {int(status) for status in found[2].split(", ")}
    general = (DOCS / "python.md").read_text("utf-8")
    modules = ("vitrail.service.http", "vitrail.service.operations")  # a client's are none of ours
    ours = [kind for kind in errors() if kind.__module__.startswith(modules)]
    assert len(ours) > 12
    for kind in ours:
        assert kind.code in told or f"| `{kind.code}` |" in general, kind
        if kind.code in told:
            assert status_of(kind) in told[kind.code], kind
    told_here = [
        kind for kind in errors() if not kind.__module__.startswith("vitrail.service.client")
    ]
    assert {status_of(kind) for kind in told_here if kind.code != INNER} <= {
        *range(400, 500),
        503,
    }


def test_every_operation_tells_of_its_problems(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, of_path in document["paths"].items():
        for method, operation in of_path.items():
            for status in ("4XX", "5XX"):
                told = operation["responses"][status]["content"]
                assert told == {MEDIA_TYPE: {"schema": problem}}, (method, path)
            assert "422" not in operation["responses"], (method, path)
            assert operation["description"], (method, path)
    assert {"code", "detail", "status"} <= set(
        document["components"]["schemas"]["Problem"]["required"]
    )
    assert "HTTPValidationError" not in document["components"]["schemas"]


def _below(kind: type[Closed]) -> Iterator[type[Closed]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def test_every_example_is_a_body_that_the_service_takes(client: TestClient) -> None:
    """The client makes the application, so that all of its bodies are there."""
    tried = Counter[str]()
    for kind in _below(Closed):
        extra = kind.model_config.get("json_schema_extra")
        examples = extra.get("examples") if isinstance(extra, dict) else None
        for example in examples if isinstance(examples, list) else []:
            kind.model_validate_json(json.dumps(example))
            tried[kind.__name__] += 1
    assert tried["SearchRequest"] == 2
    assert {name for name in tried if name.endswith("Job")} >= {"IndexJob", "GenerateJob"}
