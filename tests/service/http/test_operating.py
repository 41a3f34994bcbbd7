"""Metrics, readiness, sessions: what is for who runs the service, and for its page."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.fakes import ColourEncoder
from tests.service.colours import TwoSpaceEncoder, load_colours
from tests.service.http.colours import png
from vitrail.indexer import encoders
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.service.http.app import create_app
from vitrail.service.http.hosting import Host
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key, revoke_key
from vitrail.service.http.security.scopes import KeyScope

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def open_to(tmp_path: Path) -> Any:
    CollectionStore.create(tmp_path / "colours", ColourEncoder().fingerprint).close()

    def opened(**said: Any) -> TestClient:
        options = ServiceOptions({"colours": tmp_path / "colours"}, tmp_path / "state", **said)
        return TestClient(create_app(options), base_url=HERE)

    return opened


def test_searches_are_counted_by_stage(client: TestClient) -> None:
    assert client.post("/v1/search", json={"positive": [{"id": 1}]}).status_code == 200
    image = {"data": base64.b64encode(png()).decode()}
    assert client.post("/v1/search", json={"positive": [image]}).status_code == 200
    told = client.get("/v1/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=")
    assert 'operation="search_images",status="200"} 2.0' in told.text
    assert 'vitrail_stage_seconds_count{stage="embed"} 2.0' in told.text
    assert 'vitrail_encoder_batches{images="1"} 1.0' in told.text
    assert "vitrail_jobs{" in told.text or "TYPE vitrail_jobs gauge" in told.text


def test_a_disk_that_is_nearly_full_and_a_collection_that_is_away_are_told(
    open_to: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_to() as client:
        assert client.get("/v1/readyz").json() == {
            "status": "ready",
            "reasons": [],
            "images": {"colours": 0},
        }
        client.app.state.host._troubles["colours"] = "unreadable"
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1 << 20))
        told = client.get("/v1/readyz").json()
        assert told["status"] == "degraded"
        assert "colours" in told["reasons"][0]
        assert "1 MiB left" in told["reasons"][1]


def test_it_is_not_ready_while_an_encoder_is_loaded(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def load(settings: EncoderSettings) -> TwoSpaceEncoder:
        assert gate.wait(60)
        return load_colours(settings)

    monkeypatch.setattr(encoders, "load_encoder", load)
    with TestClient(create_app(options), base_url=HERE) as client:
        told = client.get("/v1/readyz")
        assert (told.status_code, told.json()["status"]) == (503, "loading")
        assert "colours" in told.json()["reasons"][0]
        assert client.get("/v1/livez").status_code == 200
        gate.set()
        while (told := client.get("/v1/readyz")).status_code == 503:
            time.sleep(0.01)
        assert (told.json()["status"], told.json()["reasons"]) == ("ready", [])


def test_it_ends_in_peace_while_an_encoder_is_loaded(
    options: ServiceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being loaded finds its collection closed, and nobody wants to know."""
    begun, gate = threading.Event(), threading.Event()

    def load(_: EncoderSettings) -> TwoSpaceEncoder:
        begun.set()
        assert gate.wait(60)
        raise RuntimeError("closed meanwhile")

    monkeypatch.setattr(encoders, "load_encoder", load)
    monkeypatch.setattr("vitrail.service.http.hosting._PATIENCE", 0.01)
    with Host(options.collections, ahead=True) as host:
        assert begun.wait(60)
    gate.set()
    host._following.join(60)
    assert not host._following.is_alive()


def test_it_is_not_ready_where_the_table_of_jobs_is_gone(open_to: Any, tmp_path: Path) -> None:
    with open_to() as client:
        (tmp_path / "state" / "jobs.sqlite").unlink()
        told = client.get("/v1/readyz")
        assert (told.status_code, told.json()["status"]) == (503, "unready")
        assert told.json()["reasons"] == ["the table of jobs was taken away"]
        assert client.get("/v1/livez").status_code == 200


def test_who_may_not_ask_is_told_no_names(open_to: Any) -> None:
    with open_to(keys=True) as client:
        client.app.state.host._troubles["colours"] = "unreadable"
        told = client.get("/v1/readyz")
        assert told.json()["images"] == {}
        assert "colours" not in told.text
        assert client.get("/v1/metrics").status_code == 401


def test_a_browser_gives_its_key_once(open_to: Any, tmp_path: Path) -> None:
    key, text = make_key(tmp_path / "state", KeyScope.WRITE, name="page")
    with open_to(keys=True) as client:
        assert client.get("/v1/session").json()["scope"] is None
        assert client.post("/v1/session", json={"key": "vitrail_0_x"}).status_code == 401
        begun = client.post("/v1/session", json={"key": text})
        assert begun.json() == {
            "needs_key": True,
            "scope": "write",
            "name": "page",
            "read_only": False,
        }
        cookie = begun.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert text not in cookie
        assert client.get("/v1/images").status_code == 200
        assert client.get("/v1/session").json()["scope"] == "write"
        foreign = client.post("/v1/facets", json={}, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        revoke_key(tmp_path / "state", key.id)
        client.app.state.ring.refresh()
        assert client.get("/v1/images").status_code == 401


def test_a_session_can_be_ended(open_to: Any, tmp_path: Path) -> None:
    _, text = make_key(tmp_path / "state", KeyScope.READ)
    with open_to(keys=True) as client:
        client.post("/v1/session", json={"key": text})
        token = client.cookies["vitrail-session"]
        assert client.delete("/v1/session").status_code == 204
        assert (
            client.get("/v1/images", headers={"Cookie": f"vitrail-session={token}"}).status_code
            == 401
        )


def test_a_session_over_tls_stays_there(open_to: Any, tmp_path: Path) -> None:
    _, text = make_key(tmp_path / "state", KeyScope.READ)
    with open_to(keys=True) as client:
        begun = client.post("https://127.0.0.1:8000/v1/session", json={"key": text})
        assert "Secure" in begun.headers["set-cookie"]


def test_keys_are_tried_slowly(open_to: Any) -> None:
    with open_to(keys=True) as client:
        seen = [client.post("/v1/session", json={"key": str(n)}).status_code for n in range(22)]
    assert seen == [401] * 20 + [429] * 2
