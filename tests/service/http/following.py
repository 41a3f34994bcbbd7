"""Jobs asked for and followed, as the tests of every router do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from starlette.testclient import TestClient

SECONDS = 180.0  # within which a job has to be over, on however busy a machine
OVER = ("done", "failed", "cancelled", "interrupted")


def asked(client: TestClient, path: str, body: dict[str, Any], **headers: str) -> Any:
    """A job that was taken on."""
    reply = client.post(f"/v1/{path}", json=body, headers=headers)
    assert reply.status_code == 202, reply.text
    job = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def over(client: TestClient, job: str) -> Any:
    """The job, once it is over."""
    return becomes(client, job, *OVER)


def becomes(client: TestClient, job: str, *states: str) -> Any:
    """The job, once it is in one of these states."""
    end = time.monotonic() + SECONDS
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] not in states:
        assert found["state"] not in OVER, found
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


def result(client: TestClient, path: str, body: dict[str, Any]) -> Any:
    """What a job came to."""
    job = over(client, asked(client, path, body)["id"])
    assert job["state"] == "done", job
    reply = client.get(f"/v1/jobs/{job['id']}/result")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    return reply.json()


def refused(
    client: TestClient, path: str, body: dict[str, Any], status: int, code: str, *says: str
) -> Any:
    """A refusal at once, as a problem; no job is made."""
    before = client.get("/v1/jobs").json()
    reply = client.post(f"/v1/{path}", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), reply.text
    told = reply.json()
    assert told["code"] == code, told
    for words in says:
        assert words in told["detail"], told
    assert client.get("/v1/jobs").json() == before
    return told


def events(text: str) -> Iterator[dict[str, Any]]:
    """The events of a stream that has ended: id, name and data of each."""
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if ": " in line]
        told = {name: value for name, _, value in lines if name}
        if "data" in told:
            yield {**told, "data": json.loads(told["data"])}
