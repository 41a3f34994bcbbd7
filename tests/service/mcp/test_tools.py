"""The tools: what each answers, beside what the API does; what is refused, and how."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mcp_types import ImageContent
from PIL import Image
from starlette.testclient import TestClient

from tests.generator.tiny import build_sd
from tests.service.mcp.conftest import Assistant, Started, text_of
from vitrail.indexer.encoders import checkpoints
from vitrail.indexer.errors import InputError
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.mcp.images import OpenFolders
from vitrail.service.operations.collection import Collection

READING = {
    *("search", "describe_image", "list_images", "list_columns", "collection_info"),
    *("compare_images", "compare_sets", "find_duplicates"),
}


@pytest.fixture
def api(painted: ServiceOptions, tmp_path: Path) -> Iterator[TestClient]:
    options = replace(painted, state=tmp_path / "other")
    with TestClient(create_app(options), base_url="http://127.0.0.1:8000") as client:
        yield client


def without_times(told: Any) -> Any:
    """A reply but for how long it took."""
    assert told["receipt"]["seconds"]
    return {**told, "receipt": {k: v for k, v in told["receipt"].items() if k != "seconds"}}


def test_tools_say_what_they_take_give_and_change(started: Started) -> None:
    tools = started().tools()
    assert {*tools} == READING
    for name, tool in {**tools, **started(write=True).tools()}.items():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (name in READING)
        assert tool.output_schema is not None, name
        assert tool.output_schema["type"] == "object"
        assert tool.description
        assert not tool.description.startswith(" ")
        said = [*tool.input_schema.get("properties", {}).values()]
        refers = [one for one in said if "$ref" in one]
        assert all("description" in one for one in said if one not in refers), name


def test_answers_are_those_of_the_api_with_their_receipts(
    assistant: Assistant, api: TestClient
) -> None:
    found = assistant.told("search", images=[{"id": 3}], k=4, where="width > 10", fields=["name"])
    asked = {"positive": [{"id": 3}], "k": 4, "where": "width > 10", "fields": ["name"]}
    assert without_times(found) == without_times(api.post("/v1/search", json=asked).json())
    assert found["receipt"]["exact"] is True
    listed = assistant.told("list_images", k=5, sort=["-width"])
    there = api.get("/v1/images", params={"k": 5, "sort": "-width"}).json()
    sealed = {"next": None}  # by the secret of each service
    assert without_times(listed) | sealed == without_times(there) | sealed
    more = assistant.told("list_images", k=5, sort=["-width"], after=listed["next"])
    assert not {one["id"] for one in listed["images"]} & {one["id"] for one in more["images"]}
    for tool, address in (("list_columns", "columns"), ("collection_info", "collection")):
        assert without_times(assistant.told(tool)) == without_times(
            api.get(f"/v1/{address}").json()
        )


def test_an_image_is_named_by_id_file_or_bytes(assistant: Assistant, images: Path) -> None:
    file = next(images.glob("warm/*.png"))
    by_path = assistant.told("search", images=[{"path": str(file)}], k=1)["hits"]
    data = base64.b64encode(file.read_bytes()).decode()
    by_bytes = assistant.told("search", images=[{"data": data}], k=1)["hits"]
    assert by_path[0]["id"] == by_bytes[0]["id"]
    assert by_path[0]["metadata"]["name"] == file.name
    part = {"id": by_path[0]["id"], "box": "0%,0%,50%,50%"}
    mixed = assistant.told("search", images=[part], unlike=[{"data": data}], k=2)
    assert len(mixed["hits"]) == 2


def test_an_image_is_described_and_shown(assistant: Assistant) -> None:
    made = assistant.told("list_images", only="generated", k=1)["images"][0]["id"]
    result = assistant.call("describe_image", id=made)
    told = result.structured_content
    assert told["metadata"]["prompt"] == "a fox's den"
    assert told["recipe"]["sampler"] == "Euler"
    assert (told["parents"], told["children"]) == ([], [])
    assert told["receipt"]["commit"] > 0
    shown = result.content[1]
    assert isinstance(shown, ImageContent)
    assert shown.mime_type == "image/webp"
    with Image.open(io.BytesIO(base64.b64decode(shown.data))) as image:
        assert image.size == (32, 32)
    assert len(assistant.call("describe_image", id=made, size="none").content) == 1
    found = assistant.call("search", images=[{"id": made}], k=5, show=3)
    assert [type(one) for one in found.content[1:]] == [ImageContent] * 3


def test_as_many_groups_of_copies_are_told_as_are_asked_for(assistant: Assistant) -> None:
    copies = assistant.told("find_duplicates", groups=1)
    assert len(copies["groups"]) <= 1 <= copies["images"]
    assert copies["found"] >= len(copies["groups"])


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "says"),
    [
        ("search", {}, "bad-input", "nothing was given"),
        ("search", {"images": [{"id": 1}], "limit": 3}, "bad-request", "there is no limit"),
        ("search", {"images": [{"id": 1}], "k": 0}, "bad-request", "k: "),
        ("search", {"images": [{}]}, "bad-request", "images.0: give exactly one of"),
        ("search", {"images": [{"id": 1, "path": "a"}]}, "bad-request", "not id and path"),
        ("search", {"images": [{"id": 999}]}, "not-found", "999"),
        ("search", {"images": [{"data": "?"}]}, "bad-input", "base64"),
        ("search", {"images": [{"id": 1}], "where": "widht > 2"}, "bad-filter", "width"),
        ("search", {"prompt": "a fox", "model": "dream"}, "bad-input", "dream"),
        ("search", {"images": [{"id": 1}], "spaces": {"a": "nan"}}, "bad-request", "spaces.a"),
        ("search", {"images": [{"id": 1}], "min_score": "nan"}, "bad-request", "min_score"),
        ("describe_image", {"id": 999}, "not-found", "999"),
        ("describe_image", {"id": "one"}, "bad-request", "id: "),
        ("list_images", {"fields": ["path"]}, "withheld", "path"),
        ("compare_images", {"a": {"id": 1}}, "bad-request", "b: "),
        ("compare_images", {"a": {"id": 1}, "b": {"id": 999}}, "not-found", "999"),
        ("compare_sets", {"a": "width <"}, "bad-filter", "width <"),
        ("compare_sets", {"a": "generated"}, "bad-input", "too few to compare"),
    ],
)
def test_problems_are_told_by_code(
    assistant: Assistant, tool: str, arguments: dict[str, Any], code: str, says: str
) -> None:
    told = assistant.refused(tool, **arguments)
    assert told["code"] == code
    assert says in told["detail"]
    assert told.get("remedy", "told") != ""


def test_a_text_that_nothing_reads_is_refused_in_words_of_the_tool(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SimpleNamespace(projected=None)
    monkeypatch.setattr(checkpoints, "find_encoder_checkpoint", lambda *_: plain)
    told = assistant.refused("search", text="a dog")
    assert told["code"] == "reads-no-text"
    assert told["detail"].startswith("colours reads no text, so that 'a dog'")
    assert told["remedy"].startswith("ask by a prompt in its place")
    assert "--" not in "".join(told.values())  # nobody here has typed a command


def test_only_files_of_open_folders_are_read(
    started: Started, images: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (8, 8)).save(outside / "secret.png")
    opened = tmp_path / "opened"
    opened.mkdir()
    (opened / "link.png").symlink_to(outside / "secret.png")
    os.mkfifo(opened / "pipe.png")
    (opened / "empty.png").touch()
    with (opened / "huge.png").open("wb") as file:
        file.truncate((32 << 20) + 1)
    closed = started()
    for path in (next(images.glob("*.png")), outside / "secret.png", outside / "none.png"):
        assert closed.refused("search", images=[{"path": str(path)}])["code"] == "withheld"
    assistant = started(opened)
    for name in ("../outside/secret.png", "link.png", "../opened", "/etc/passwd", ".."):
        told = assistant.refused("search", images=[{"path": str(opened / name)}])
        assert told["code"] == "withheld", name
        assert str(opened) in told["detail"]
    for name, says in (
        ("pipe.png", "no file of an image"),
        ("empty.png", "empty"),
        ("huge.png", "33,554,432 may be sent"),
        ("none.png", "No such file"),
        ("na\0me.png", "NUL"),
        ("na\ud800me.png", "no text"),
    ):
        told = assistant.refused("search", images=[{"path": f"{opened}/{name}"}])
        assert told["code"] in ("unusable-image", "bad-input")
        assert says in told["detail"], told
    with pytest.raises(InputError, match="is no folder"):
        OpenFolders([tmp_path / "none"])


def test_nothing_is_written_unless_it_may_be(
    started: Started, painted: ServiceOptions, tmp_path: Path
) -> None:
    with Collection.open(painted.collections["painted"]) as collection:
        before = len(collection.store)
    refused = started().call("generate", prompt="a fox")
    assert refused.is_error
    assert "generate" in text_of(refused)
    models = {"embedded": "embedded", "tiny": str(build_sd(tmp_path / "tiny"))}
    assistant = started(write=True, models=models)
    few = {"steps": 2, "guidance": 1, "model": "tiny"}
    result = assistant.call("generate", prompt="a red apple", n=2, seed=7, **few)
    made = result.structured_content
    assert (made["made"], made["there"]) == (2, 0), result.content
    assert isinstance(result.content[1], ImageContent)
    shown = assistant.told("describe_image", id=made["images"][0]["id"], size="none")
    assert (shown["recipe"]["prompt"], shown["recipe"]["seed"]) == ("a red apple", 7)
    again = assistant.told("generate", prompt="a red apple", n=2, seed=7, **few, show=0)
    assert (again["made"], again["there"]) == (0, 2)
    with Collection.open(painted.collections["painted"]) as collection:
        assert len(collection.store) == before + 2
    assert assistant.refused("generate", prompt="a fox", model="dream")["code"] == "bad-input"
