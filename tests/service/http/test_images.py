"""Images over HTTP: listed page by page, shown, given out, annotated, taken out."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.routers.files import FileReply
from vitrail.service.http.schemas.images import (
    ImageReply,
    LineageReply,
    ListReply,
    RecipeReply,
)
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.originals import Original

FOREVER = "private, max-age=31536000, immutable"


def listed(client: TestClient, **said: Any) -> Any:
    answer = client.get("/v1/images", params=said)
    assert answer.status_code == 200, answer.text
    ListReply.model_validate(answer.json())
    return answer.json()


@pytest.mark.parametrize(
    "sort", ["id", "-id", "stars", "-stars", "note,-width", "-added_at", "label,-name", "prompt"]
)
@pytest.mark.parametrize("where", [None, "width > 25"])
def test_pages_joined_are_the_whole_list(
    reader: TestClient, collection: Collection, sort: str, where: str | None
) -> None:
    filtered = {} if where is None else {"where": where}
    whole = [image.id for image in collection.select(where=where, sort=sort.split(","))]
    found, after = list[int](), None
    while after is not None or not found:
        page = listed(
            reader, sort=sort, k=5, **filtered, **({} if after is None else {"after": after})
        )
        assert page["total"] == len(whole)
        found += [image["id"] for image in page["images"]]
        after = page["next"]
    assert found == whole


def test_images_that_come_meanwhile_repeat_none(writer: TestClient) -> None:
    first = listed(writer, sort="-stars", k=4)
    gone = first["images"][0]["id"]
    assert writer.delete(f"/v1/images/{gone}").status_code == 200
    second = listed(writer, sort="-stars", k=20, after=first["next"])
    seen = [image["id"] for page in (first, second) for image in page["images"]]
    assert sorted(seen) == list(range(1, 13))


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"k": 0}, 422, "bad-request"),
        ({"k": 1001}, 422, "over-limit"),
        ({"sort": "nothing"}, 422, "bad-filter"),
        ({"where": "nothing"}, 422, "bad-filter"),
        ({"filter": "[1]"}, 422, "bad-filter"),
        ({"filter": "{"}, 422, "bad-filter"),
        ({"filter": "[" * 15_000}, 422, "bad-filter"),
        ({"only": "fakes"}, 422, "bad-request"),
        ({"after": "xyz"}, 422, "bad-input"),
        ({"after": "W10"}, 422, "bad-input"),
        ({"fields": "path"}, 403, "withheld"),
        ({"sort": "path"}, 403, "withheld"),
        ({"sort": ["width", "-FOLDER"]}, 403, "withheld"),
        ({"sort": "label,-path"}, 403, "withheld"),
    ],
)
def test_lists_that_cannot_be_had(
    reader: TestClient, said: dict[str, Any], status: int, code: str
) -> None:
    is_problem(reader.get("/v1/images", params=said), status, code)


def test_a_cursor_is_of_one_list(reader: TestClient) -> None:
    cursor = listed(reader, sort="stars", k=2)["next"]
    told = is_problem(reader.get("/v1/images", params={"after": cursor}), 422, "bad-input")
    assert "of another list" in told["detail"]


def test_a_filter_as_json_is_the_filter(reader: TestClient) -> None:
    page = listed(reader, filter='{"column": "label", "is": "warm"}', fields="label,name")
    assert [image["metadata"]["label"] for image in page["images"]] == ["warm"] * page["total"]
    assert page["total"] == page["receipt"]["allowed"] > 0


def test_where_none_is_listed_it_says_why(reader: TestClient) -> None:
    page = listed(reader, where="label = 'wram'")
    assert (page["images"], page["total"]) == ([], 0)
    assert page["reason"] == "no image passes the filter"
    assert page["hints"]


def test_one_image(reader: TestClient, collection: Collection) -> None:
    answer = reader.get("/v1/images/3").json()
    ImageReply.model_validate(answer)
    (known,) = collection.store.metadata([3])
    assert answer["metadata"]["content_hash"] == known.content_hash
    assert not answer["metadata"].keys() & {"path", "paths", "folder"}
    assert reader.get("/v1/images/3?fields=name").json()["metadata"] == {"name": known.name}
    is_problem(reader.get("/v1/images/77"), 404, "not-found")
    is_problem(reader.get("/v1/images/minus"), 422, "bad-request")


def test_where_files_lie_where_that_is_told(own: ServiceOptions) -> None:
    with TestClient(
        create_app(replace(own, paths=True)), base_url="http://127.0.0.1:8000"
    ) as open_:
        told = open_.get("/v1/images/3?fields=paths").json()["metadata"]
        assert os.path.isabs(told["paths"][0])
        assert told["paths_raw"] == [None]


def test_recipes_and_relatives(reader: TestClient, collection: Collection) -> None:
    (made, *_) = [image.id for image in collection.select(only="generated")]
    recipe = reader.get(f"/v1/images/{made}/recipe").json()
    RecipeReply.model_validate(recipe)
    assert recipe["recipe"]["prompt"] == "a fox's den"
    lineage = reader.get(f"/v1/images/{made}/lineage").json()
    LineageReply.model_validate(lineage)
    assert (lineage["parents"], lineage["children"]) == ([], [])
    is_problem(reader.get("/v1/images/77/lineage"), 404, "not-found")
    is_problem(reader.get("/v1/images/77/recipe"), 404, "not-found")


@pytest.mark.parametrize(("size", "side"), [("small", 256), ("medium", 768), ("large", 2048)])
def test_thumbnails_are_kept_by_what_they_show(
    writer: TestClient, own: ServiceOptions, size: str, side: int
) -> None:
    answer = writer.get("/v1/images/3/thumbnail", params={"size": size})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "WEBP"
        assert max(image.size) <= side
    content_hash = writer.get("/v1/images/3").json()["metadata"]["content_hash"]
    assert answer.headers["etag"] == f'"{content_hash}-{side}"'
    assert answer.headers["cache-control"] == "private, no-cache"
    for tag in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        again = writer.get(
            "/v1/images/3/thumbnail", params={"size": size}, headers={"If-None-Match": tag}
        )
        assert (again.status_code, again.content) == (304, b"")
    named = writer.get("/v1/images/3/thumbnail", params={"size": size, "v": content_hash[:12]})
    assert named.headers["cache-control"] == FOREVER
    kept = [path for path in (own.state / "thumbnails").rglob("*") if path.is_file()]
    assert len(kept) == 1
    other = {"v": "0" * 12 if content_hash[0] != "0" else "1" * 12}
    is_problem(writer.get("/v1/images/3/thumbnail", params=other), 404, "not-found")
    is_problem(writer.get("/v1/images/3/thumbnail?size=huge"), 422, "bad-request")
    is_problem(writer.get("/v1/images/77/thumbnail"), 404, "not-found")


def places(own: ServiceOptions) -> dict[int, Path]:
    with Collection.open(own.collections["painted"]) as collection:
        return {image.id: Path(image.path or "") for image in collection.select()}


def test_a_file_that_is_away_or_another_by_now(writer: TestClient, own: ServiceOptions) -> None:
    path = places(own)[3]
    held = path.read_bytes()
    asked = ("/v1/images/3/thumbnail", "/v1/images/3/file")
    try:
        for change in (path.unlink, lambda: path.write_bytes(held + b"\0")):
            change()
            for address in asked:
                told = is_problem(writer.get(address), 404, "file-away")
                assert "index it again" in told["remedy"]
                assert str(path.parent) not in told["detail"]
    finally:
        path.write_bytes(held)
    assert writer.get(asked[0]).status_code == 200


def test_files_are_given_out_as_they_were_indexed(writer: TestClient, own: ServiceOptions) -> None:
    path = places(own)[3]
    answer = writer.get("/v1/images/3/file")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert path.name in answer.headers["content-disposition"]
    known = {"If-None-Match": answer.headers["etag"]}
    assert writer.get("/v1/images/3/file", headers=known).status_code == 304


@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_leaves_no_file_open(tmp_path: Path, begun: bool) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" or not begun:
            raise OSError("it has left")

    (tmp_path / "a.png").write_bytes(b"abc")
    with (tmp_path / "a.png").open("rb") as file:
        original = Original("a.png", 3, "image/png", hashlib.sha256(b"abc").hexdigest(), file)
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        with pytest.raises(ClientDisconnect):
            asyncio.run(FileReply(original, {})(scope, receive, send))
        assert file.closed


def test_files_stay_where_the_service_keeps_them(own: ServiceOptions) -> None:
    kept = create_app(replace(own, originals=False))
    with TestClient(kept, base_url="http://127.0.0.1:8000") as client:
        is_problem(client.get("/v1/images/3/file"), 403, "withheld")
        assert client.get("/v1/images/3/thumbnail").status_code == 200


def test_an_image_that_is_taken_out_is_seen_no_more(
    writer: TestClient, own: ServiceOptions
) -> None:
    path = places(own)[3]
    assert writer.delete("/v1/images/3").json() == {"images": 1, "files": 0}
    assert path.exists()
    for address in ("", "/thumbnail", "/file", "/recipe", "/lineage"):
        is_problem(writer.get(f"/v1/images/3{address}"), 404, "not-found")
    is_problem(writer.post("/v1/search", json={"positive": [{"id": 3}]}), 404, "not-found")
    assert 3 not in [image["id"] for image in listed(writer)["images"]]
    is_problem(writer.delete("/v1/images/77"), 404, "not-found")


def test_annotations_can_be_filtered_by_at_once(writer: TestClient) -> None:
    sent = {"ids": [2, 4, 77, 2], "columns": {"kept": True, "seen": [1, None, 5, 3]}}
    assert writer.post("/v1/annotations", json=sent).json() == {"images": 2}  # the last word holds
    page = listed(writer, where="kept", fields="kept,seen")
    assert [(image["id"], image["metadata"]["seen"]) for image in page["images"]] == [
        (2, 3),
        (4, None),
    ]


def test_a_column_with_a_comma_in_its_name_is_told_and_sorted_by(writer: TestClient) -> None:
    sent = {"ids": [2, 4], "columns": {"Size, in cm": [3, 9], 'x"; drop table images;--': "é"}}
    assert writer.post("/v1/annotations", json=sent).json() == {"images": 2}
    asked = {"filter": '{"column": "size, in cm", "missing": false}', "sort": "-size, in cm"}
    for fields in ("Size, in cm", ["name", "Size, in cm"], ["name,width", "Size, in cm"]):
        page = listed(writer, fields=fields, **asked)
        told = [(image["id"], image["metadata"]["Size, in cm"]) for image in page["images"]]
        assert told == [(4, 9), (2, 3)]
    [image] = listed(writer, where="id = 2", fields="*")["images"]
    assert image["metadata"]['x"; drop table images;--'] == "é"
    known = writer.get("/v1/images/2", params={"fields": "name,Size, in cm"})
    is_problem(known, 422, "bad-input")  # which of them is meant, nobody can know


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"ids": [], "columns": {"a": 1}}, "bad-request"),
        ({"ids": [1], "columns": {}}, "bad-request"),
        ({"ids": [1], "columns": {"a": {"b": 1}}}, "bad-request"),
        ({"ids": [1], "columns": {"width": 1}}, "bad-input"),
        ({"ids": [1], "columns": {"__own": 1}}, "bad-input"),
        ({"ids": [1, 2], "columns": {"a": [1]}}, "bad-input"),
        ({"ids": [1, 2], "columns": {"a": [1, "x"]}}, "bad-input"),
        ({"ids": [1], "columns": {"a": "\ud800"}}, "bad-input"),
        ({"ids": [1], "columns": {"a": 2**70}}, "bad-input"),
    ],
)
def test_annotations_that_no_image_can_have(
    writer: TestClient, said: dict[str, Any], code: str
) -> None:
    before = listed(writer)["receipt"]["commit"]
    answer = writer.post(
        "/v1/annotations", content=json.dumps(said), headers={"Content-Type": "application/json"}
    )
    is_problem(answer, 422, code)
    assert listed(writer)["receipt"]["commit"] == before
