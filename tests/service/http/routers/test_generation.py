"""Images made by HTTP: every task, its refusals, and what comes of it, by a tiny checkpoint."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.generator.tiny import build_sd
from tests.service.http.following import asked, becomes, over, refused, result
from vitrail.generator.tasks import registry
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions

FEW = {"model": "tiny", "steps": 2, "guidance": 1, "scheduler": "ddim"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sd(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def client(options: ServiceOptions, checkpoint: Path) -> Iterator[TestClient]:
    """A service that draws by the tiny checkpoint as well."""
    models = {"embedded": "embedded", "tiny": str(checkpoint)}
    app = create_app(replace(options, models=models))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


def png(size: int = 32, seed: int = 0, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def uploaded(client: TestClient, data: bytes) -> dict[str, Any]:
    reply = client.post("/v1/uploads", content=data, headers={"Content-Type": "image/png"})
    assert reply.status_code == 201, reply.text
    return {"upload": reply.json()["upload"]}


def recipe(client: TestClient, image: int) -> Any:
    return client.get(f"/v1/images/{image}/recipe").json()["recipe"]


def test_every_task_makes_images_that_are_found(client: TestClient) -> None:
    assert client.get("/v1/models").json() == {"models": ["embedded", "tiny"]}
    made = result(client, "generate", {"prompt": "a red apple", "n": 2, "seed": 5, **FEW})
    assert (made["total"], made["made"], made["there"]) == (2, 2, 0)
    first, second = (image["id"] for image in made["images"])
    assert (recipe(client, first)["seed"], recipe(client, second)["seed"]) == (5, 6)
    again = result(client, "generate", {"prompt": "a red apple", "n": 2, "seed": 5, **FEW})
    assert (again["made"], again["there"], again["images"]) == (0, 2, made["images"])

    several = result(client, "generate", {"prompt": ["a cat", "a dog"], **FEW})
    assert [recipe(client, one["id"])["prompt"] for one in several["images"]] == ["a cat", "a dog"]

    varied = result(
        client, "image-to-image", {"image": {"id": first}, "prompt": "a green apple", **FEW}
    )
    (child,) = varied["images"]
    parents = client.get(f"/v1/images/{child['id']}/lineage").json()["parents"]
    assert [parent["id"] for parent in parents] == [first]

    noise = png()
    painted = result(
        client,
        "inpaint",
        {
            "image": uploaded(client, noise),
            "prompt": "a cat",
            "mask": {"box": [0, 0, 16, 16]},
            **FEW,
        },
    )
    file = client.get(f"/v1/images/{painted['images'][0]['id']}/file").content
    after, before = (np.asarray(Image.open(io.BytesIO(data))) for data in (file, noise))
    assert (after[16:] == before[16:]).all()
    assert (after[:16, :16] != before[:16, :16]).any()

    styled = result(
        client,
        "style",
        {
            "content": {"data": base64.b64encode(noise).decode()},
            "style": {"id": first},
            "prompt": "an apple",
            **FEW,
        },
    )
    assert styled["made"] == 1
    shown = result(
        client,
        "style",
        {
            "content": {"data": base64.b64encode(noise).decode()},
            "style": {"id": first},
            "prompt": "an apple",
            "method": "attention",
            "query_kept": 0.5,
            **{name: value for name, value in FEW.items() if name != "n"},
        },
    )
    assert shown["made"] == 1
    assert shown["images"][0]["id"] != styled["images"][0]["id"]


@pytest.mark.parametrize("kind", ["polygon", "image"])
def test_a_mask_is_a_polygon_or_an_image(client: TestClient, kind: str) -> None:
    if kind == "polygon":
        mask: dict[str, Any] = {"polygon": [[0, 0], [31, 0], [0, 31.5]]}
    else:
        drawn = np.zeros((32, 32), np.uint8)
        drawn[:8] = 255
        buffer = io.BytesIO()
        Image.fromarray(drawn).save(buffer, "PNG")
        mask = {"image": uploaded(client, buffer.getvalue())}
    body = {"image": uploaded(client, png()), "prompt": "a cat", "mask": mask, **FEW}
    made = result(client, "inpaint", body)
    assert recipe(client, made["images"][0]["id"])["mask"]["kind"] == kind


def test_what_cannot_be_made_is_refused_at_once(client: TestClient) -> None:
    image = {"id": 1}
    refused(client, "generate", {"prompt": "a", "model": "/etc"}, 422, "bad-input", "tiny")
    refused(client, "generate", {"prompt": " ", **FEW}, 422, "bad-input", "prompt is empty")
    refused(client, "generate", {"prompt": "a", **FEW, "steps": 0}, 422, "bad-request", "steps")
    refused(client, "generate", {"prompt": "a", **FEW, "n": "2"}, 422, "bad-request", "n")
    refused(client, "generate", {"prompt": "a", **FEW, "width": 33}, 422, "bad-input", "33")
    refused(
        client, "generate", {"prompt": "a", **FEW, "scheduler": "x"}, 422, "bad-input", "scheduler"
    )
    task = {"prompt": "a", **FEW}
    refused(client, "image-to-image", {"image": {"id": 99}, **task}, 404, "not-found", "99")
    refused(
        client, "image-to-image", {"image": {"upload": "0" * 64}, **task}, 404, "unknown-upload"
    )
    refused(client, "image-to-image", {"image": {"upload": "../x"}, **task}, 404, "unknown-upload")
    refused(client, "image-to-image", {"image": {"data": "!"}, **task}, 422, "bad-input", "base64")
    text = base64.b64encode(b"no image").decode()
    refused(client, "image-to-image", {"image": {"data": text}, **task}, 422, "unusable-image")
    refused(client, "image-to-image", {"image": {}, **task}, 422, "bad-request", "exactly one")
    both = {"id": 1, "data": text}
    refused(client, "image-to-image", {"image": both, **task}, 422, "bad-request", "exactly one")
    refused(client, "image-to-image", {"image": {"path": "/etc"}, **task}, 422, "bad-request")
    mask = {"box": [0, 0, 999, 9]}
    refused(
        client, "inpaint", {"image": image, "mask": mask, **task}, 422, "bad-input", "does not lie"
    )
    refused(client, "inpaint", {"image": image, "mask": {}, **task}, 422, "bad-request", "one of")
    other = {"image": {"data": base64.b64encode(png(8)).decode()}}
    refused(client, "inpaint", {"image": image, "mask": other, **task}, 422, "bad-input")


def test_an_upload_is_kept_for_as_long_as_its_job(client: TestClient, options: Any) -> None:
    image = uploaded(client, png(seed=3))
    body = {"image": image, "prompt": "a cat", "strength": 0.5, **FEW}
    job = over(client, asked(client, "image-to-image", body)["id"])
    assert job["state"] == "done"
    assert job["parameters"]["image"] == image
    for path in (options.state / "uploads").rglob("*"):
        if path.is_file():
            path.unlink()
    again = result(client, "image-to-image", job["parameters"])  # as "make again" does
    assert (again["made"], again["there"]) == (0, 1)


def test_half_made_images_are_shown_while_somebody_asks(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image waits until it was asked for, so that its steps are seen."""
    looking = threading.Event()
    run = registry.run

    def wait(*given: Any) -> Any:
        assert looking.wait(300)
        return run(*given)

    monkeypatch.setattr("vitrail.generator.batch.run", wait)
    body = {"prompt": "a cat", "n": 18, **FEW, "steps": 12}
    job = asked(client, "generate", body)["id"]
    becomes(client, job, "running")
    seen = client.get(f"/v1/jobs/{job}/preview")
    assert seen.status_code == 204
    looking.set()
    end = time.monotonic() + 300
    while (seen := client.get(f"/v1/jobs/{job}/preview")).status_code == 204:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert seen.headers["content-type"] == "image/webp"
    assert seen.headers["cache-control"] == "no-store"
    assert Image.open(io.BytesIO(seen.content)).size == (32, 32)
    client.delete(f"/v1/jobs/{job}")
    ended = over(client, job)
    assert ended["state"] == "cancelled"
    so_far = client.get(f"/v1/jobs/{job}/result").json()
    assert so_far["interrupted"] is True
    assert len(so_far["images"]) == so_far["made"] < 18
    assert all(image["id"] for image in so_far["images"])  # what was made is indexed
    client.post(f"/v1/jobs/{job}/retry")
    assert over(client, job)["state"] == "done"
    rest = client.get(f"/v1/jobs/{job}/result").json()
    assert (rest["there"], rest["made"] + rest["there"]) == (so_far["made"], 18)


def test_a_search_by_prompt_tells_what_a_search_tells(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    part = {"prompt": "a red apple", "seeds": 2, "model": "tiny", "unrelated": 0}
    body = {"positive": [part], "k": 3, "filter": {"column": "width", "at_least": 2}}
    found = result(client, "prompt-search", body)
    at_once = client.post("/v1/search", json=body).json()
    assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in at_once["hits"]]
    assert found["evidence"] == at_once["evidence"]
    assert found["receipt"]["exact"] is True
    assert [image["caption"] for image in found["query"]["images"]] == ["seed 0", "seed 1"]
    shown = client.get(f"/v1/uploads/{found['query']['images'][0]['upload']}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")

    refused(
        client,
        "prompt-search",
        {"positive": [{"prompt": " "}]},
        422,
        "bad-input",
        "prompt is empty",
    )
    elsewhere = {"positive": [{**part, "model": "x/y"}]}
    refused(client, "prompt-search", elsewhere, 422, "bad-input", "no model 'x/y'")
    assert client.post("/v1/search", json=elsewhere).status_code == 422
    refused(client, "prompt-search", {**body, "k": 10**6}, 422, "over-limit")
    refused(client, "prompt-search", {**body, "where": "nonsense ="}, 422, "bad-filter")
    refused(client, "prompt-search", {"positive": [{"id": 99}]}, 404, "not-found", "99")
