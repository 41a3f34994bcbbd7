"""Indexing by HTTP: roots by name alone, what became of their files, and what could not be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.service.conftest import Vitrail
from tests.service.http.following import asked, becomes, over, refused, result
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions


@pytest.fixture
def roots(folder: Path, tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "more").mkdir()
    return {"photos": folder, "more": tmp_path / "more"}


@pytest.fixture
def client(options: ServiceOptions, roots: dict[str, Path]) -> Iterator[TestClient]:
    with TestClient(
        create_app(replace(options, roots=roots)), base_url="http://127.0.0.1:8000"
    ) as client:
        yield client


def images(client: TestClient) -> int:
    count: int = client.get("/v1/readyz").json()["images"]["colours"]
    return count


def test_a_root_is_indexed_and_found_at_once(
    client: TestClient, paint: Callable[..., Path], roots: dict[str, Path]
) -> None:
    paint("warm/orange.png", (255, 120, 0))
    (roots["photos"] / "warm" / "broken.png").write_bytes(b"no image")
    told = result(client, "index", {"root": "photos", "label_from": "parent"})
    assert (told["found"], told["encoded"], told["rejected"], told["interrupted"]) == (
        7,
        1,
        1,
        False,
    )
    assert images(client) == 6
    assert str(roots["photos"]) not in str(told)
    (job,) = client.get("/v1/jobs").json()["jobs"]
    assert job["progress"]["counts"]["encoded"] == 1
    rejects = client.get("/v1/rejects").json()
    assert rejects["total"] == 1
    assert rejects["receipt"]["commit"] > 0
    assert rejects["rejects"][0] | {"detail": "", "bytes": 0} == {
        "name": "broken.png",
        "root": "photos",
        "path": "warm/broken.png",
        "bytes": 0,
        "reason": rejects["rejects"][0]["reason"],
        "detail": "",
    }


def test_just_a_part_of_a_root(client: TestClient, paint: Callable[..., Path]) -> None:
    paint("warm/a.png", (200, 120, 0))
    paint("cold/b.png", (0, 120, 200))
    assert result(client, "index", {"root": "photos", "path": "cold"})["encoded"] == 1
    assert result(client, "index", {})["encoded"] == 1
    assert images(client) == 7


def test_who_writes_elsewhere_is_waited_for(
    client: TestClient, options: ServiceOptions, paint: Callable[..., Path]
) -> None:
    paint("warm/orange.png", (255, 120, 0))
    with CollectionStore.open(options.collections["colours"], writable=True):
        job = asked(client, "index", {"root": "photos"})["id"]
        waiting = becomes(client, job, "waiting")
        assert waiting["waiting_for"].startswith(f"process {os.getpid()} on ")
        assert waiting["waiting_for"].endswith("is writing to colours")
        decided = client.post("/v1/duplicates/decisions", json={"kind": "same", "images": [1, 2]})
        assert (decided.status_code, decided.json()["code"]) == (409, "locked")
    done = over(client, job)
    assert (done["state"], done["waiting_for"], done["tries"]) == ("done", None, 1)
    assert images(client) == 6


def test_roots_are_told_by_name(client: TestClient, roots: dict[str, Path]) -> None:
    shutil.rmtree(roots["more"])
    assert client.get("/v1/roots").json() == {
        "roots": [
            {"name": "photos", "path": None, "available": True},
            {"name": "more", "path": None, "available": False},
        ]
    }


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"root": "films"}, 404, "unknown-root", "there are: photos, more"),
        ({"root": "photos", "path": "../.."}, 422, "bad-input", "leads out of photos"),
        ({"root": "photos", "path": "/etc"}, 422, "bad-input", "leads out of photos"),
        ({"root": "photos", "path": "none"}, 404, "unknown-root", "nothing at 'none'"),
        ({"path": "warm"}, 422, "bad-input", "name its root"),
        ({"root": "photos", "folder": "/etc"}, 422, "bad-request", "folder"),
        ({"root": "photos", "exclude": "*.gif"}, 422, "bad-request", "exclude"),
    ],
)
def test_nothing_else_is(
    client: TestClient, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    refused(client, "index", body, status, code, says)


def test_a_service_without_roots_indexes_nothing(options: ServiceOptions) -> None:
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        told = refused(client, "index", {}, 422, "bad-input", "not set up to index")
        assert "--root" in told["remedy"]


def test_a_folder_that_lost_much_is_asked_about(
    client: TestClient, roots: dict[str, Path], paint: Callable[..., Path]
) -> None:
    for number in range(24):
        paint(f"many/{number}.png", (10 * number, 5, 250 - 10 * number))
    assert result(client, "index", {"root": "photos"})["encoded"] == 24
    shutil.rmtree(roots["photos"] / "many")
    job = over(client, asked(client, "index", {"root": "photos"})["id"])
    assert (job["state"], job["problem"]["code"]) == ("failed", "removals-refused")
    assert str(roots["photos"].parent) not in str(job)
    told = result(client, "index", {"root": "photos", "accept_removals": True})
    assert told["gone"] == 24


def test_a_key_is_answered_though_what_was_asked_for_is_gone(
    client: TestClient, paint: Callable[..., Path], roots: dict[str, Path]
) -> None:
    paint("part/a.png", (200, 100, 220))
    key, body = {"Idempotency-Key": "once"}, {"root": "photos", "path": "part"}
    job = asked(client, "index", body, **key)
    assert over(client, job["id"])["state"] == "done"
    shutil.rmtree(roots["photos"] / "part")
    refused(client, "index", body, 404, "unknown-root", "nothing at 'part'")
    again = client.post("/v1/index", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, job["id"]), again.text
    assert again.headers["idempotent-replayed"] == "true"
    other = client.post("/v1/index", json=body | {"rehash": True}, headers=key)
    assert other.json()["code"] == "idempotency-key-reused"


def test_no_link_leads_a_job_out_of_the_roots(
    client: TestClient,
    paint: Callable[..., Path],
    roots: dict[str, Path],
    tmp_path: Path,
    vitrail: Vitrail,
) -> None:
    (tmp_path / "private").mkdir()
    shutil.copy(paint("a.png", (90, 20, 160)), tmp_path / "private" / "b.png")
    Image.new("RGB", (16, 16), (3, 200, 77)).save(tmp_path / "private" / "c.png")
    Image.new("RGB", (16, 16), (3, 20, 77)).save(roots["more"] / "d.png")
    (roots["photos"] / "away").symlink_to(tmp_path / "private", target_is_directory=True)
    (roots["photos"] / "c.png").symlink_to(tmp_path / "private" / "c.png")
    (roots["photos"] / "d.png").symlink_to(roots["more"] / "d.png")  # of another root
    done = result(client, "index", {"root": "photos"})
    assert (done["encoded"], done["rejected"], done["unreadable"]) == (2, 2, [])
    told = client.get("/v1/rejects").json()["rejects"]
    assert {(one["path"], one["reason"]) for one in told} == {
        ("away", "outside"),
        ("c.png", "outside"),
    }
    assert "private" not in str(told)
    vitrail.index(roots["photos"])  # which follows them
    assert images(client) >= 7
    again = result(client, "index", {"root": "photos"})
    assert (again["gone"], again["rejected"], again["unreadable"]) == (0, 0, [])
    listed = client.get("/v1/images?k=50&fields=name").json()["images"]
    assert "c.png" in {one["metadata"]["name"] for one in listed}
