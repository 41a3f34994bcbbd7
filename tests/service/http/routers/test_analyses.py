"""Looking at a collection by HTTP: each kind of job over the colours, and its refusals."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.search.duplicates.drawing import draw
from tests.service.conftest import Vitrail
from tests.service.http.following import asked, over, refused, result
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions


@pytest.fixture(scope="module")
def client(shades: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    options = ServiceOptions({"colours": shades}, tmp_path_factory.mktemp("state"))
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_every_analysis_tells_what_it_found(client: TestClient, shades: Path) -> None:
    told = {
        "map": result(client, "map", {"layout": "pca", "columns": ["label"], "clusters": 2}),
        "sample": result(client, "sample", {"count": 3, "of": "typical"}),
        "compare": result(
            client,
            "compare",
            {
                "a": "label = 'a'",
                "b": {"filter": {"column": "label", "is": "b"}},
                "group_by": "label",
            },
        ),
        "duplicates": result(client, "duplicates", {"look_alikes": True}),
        "classify": result(
            client,
            "classify",
            {"filter": {"column": "label", "is": "a"}, "labels": "label", "top": 2},
        ),
    }
    assert str(shades.parent) not in str(told)  # where files lie is nobody else's

    assert (told["map"]["images"], len(told["map"]["clusters"])) == (32, 2)
    assert len(told["map"]["values"]["label"]) == 32
    assert {place["name"] for place in told["map"]["places"]} >= {"beach.png", "0.png"}
    assert len(told["sample"]["images"]) == 3
    assert told["compare"]["a"]["images"] == 16
    assert told["compare"]["b"]["images"] == 16
    (group,) = told["duplicates"]["groups"]
    assert [(copy["name"], copy["tier"]) for copy in group["copies"]] in (
        [("beach-copy.bmp", "identical")],
        [("beach.png", "identical")],
    )
    assert len(told["classify"]["images"]) == 16
    assert {len(image["guesses"]) for image in told["classify"]["images"]} == {2}


def test_an_audit_tells_of_filters(client: TestClient) -> None:
    job = over(client, asked(client, "audit", {"generated": "label = 'a'", "pixels": False})["id"])
    assert (job["state"], job["problem"]["code"]) == ("failed", "bad-input")
    assert "can be told from 50 on" in job["problem"]["detail"]


def test_labels_are_written_where_they_are_asked_for(client: TestClient) -> None:
    body = {"where": "label = 'a'", "labels": "label", "write": "told"}
    assert result(client, "classify", body)["written"] == 16
    facets = client.post("/v1/facets", json={"columns": ["told"]}).json()["facets"]
    assert sum(value["count"] for value in facets[0]["values"]) == 16


def test_labels_are_examined(client: TestClient, shades: Path) -> None:
    report = result(client, "labels", {"what": "report"})
    assert str(shades.parent) not in str(report)
    assert sum(map(sum, report["confusion"])) == report["told"] == report["images"] == 32
    names = [row["label"] for row in report["classes"]]
    assert names == ["a", "b"]
    for cell in report["cells"]:
        has, told = names.index(cell["label"]), names.index(cell["told"])
        assert len(set(cell["ids"])) == report["confusion"][has][told]
    assert sum(len(cell["ids"]) for cell in report["cells"]) == 32
    wary = result(client, "labels", {"what": "report", "min_probability": 1})
    assert wary["told"] < 32
    found = result(client, "labels", {"what": "suspects", "by": "knn", "labels": "LABEL"})
    assert (found["labels"], found["images"]) == ("label", 32)
    assert {one["label"] for one in found["suspects"]} <= {"a", "b"}


def test_given_images_are_classified(client: TestClient, shades: Path) -> None:
    red = base64.b64encode((shades.parent / "a" / "0.png").read_bytes()).decode()
    body = {"images": [{"data": red}, {"id": 2}], "labels": "label"}
    told = result(client, "classify", body)
    assert [image["id"] for image in told["images"]] == [None, 2]
    job = client.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
    assert "data" not in str(job["parameters"])  # but a token


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        ("map", {"where": "width >"}, 422, "bad-filter", "width >"),
        ("map", {"where": "nothing = 1"}, 422, "bad-filter", "nothing"),
        ("map", {"columns": ["nothing"]}, 422, "bad-input", "nothing"),
        ("map", {"spaces": {"cls@99": 1}}, 422, "bad-input", "cls@99"),
        ("map", {"filter": {"column": "width"}}, 422, "bad-filter", "width"),
        ("map", {"layout": "tsne"}, 422, "bad-request", "layout"),
        ("sample", {"count": 0}, 422, "bad-request", "count"),
        ("compare", {"a": "width >"}, 422, "bad-filter", "width >"),
        ("compare", {"a": "true", "group_by": "nothing"}, 422, "bad-input", "nothing"),
        ("compare", {}, 422, "bad-request", "a"),
        ("audit", {"against": "width >"}, 422, "bad-filter", "width >"),
        ("audit", {"space": "cls@99"}, 422, "bad-input", "cls@99"),
        ("duplicates", {"since": "width >"}, 422, "bad-filter", "width >"),
        ("classify", {}, 422, "bad-request", "give images, or a filter"),
        ("classify", {"where": "true", "by": "probe"}, 422, "bad-input", "probe"),
        ("classify", {"images": [{"id": 99}], "labels": "label"}, 404, "not-found", "99"),
        ("classify", {"where": "true", "labels": "nothing"}, 422, "bad-input", "nothing"),
        ("labels", {"what": "guess"}, 422, "bad-request", "what"),
        ("labels", {"what": "report", "labels": "nothing"}, 422, "bad-input", "nothing"),
        ("labels", {"what": "report", "space": "cls@99"}, 422, "bad-input", "cls@99"),
        ("labels", {"what": "suspects", "min_probability": 0.5}, 422, "bad-request", "leave it"),
        ("compare-images", {"a": {"id": 1}, "b": {"id": 99}}, 404, "not-found", "99"),
        ("trash", {"images": [1]}, 403, "not-set-up", "moves no files"),
    ],
)
def test_what_is_bound_to_fail_is_refused_at_once(
    client: TestClient, path: str, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    refused(client, path, body, status, code, says)


def test_two_images_that_are_not_there_are_refused(client: TestClient) -> None:
    reply = client.get("/v1/compare-images", params={"a": 1, "b": 99})
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found")
    assert client.get("/v1/compare-images", params={"a": "x", "b": 1}).status_code == 422


def test_only_copies_that_were_named_go_to_the_trash(
    vitrail: Vitrail,
    paint: Callable[..., Path],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: list[str] = []

    def throw_away(path: str) -> None:
        gone.append(path)
        Path(path).unlink()

    monkeypatch.setattr("send2trash.send2trash", throw_away)
    for number in (1, 2):
        draw(number).save(folder / f"{number}.png")
        draw(number).save(folder / f"{number}-copy.jpg", quality=60)
    vitrail.index(folder)
    options = ServiceOptions({"c": vitrail.home}, tmp_path / "state", trash=True)
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        found = result(client, "duplicates", {})
        copies = {copy["name"]: copy["id"] for g in found["groups"] for copy in g["copies"]}
        assert len(copies) == 2
        (name, image), *_ = sorted(copies.items())
        told = result(client, "trash", {"images": [image]})
        assert [one["name"] for one in told["moved"]] == [name]
        assert [Path(path).name for path in gone] == [name]
        (job,) = client.get("/v1/jobs", params={"kind": "trash"}).json()["jobs"]
        listed = (options.state / "trash" / f"{job['id']}.jsonl").read_text()
        assert gone[0] in listed
        again = result(client, "trash", {"images": [image]})
        assert again["moved"] == []
        assert str(tmp_path) not in str(again)
        strange = {"images": [image], "space": "cls@99"}
        refused(client, "trash", strange, 422, "bad-input", "cls@99")
    read = replace(options, trash=False)
    with TestClient(create_app(read), base_url="http://127.0.0.1:8000") as client:
        refused(client, "trash", {"images": [image]}, 403, "not-set-up")
        assert client.post(f"/v1/jobs/{job['id']}/retry").status_code == 409
