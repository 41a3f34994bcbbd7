"""Jobs by HTTP: asked for once, listed, followed, cancelled, tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.http.following import asked, becomes, events, over, refused, result
from vitrail.service.http.app import create_app
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope
from vitrail.service.operations import sampling

SAMPLE = {"count": 2}


@pytest.fixture
def options(shades: Path, tmp_path: Path) -> ServiceOptions:
    """A service that nothing is written to."""
    return ServiceOptions({"colours": shades}, tmp_path / "state")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Samples wait until it is opened, or they are cancelled."""
    opened, real = threading.Event(), sampling.sample_images

    def wait(collection, options, *, cancellation=None):  # type: ignore[no-untyped-def]
        while not opened.wait(0.01):
            cancellation.check()
        return real(collection, options, cancellation=cancellation)

    monkeypatch.setattr(sampling, "sample_images", wait)
    yield opened
    opened.set()


def test_every_kind_has_an_address_and_a_name(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    for kind in KINDS:
        assert document["paths"][f"/v1/{kind}"]["post"]["responses"]["202"]
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert {*body["schema"]["discriminator"]["mapping"]} == {*KINDS}


def test_a_job_by_kind_is_the_job_of_its_address(client: TestClient) -> None:
    by_kind = asked(client, "jobs", {"kind": "sample", **SAMPLE})
    by_address = asked(client, "sample", SAMPLE)
    assert by_kind["kind"] == by_address["kind"] == "sample"
    assert by_kind["parameters"] == by_address["parameters"]
    for job in (by_kind, by_address):
        done = over(client, job["id"])
        assert (done["state"], done["result"], done["tries"]) == ("done", True, 1)
        assert done["created_at"] <= done["started_at"] <= done["finished_at"]
        assert done["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"kind": "dream"}, "dream"),
        ({}, "kind"),
        ({"kind": "sample", "count": 2, "unheard": 1}, "unheard"),
        ({"kind": "sample"}, "count"),
        ({"kind": "sample", "count": 0}, "0 was given, and 1 or more was expected"),
        ([], "body"),
    ],
)
def test_what_is_no_job_is_refused(client: TestClient, body: object, says: str) -> None:
    reply = client.post("/v1/jobs", json=body)
    assert (reply.status_code, reply.json()["code"]) == (422, "bad-request")
    assert says in reply.text
    assert client.get("/v1/jobs").json() == {"jobs": [], "next": None}


def test_a_job_waits_for_its_turn_and_can_be_cancelled(
    client: TestClient, gate: threading.Event
) -> None:
    first, second = asked(client, "sample", SAMPLE), asked(client, "sample", SAMPLE)
    becomes(client, first["id"], "running")
    third = asked(client, "sample", SAMPLE)
    assert client.get(f"/v1/jobs/{second['id']}").json()["position"] == 1
    assert (third["state"], third["position"]) == ("queued", 2)
    assert client.get(f"/v1/jobs/{third['id']}/result").json()["code"] == "job-state"
    for job in (second, first):
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 202
        assert over(client, job["id"])["state"] == "cancelled"
    gate.set()
    assert over(client, third["id"])["state"] == "done"
    assert client.get(f"/v1/jobs/{first['id']}/result").json()["code"] == "no-result"
    assert client.delete(f"/v1/jobs/{third['id']}").status_code == 409
    assert client.post(f"/v1/jobs/{third['id']}/retry").status_code == 409
    again = client.post(f"/v1/jobs/{first['id']}/retry")
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert over(client, first["id"])["state"] == "done"


def test_unknown_jobs_are_told_as_such(client: TestClient) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/retry"),
        ("GET", "/result"),
        ("GET", "/events"),
        ("GET", "/preview"),
    ):
        reply = client.request(method, f"/v1/jobs/0123456789abcdef{path}")
        assert (reply.status_code, reply.json()["code"]) == (404, "unknown-job")
        assert reply.headers["content-type"] == "application/problem+json"


def test_a_key_makes_one_job_however_often_it_is_sent(client: TestClient) -> None:
    job = asked(client, "sample", SAMPLE, **{"Idempotency-Key": "a"})
    again = client.post("/v1/sample", json=SAMPLE, headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()["id"]) == (202, job["id"])
    assert again.headers["idempotent-replayed"] == "true"
    other = client.post("/v1/sample", json={"count": 3}, headers={"Idempotency-Key": "a"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    elsewhere = client.post("/v1/map", json={"layout": "pca"}, headers={"Idempotency-Key": "a"})
    assert elsewhere.status_code == 422
    assert asked(client, "sample", SAMPLE, **{"Idempotency-Key": "b"})["id"] != job["id"]
    assert asked(client, "sample", SAMPLE)["id"] != job["id"]
    assert len(client.get("/v1/jobs").json()["jobs"]) == 3


def test_one_key_at_once_makes_one_job(client: TestClient) -> None:
    ids: list[str] = []

    def ask() -> None:
        ids.append(asked(client, "sample", SAMPLE, **{"Idempotency-Key": "k"})["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len({*ids}) == 1


def test_lists_are_chosen_and_paged(client: TestClient) -> None:
    jobs = [over(client, asked(client, "sample", SAMPLE)["id"])["id"] for _ in range(3)]
    last = over(client, asked(client, "compare", {"a": "width > 20"})["id"])
    assert last["state"] == "failed"
    first = client.get("/v1/jobs", params={"limit": 2}).json()
    assert [job["id"] for job in first["jobs"]] == [last["id"], jobs[2]]
    rest = client.get("/v1/jobs", params={"after": first["next"]}).json()
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == ([jobs[1], jobs[0]], None)

    def ids(**chosen: str | int | list[str]) -> list[str]:
        reply = client.get("/v1/jobs", params=chosen)
        return [job["id"] for job in reply.json()["jobs"]]

    assert ids(state=["failed", "running"]) == [last["id"]]
    assert ids(kind="sample") == jobs[::-1]
    assert ids(collection="colours", limit=1) == [last["id"]]
    assert ids(collection="others") == []


def test_what_fails_tells_why(client: TestClient) -> None:
    job = over(client, asked(client, "compare", {"a": "width > 20"})["id"])
    assert job["state"] == "failed"
    assert job["problem"]["code"] == "bad-input"
    assert "2 images" in job["problem"]["detail"]
    assert client.get(f"/v1/jobs/{job['id']}/result").status_code == 404


def test_events_go_on_where_the_client_left(client: TestClient, gate: threading.Event) -> None:
    job = asked(client, "sample", SAMPLE)["id"]
    becomes(client, job, "running")
    threading.Timer(0.3, gate.set).start()
    stream = client.get(f"/v1/jobs/{job}/events")
    assert stream.headers["content-type"].startswith("text/event-stream")
    told = [*events(stream.text)]
    assert [one["event"] for one in told] == ["job"] * len(told)
    assert (told[0]["data"]["state"], told[-1]["data"]["state"]) == ("running", "done")
    assert told[-1]["data"] == client.get(f"/v1/jobs/{job}").json()

    from_before = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": told[0]["id"]})
    assert [*events(from_before.text)] == [told[-1]]
    nothing_new = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": told[-1]["id"]})
    assert (nothing_new.status_code, nothing_new.content) == (204, b"")


def test_events_mean_the_same_to_another_process(options: ServiceOptions) -> None:
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        job = over(client, asked(client, "sample", SAMPLE)["id"])["id"]
        (last,) = events(client.get(f"/v1/jobs/{job}/events").text)
        before = client.get(f"/v1/jobs/{job}/result").content
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        reply = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last["id"]})
        assert reply.status_code == 204
        assert client.get(f"/v1/jobs/{job}/result").content == before


def test_there_is_no_preview_of_what_makes_none(client: TestClient) -> None:
    job = over(client, asked(client, "sample", SAMPLE)["id"])["id"]
    reply = client.get(f"/v1/jobs/{job}/preview")
    assert (reply.status_code, reply.content) == (204, b"")


def test_jobs_are_counted(client: TestClient) -> None:
    result(client, "sample", SAMPLE)
    assert 'vitrail_jobs{state="done"} 1.0' in client.get("/v1/metrics").text


def test_what_takes_too_much_to_describe_is_refused(client: TestClient) -> None:
    many = {"prompt": ["x" * 1000] * 300}
    refused(client, "generate", many, 422, "over-limit", "bytes to describe")


def test_an_unknown_collection_is_refused(client: TestClient) -> None:
    refused(client, "sample?collection=others", SAMPLE, 404, "unknown-collection", "others")


def test_by_whatever_address_only_an_admin_may_index_or_throw_away(
    options: ServiceOptions, tmp_path: Path
) -> None:
    guarded = replace(options, keys=True, trash=True, roots={"photos": tmp_path})
    _, text = make_key(guarded.state, KeyScope.WRITE)
    key = {"Authorization": f"Bearer {text}"}
    with TestClient(create_app(guarded), base_url="http://127.0.0.1:8000") as client:
        for path, body in (
            ("jobs", {"kind": "index"}),
            ("jobs", {"kind": "trash", "images": [1]}),
            ("index", {}),
            ("trash", {"images": [1]}),
        ):
            reply = client.post(f"/v1/{path}", json=body, headers=key)
            assert (reply.status_code, reply.json()["code"]) == (403, "not-allowed"), path
        sample = {"kind": "sample", **SAMPLE}
        assert client.post("/v1/jobs", json=sample, headers=key).status_code == 202
        assert client.post("/v1/jobs", json=sample).status_code == 401
        assert len(client.get("/v1/jobs", headers=key).json()["jobs"]) == 1
