"""Decisions by HTTP: said, heeded at once, taken back, carried along."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.conftest import Vitrail
from tests.service.http.following import result
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions

PATH = "/v1/duplicates/decisions"


def test_a_decision_holds_until_it_is_taken_back(client: TestClient) -> None:
    made = client.post(PATH, json={"kind": "same", "images": [1, 2]})
    assert made.status_code == 201
    decision = made.json()
    assert (decision["kind"], decision["images"], decision["undone"]) == ("same", [1, 2], False)
    told = client.get(PATH).json()
    assert told["decisions"] == [decision]
    assert told["receipt"]["exact"]
    (group,) = result(client, "duplicates", {})["groups"]
    assert [copy["decided"] for copy in group["copies"]] == [True]

    undone = client.post(f"{PATH}/undo", json={"token": decision["token"]}).json()
    assert undone == {**decision, "undone": True}
    assert result(client, "duplicates", {})["groups"] == []
    again = client.post(f"{PATH}/undo", json={})
    assert (again.status_code, again.json()["code"]) == (422, "bad-input")


def test_what_is_no_decision_is_refused_and_not_written(client: TestClient) -> None:
    for body, status, code in (
        ({"kind": "same", "images": [1]}, 422, "bad-input"),
        ({"kind": "same", "images": [1, 1]}, 422, "bad-input"),
        ({"kind": "same", "images": [1, 99]}, 404, "not-found"),
        ({"kind": "other", "images": [1, 2]}, 422, "bad-request"),
        ({"kind": "same", "images": []}, 422, "bad-request"),
        ({"kind": "same", "images": [1, 2], "more": 1}, 422, "bad-request"),
    ):
        reply = client.post(PATH, json=body)
        assert (reply.status_code, reply.json()["code"]) == (status, code), body
    reply = client.post(f"{PATH}/undo", json={"token": "zzzz"})
    assert reply.status_code == 422
    assert client.get(PATH).json()["decisions"] == []


def test_decisions_made_at_once_are_all_made(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = 120.0  # on however busy a machine
    monkeypatch.setattr("vitrail.service.http.jobs.runner._MOMENT", patience)
    pairs = [[a, b] for a in range(1, 5) for b in range(a + 1, 6)][:6]
    codes: list[int] = []

    def decide(pair: list[int]) -> None:
        body = {"kind": "not-duplicates", "images": pair}
        codes.append(client.post(PATH, json=body).status_code)

    threads = [threading.Thread(target=decide, args=(pair,)) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [201] * len(pairs)
    assert len(client.get(PATH).json()["decisions"]) == len(pairs)


def test_decisions_are_carried_to_another_collection(
    vitrail: Vitrail, folder: Path, options: ServiceOptions, tmp_path: Path
) -> None:
    assert vitrail("index", folder, "-c", tmp_path / "other", "--checkpoint", "colours").code == 0
    both = replace(options, collections={**options.collections, "other": tmp_path / "other"})
    with TestClient(create_app(both), base_url="http://127.0.0.1:8000") as client:
        client.post(PATH, json={"kind": "keep", "images": [3]})
        client.post(PATH, json={"kind": "same", "images": [1, 2]})
        client.post(f"{PATH}/undo", json={})
        log = client.get(f"{PATH}/export").json()
        assert [one["kind"] for one in log["decisions"]] == ["keep", "same", "undo"]
        there = {"collection": "other"}
        assert client.post(f"{PATH}/import", json=log, params=there).json() == {"added": 3}
        assert client.post(f"{PATH}/import", json=log, params=there).json() == {"added": 0}
        told = client.get(PATH, params=there).json()["decisions"]
        assert [(one["kind"], one["undone"]) for one in told] == [("keep", False), ("same", True)]
        log["decisions"][0]["token"] = "nonsense"
        reply = client.post(f"{PATH}/import", json=log)
        assert (reply.status_code, reply.json()["code"]) == (422, "bad-input")
