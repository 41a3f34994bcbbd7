"""A service that only reads: every address is asked, and what only looks is let pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem
from tests.service.http.following import becomes, result
from vitrail.service.http.app import create_app
from vitrail.service.http.jobs.records import NewJob
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.effects import MEMBER, SAFE

HERE = "http://127.0.0.1:8000"
WRITING = {
    *("/v1/annotations", "/v1/images/{image_id}", "/v1/index", "/v1/trash"),
    *("/v1/generate", "/v1/image-to-image", "/v1/inpaint", "/v1/style"),
    *("/v1/duplicates/decisions", "/v1/duplicates/decisions/undo"),
    "/v1/duplicates/decisions/import",
}
BY_BODY = {"/v1/jobs", "/v1/jobs/{job}/retry", "/v1/classify"}
BODIES: dict[str, dict[str, Any]] = {
    "compare": {"a": "generated"},
    "compare-images": {"a": {"id": 1}, "b": {"id": 2}},
    "prompt-search": {"positive": [{"id": 1}]},
    "audit": {},
    "map": {},
    "duplicates": {},
    "sample": {"count": 2},
    "labels": {"what": "report", "labels": "label"},
    "classify": {"where": "true", "labels": "label", "by": "knn"},
    "index": {},
    "generate": {"prompt": "a fox"},
    "image-to-image": {"image": {"id": 1}, "prompt": "a fox"},
    "inpaint": {"image": {"id": 1}, "prompt": "a fox", "mask": {"box": [0, 0, 4, 4]}},
    "style": {"content": {"id": 1}, "style": {"id": 2}, "prompt": "a fox"},
    "trash": {"images": [1]},
}
WRITERS = {"index", "generate", "image-to-image", "inpaint", "style", "trash"}


@pytest.fixture
def looking(own: ServiceOptions) -> Iterator[TestClient]:
    options = replace(own, read_only=True, trash=True)
    with TestClient(create_app(options), base_url=HERE) as client:
        yield client


def operations(client: TestClient) -> list[tuple[str, str, dict[str, Any]]]:
    paths = client.get("/v1/openapi.json").json()["paths"]
    return [(m.upper(), path, one) for path, of_path in paths.items() for m, one in of_path.items()]


def truth(collection: Path) -> dict[str, str]:
    """All of a collection that is no cache."""
    files = [collection / "catalog.duckdb", *collection.glob("segments/*")]
    files += [one for one in collection.glob("journal/**/*") if one.is_file()]
    assert len(files) > 1
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def test_every_address_says_what_it_changes_and_is_held_to_it(
    looking: TestClient, own: ServiceOptions
) -> None:
    before = truth(own.collections["painted"])
    declared: dict[str, set[str]] = {"reads": set(), "writes": set(), "by-body": set()}
    for method, path, operation in operations(looking):
        if method in SAFE:
            assert MEMBER not in operation
            continue
        declared[operation[MEMBER]].add(path)
        where = path.replace("{image_id}", "1").replace("{job}", "0" * 16)
        answer = looking.request(method, where, json=BODIES.get(path.removeprefix("/v1/"), {}))
        if operation[MEMBER] == "writes":
            is_problem(answer, 403, "read-only")
        else:
            assert answer.status_code not in (401, 403, 405), (path, answer.text)
    assert declared["writes"] == WRITING
    assert declared["by-body"] == BY_BODY
    assert len(declared["reads"]) > 12
    assert truth(own.collections["painted"]) == before


def test_jobs_of_any_kind_are_taken_where_they_only_look(looking: TestClient) -> None:
    assert {*BODIES} == {*KINDS}
    for kind, body in BODIES.items():
        answer = looking.post("/v1/jobs", json={"kind": kind, **body})
        if kind in WRITERS:
            is_problem(answer, 403, "read-only")
        else:
            assert answer.status_code == 202, answer.text
    classified = {**BODIES["classify"], "write": "told"}
    for address, more in (("classify", {}), ("jobs", {"kind": "classify"})):
        refused = looking.post(f"/v1/{address}", json={**classified, **more})
        is_problem(refused, 403, "read-only")
    assert len(result(looking, "sample", {"count": 2})["images"]) == 2


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/v1/search2", "/v1/compare/"])
def test_what_no_route_knows_is_taken_to_write(looking: TestClient, path: str) -> None:
    is_problem(looking.post(path, json={}), 403, "read-only")


def test_a_job_that_writes_waits_for_a_service_that_may(own: ServiceOptions) -> None:
    own.state.mkdir()
    with JobStore(own.state) as store:  # of a service that was ended before it began the job
        asked_before = {**BODIES["classify"], "write": "told"}
        left, _ = store.add(NewJob("classify", "classify", "painted", asked_before, ()))
    before = truth(own.collections["painted"])
    with TestClient(create_app(replace(own, read_only=True)), base_url=HERE) as client:
        job = becomes(client, left.id, "waiting")
        assert "--read-only" in job["waiting_for"]
        assert len(result(client, "sample", {"count": 2})["images"]) == 2
        assert truth(own.collections["painted"]) == before
        is_problem(client.post(f"/v1/jobs/{left.id}/retry"), 403, "read-only")
    with TestClient(create_app(own), base_url=HERE) as client:
        assert becomes(client, left.id, "done")["waiting_for"] is None
        assert "told" in client.get("/v1/columns").text
