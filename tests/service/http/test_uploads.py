"""Images handed in: kept for a while, and held to what an indexed one is."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import time
from dataclasses import replace

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem, png
from vitrail.service.http.app import create_app
from vitrail.service.http.options import Limits, ServiceOptions
from vitrail.service.http.routers.uploads import UploadReply
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope

RED = png((250, 5, 0))


def test_one_is_named_by_its_bytes(reader: TestClient) -> None:
    told = {
        "upload": hashlib.sha256(RED).hexdigest(),
        "width": 16,
        "height": 16,
        "format": "PNG",
        "bytes": len(RED),
    }
    for answer in (
        reader.post("/v1/uploads", content=RED),
        reader.post("/v1/uploads", content=RED, headers={"Content-Type": "image/jpeg"}),
        reader.post("/v1/uploads", files={"image": ("../x.png", RED)}),
    ):
        assert (answer.status_code, answer.json()) == (201, told)
        UploadReply.model_validate(answer.json())


def test_it_can_be_shown(reader: TestClient) -> None:
    token = reader.post("/v1/uploads", content=RED).json()["upload"]
    answer = reader.get(f"/v1/uploads/{token}?size=small")
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (16, 16)
    is_problem(reader.get("/v1/uploads/" + "0" * 64), 404, "unknown-upload")
    is_problem(reader.get("/v1/uploads/..%2f..%2fvitrail.json"), 404, "not-found")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (RED[:40], "truncated"),
        (RED[:33] + b"\0\0\0\0" + RED[37:], "broken"),
    ],
)
def test_what_could_not_be_indexed_is_refused_by_its_reason(
    reader: TestClient, data: bytes, reason: str
) -> None:
    told = is_problem(reader.post("/v1/uploads", content=data), 422, "unusable-image")
    assert told["reason"] in (reason, "truncated", "broken")
    assert "what was sent" in told["detail"]


def test_forms_without_one_file(reader: TestClient) -> None:
    is_problem(reader.post("/v1/uploads", files={"note": (None, "x")}), 422, "bad-input")
    two = [("image", ("a.png", RED)), ("image", ("b.png", RED))]
    assert reader.post("/v1/uploads", files=two).status_code == 400


# Starlette leaves the file of a part that never ends to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_that_ends_too_early(reader: TestClient) -> None:
    torn = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nabc'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = reader.post("/v1/uploads", content=torn, headers=headers)
    is_problem(answer, 422, "bad-input")
    gc.collect()


def test_more_pixels_than_may_be_sent(own: ServiceOptions) -> None:
    small = replace(own, limits=Limits(pixels=255))
    with TestClient(create_app(small), base_url="http://127.0.0.1:8000") as client:
        told = is_problem(client.post("/v1/uploads", content=RED), 422, "unusable-image")
        assert told["reason"] == "too-many-pixels"
        assert told["remedy"] == "scale it down"
        form = {"image": ("a.png", RED)}
        is_problem(client.post("/v1/search/image", files=form), 422, "unusable-image")


def test_after_an_hour_it_is_gone(writer: TestClient, own: ServiceOptions) -> None:
    token = writer.post("/v1/uploads", content=RED).json()["upload"]
    (path,) = (own.state / "uploads").rglob(token)
    assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077)[1] == 0
    os.utime(path, (time.time() - 3601, time.time() - 3601))
    told = is_problem(
        writer.post("/v1/search", json={"positive": [{"upload": token}]}), 404, "unknown-upload"
    )
    assert "upload it again" in told["remedy"]


def test_another_key_does_not_read_it(own: ServiceOptions) -> None:
    """Not even one that knows its token, which lists of jobs tell; nor by the job that has it."""
    mine, others = (
        {"Authorization": f"Bearer {make_key(own.state, KeyScope.WRITE)[1]}"} for _ in range(2)
    )
    guarded = replace(own, keys=True)
    with TestClient(create_app(guarded), base_url="http://127.0.0.1:8000") as client:
        token = client.post("/v1/uploads", content=RED, headers=mine).json()["upload"]
        shown, asked = f"/v1/uploads/{token}", {"positive": [{"upload": token}]}
        job = {"a": {"upload": token}, "b": {"id": 1}}

        def answers(who: dict[str, str]) -> list[int]:
            return [
                client.get(shown, headers=who).status_code,
                client.post("/v1/search", json=asked, headers=who).status_code,
                client.post("/v1/search/scores", json=asked, headers=who).status_code,
                client.get(f"/v1/images/1/explain?upload={token}", headers=who).status_code,
                client.post("/v1/compare-images", json=job, headers=who).status_code,
            ]

        assert answers(others) == [404] * 5
        assert answers(mine) == [200] * 4 + [202]
        told = is_problem(client.get(shown, headers=others), 404, "unknown-upload")
        # who hands in the same has it, too, and by the same name; what a job has outlives the hour
        again = client.post("/v1/uploads", content=RED, headers=others).json()["upload"]
        assert again == token
        assert client.get(shown, headers=others).status_code == 200
        for path in (own.state / "uploads").rglob("*"):
            if path.is_file():
                path.unlink()
        assert answers(others) == [404] * 5
        assert is_problem(client.get(shown, headers=others), 404, "unknown-upload") == told
        assert answers(mine) == [404] * 4 + [202]
