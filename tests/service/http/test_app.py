"""What holds for every address of the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from inspect import iscoroutinefunction

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from vitrail.service.http.app import ROUTERS
from vitrail.service.http.problems import MEDIA_TYPE


def test_it_lives_and_tells_what_it_holds(client: TestClient) -> None:
    assert client.get("/v1/livez").json() == {"status": "alive"}
    ready = client.get("/v1/readyz")
    while ready.status_code == 503:  # what is loaded ahead takes a moment
        assert ready.json()["status"] == "loading"
        ready = client.get("/v1/readyz")
    assert ready.json()["status"] == "ready"
    assert client.get("/v1/readyz").json()["images"] == {"colours": 5}


def test_what_is_not_there_is_a_problem(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE)
    assert answer.json()["code"] == "not-found"


def test_each_operation_has_an_id_of_its_own(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    ids = Counter(
        one["operationId"] for path in document["paths"].values() for one in path.values()
    )
    assert not {name: n for name, n in ids.items() if n > 1}


def dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from dependencies(one)


def test_what_is_often_asked_takes_one_thread() -> None:
    found = {}
    for route in (one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)):
        called = [one.call for one in dependencies(route.dependant)]
        found[route.name] = [one for one in called if not iscoroutinefunction(one)]
    for name in ("search_images", "search_by_image", "list_images", "get_thumbnail", "get_image"):
        assert not found[name]  # a plain function would wait for a thread of its own
