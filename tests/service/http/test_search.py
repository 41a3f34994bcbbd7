"""Searches over HTTP: what a call in this process answers, with its receipt."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem, png
from vitrail.search.query import SearchResult
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.images import ExplainReply
from vitrail.service.http.schemas.searches import BatchReply, SearchReply, SpreadReply
from vitrail.service.operations import prompting
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.searching import QueryImage

RED, BLUE, BLACK = (250, 5, 0), (0, 10, 240), (0, 0, 0)


def ask(client: TestClient, *positive: dict[str, Any], **said: Any) -> Any:
    answer = client.post("/v1/search", json={"positive": positive, **said})
    assert answer.status_code == 200, answer.text
    SearchReply.model_validate(answer.json())
    return answer.json()


def same(told: Any, result: SearchResult) -> None:
    """A reply that tells what a result does."""
    assert [(hit["id"], hit["scores"]) for hit in told["hits"]] == [
        (hit.id, hit.scores) for hit in result.hits
    ]
    assert [hit["score"] for hit in told["hits"]] == [hit.score for hit in result.hits]
    assert (told["next"] is None) == (result.next is None)  # a cursor holds the filter's text
    assert told["weights"] == result.weights
    receipt = told["receipt"]
    assert (receipt["exact"], receipt["estimated_recall"]) == (result.exact, 1.0)
    assert (receipt["candidates"], receipt["allowed"]) == (result.candidates, result.allowed)
    assert result.origin is not None
    assert receipt["commit"] == result.origin.commit
    assert receipt["encoder"]["fingerprint"] == result.origin.fingerprint


def test_by_id(reader: TestClient, collection: Collection) -> None:
    told = ask(reader, {"id": 3}, k=5)
    same(told, collection.similar(3, k=5))
    assert told["receipt"]["commit"] == collection.store.snapshot().state.seq
    assert told["receipt"]["encoder"]["checkpoint"] == "colours"
    assert told["receipt"]["encoder"]["fingerprint"] == collection.fingerprint.digest
    assert {"embed", "rank", "metadata"} <= told["receipt"]["seconds"].keys()
    assert told["query"] == {"title": "image 3, " + name_of(collection, 3), "images": []}


def name_of(collection: Collection, image_id: int) -> str:
    (image,) = collection.store.metadata([image_id])
    return str(image.name)


def test_an_image_is_the_same_however_it_is_sent(
    reader: TestClient, collection: Collection
) -> None:
    data = png(RED, BLACK)
    found = collection.search(data, k=4)
    token = reader.post("/v1/uploads", content=data).json()["upload"]
    same(ask(reader, {"upload": token}, k=4), found)
    same(ask(reader, {"data": base64.b64encode(data).decode()}, k=4), found)
    form = reader.post("/v1/search/image", params={"k": 4}, files={"image": ("a.png", data)})
    assert form.status_code == 200
    same(form.json(), found)


def test_several_and_what_they_shall_not_be_like(
    reader: TestClient, collection: Collection
) -> None:
    data = png(RED, BLACK)
    part = {"data": base64.b64encode(data).decode()}
    told = ask(reader, part, {"id": 2}, negative=[{"id": 9}], k=4, fusion="best-score")
    same(told, collection.search(data, 2, negative=[9], k=4, fusion="best-score"))
    assert told["hits"][0]["seed_ranks"]


def test_by_vectors(reader: TestClient, collection: Collection) -> None:
    rows = {space: collection.store.vectors([4], space)[0] for space in collection.store.spaces}
    part = {"vector": {space: row.tolist() for space, row in rows.items()}}
    same(ask(reader, part, k=3), collection.find(rows, k=3))


def test_a_part_of_an_image(reader: TestClient, collection: Collection) -> None:
    data = png(RED, BLACK)
    part = {"data": base64.b64encode(data).decode(), "box": "0%,0%,100%,50%"}
    same(ask(reader, part, k=3), collection.search(data, box="0%,0%,100%,50%", k=3))
    stored = {"id": 1, "box": "0,8,24,8"}
    same(ask(reader, stored, k=3), collection.search(1, box=(0, 8, 24, 8), k=3))


@pytest.mark.parametrize(
    ("said", "keywords"),
    [
        ({"filter": {"column": "width", "at_least": 26}}, {"where": "width >= 26"}),
        ({"where": "label = 'warm'"}, {"where": "label = 'warm'"}),
        (
            {"where": "width < 28", "filter": {"not": {"column": "label", "is": "warm"}}},
            {"where": "width < 28 AND NOT label = 'warm'"},
        ),
        ({"only": "generated"}, {"only": "generated"}),
        ({"min_score": 0.2}, {"min_score": 0.2}),
        ({"spaces": {"mean@2": 1.0}}, {"spaces": {"mean@2": 1.0}}),
        ({"group_by": "label"}, {"group_by": "label"}),
        ({"diverse": 0.7}, {"diverse": 0.7}),
        ({"sort": ["-name"]}, {"sort": ["-name"]}),
        ({"exact": True}, {"exact": True}),
    ],
)
def test_options_do_what_they_do_elsewhere(
    reader: TestClient, collection: Collection, said: dict[str, Any], keywords: dict[str, Any]
) -> None:
    told = ask(reader, {"id": 3}, k=6, **said)
    same(told, collection.similar(3, k=6, **keywords))
    assert told["hits"]


def test_pages_joined_are_one_long_answer(reader: TestClient) -> None:
    whole = [hit["id"] for hit in ask(reader, {"id": 3}, k=100)["hits"]]
    assert len(whole) == 11
    found, after = list[int](), None
    while after is not None or not found:
        told = ask(reader, {"id": 3}, k=4, **({} if after is None else {"after": after}))
        found += [hit["id"] for hit in told["hits"]]
        after = told["next"]
    assert found == whole


def test_where_nothing_passes_it_says_why(reader: TestClient) -> None:
    told = ask(reader, {"id": 3}, where="label = 'wram'")
    assert not told["hits"]
    assert told["reason"] == "no image passes the filter"
    assert any("warm" in hint for hint in told["hints"])
    assert told["receipt"]["allowed"] == 0


def test_just_the_columns_that_are_asked_for(reader: TestClient) -> None:
    (hit,) = ask(reader, {"id": 3}, k=1, fields=["name", "stars"])["hits"]
    assert hit["metadata"].keys() == {"name", "stars"}
    (hit,) = ask(reader, {"id": 3}, k=1, fields=["*"])["hits"]
    assert {"prompt", "recipe", "stars", "note", "added_at"} <= hit["metadata"].keys()


def test_where_files_lie_is_told_where_it_may_be(
    reader: TestClient, painted: ServiceOptions
) -> None:
    for fields in (["*"], None):
        answer = reader.post(
            "/v1/search", json={"positive": [{"id": 3}], "fields": fields, "group_by": "folder"}
        )
        assert answer.status_code == 200
        assert str(painted.state.parent) not in answer.text
    for name in ("path", "paths", "folder"):
        said = {"positive": [{"id": 3}], "fields": [name]}
        is_problem(reader.post("/v1/search", json=said), 403, "withheld")


def test_a_batch_answers_each_as_alone(reader: TestClient) -> None:
    searches: list[dict[str, Any]] = [
        {"positive": [{"id": 3}], "k": 3},
        {"positive": [{"id": 99}]},
        {"positive": [{"id": 5}], "k": 2, "where": "label = 'cold'"},
    ]
    answer = reader.post("/v1/search/batch", json={"searches": searches})
    BatchReply.model_validate(answer.json())
    first, second, third = answer.json()["answers"]
    for told, asked in ((first, searches[0]), (third, searches[2])):
        alone = reader.post("/v1/search", json=asked).json()
        assert told["hits"] == alone["hits"]
    assert (second["problem"]["status"], second["problem"]["code"]) == (404, "not-found")


def test_why_an_image_is_found(reader: TestClient) -> None:
    told = ask(reader, {"id": 3}, k=4, explain=2)
    explained = [hit.get("explanation") for hit in told["hits"]]
    assert [one is None for one in explained] == [False, False, True, True]
    hit = told["hits"][1]
    assert sum(hit["explanation"]["shares"].values()) == pytest.approx(hit["score"])
    assert np.array(hit["explanation"]["hit"]["grid"]).shape == (4, 4)
    one = reader.get(f"/v1/images/{hit['id']}/explain", params={"query": 3}).json()
    ExplainReply.model_validate(one)
    assert (one["score"], one["explanation"]) == (hit["score"], hit["explanation"])
    sent = {"positive": [{"id": 3}], "id": hit["id"], "where": "false", "k": 7}
    again = reader.post("/v1/search/explain", json=sent).json()
    assert again["explanation"] == hit["explanation"]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({}, 422, "bad-request"),
        ({"positive": []}, 422, "bad-request"),
        ({"positive": [{}]}, 422, "bad-request"),
        ({"positive": [{"id": 1, "upload": "x"}]}, 422, "bad-request"),
        ({"positive": [{"id": "1"}]}, 422, "bad-request"),
        ({"positive": [{"id": 1}], "K": 3}, 422, "bad-request"),
        ({"positive": [{"id": 1}], "k": 0}, 422, "bad-request"),
        ({"positive": [{"id": 1}], "k": 1001}, 422, "over-limit"),
        ({"positive": [{"id": 1, "seeds": 2}]}, 422, "bad-request"),
        ({"positive": [{"text": "x", "box": "0,0,1,1"}]}, 422, "bad-request"),
        ({"positive": [{"id": 77}]}, 404, "not-found"),
        ({"positive": [{"upload": "../../etc/passwd"}]}, 404, "unknown-upload"),
        ({"positive": [{"upload": "0" * 64}]}, 404, "unknown-upload"),
        ({"positive": [{"data": "no base64!"}]}, 422, "bad-input"),
        ({"positive": [{"data": "aGVsbG8="}]}, 422, "unusable-image"),
        ({"positive": [{"id": 1, "box": "0,0,900,900"}]}, 422, "bad-input"),
        ({"positive": [{"id": 1, "box": "everything"}]}, 422, "bad-input"),
        ({"positive": [{"id": 1, "box": "0,0,1,1", "region": "0,0,1,1"}]}, 422, "bad-input"),
        ({"positive": [{"vector": {"mean@1": [1.0, 0.0]}}]}, 422, "bad-input"),
        ({"positive": [{"vector": {"mean@7": [1.0]}}]}, 422, "bad-input"),
        ({"positive": [{"id": 1}, {"id": 1}]}, 422, "bad-input"),
        ({"positive": [{"id": 1}], "spaces": {"cls@3": 1.0}}, 422, "bad-input"),
        ({"positive": [{"id": 1}], "where": "nothing = 1"}, 422, "bad-filter"),
        ({"positive": [{"id": 1}], "where": "1; DROP TABLE images"}, 422, "bad-filter"),
        ({"positive": [{"id": 1}], "filter": {"column": "width"}}, 422, "bad-filter"),
        ({"positive": [{"id": 1}], "filter": {"column": "nothing", "is": 1}}, 422, "bad-filter"),
        ({"positive": [{"id": 1}], "filter": {"colum": "width"}}, 422, "bad-request"),
        ({"positive": [{"id": 1}], "fields": ["nothing"]}, 422, "bad-input"),
        ({"positive": [{"id": 1}], "after": "nonsense"}, 422, "bad-input"),
        ({"positive": [{"id": 1}], "group_by": "label", "diverse": 0.5}, 422, "bad-input"),
        ({"positive": [{"id": 1}], "negative": [{"id": 1}]}, 422, "bad-input"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(
    reader: TestClient, said: dict[str, Any], status: int, code: str
) -> None:
    is_problem(reader.post("/v1/search", json=said), status, code)


def test_problems_tell_what_to_do(reader: TestClient) -> None:
    told = is_problem(
        reader.post("/v1/search", json={"positive": [{"data": "aGVsbG8="}]}), 422, "unusable-image"
    )
    assert told["reason"] == "not-an-image"
    told = is_problem(
        reader.post("/v1/search", json={"positive": [{"id": 1}], "k": 9999}), 422, "over-limit"
    )
    assert "next" in told["remedy"]
    told = is_problem(
        reader.post("/v1/search?collection=none", json={"positive": [{"id": 1}]}),
        404,
        "unknown-collection",
    )
    assert "painted" in told["detail"]


def test_too_many_at_once_are_refused(reader: TestClient) -> None:
    sent = {"searches": [{"positive": [{"id": 1}]}] * 257}
    is_problem(reader.post("/v1/search/batch", json=sent), 422, "over-limit")


@pytest.mark.parametrize(
    ("searches", "what"),
    [
        ([{"positive": [{"id": 1}], "k": 1000}] * 11, "11,000 hits"),
        ([{"positive": [{"id": 1}], "explain": 13}] * 5, "65 hits to explain"),
        ([{"positive": [{"id": 1}], "negative": [{"prompt": "a", "seeds": 13}] * 5}], "65 images"),
        ([{"positive": [{"prompt": "a", "seeds": 13}]}] * 5, "65 images"),
    ],
)
def test_questions_that_take_too_much_together_are_refused(
    reader: TestClient, searches: list[dict[str, Any]], what: str
) -> None:
    told = is_problem(
        reader.post("/v1/search/batch", json={"searches": searches}), 422, "over-limit"
    )
    assert what in told["detail"]
    if len(searches) == 1:
        for path, more in (("", {}), ("/scores", {}), ("/explain", {"id": 2})):
            sent = searches[0] | more
            is_problem(reader.post(f"/v1/search{path}", json=sent), 422, "over-limit")


def test_how_all_images_score(reader: TestClient, collection: Collection) -> None:
    said = {"positive": [{"id": 3}], "where": "width > 24", "k": 2, "min_score": 0.9, "bins": 8}
    answer = reader.post("/v1/search/scores", json=said)
    SpreadReply.model_validate(answer.json())
    told = answer.json()
    scores = [hit.score for hit in collection.similar(3, k=100, where="width > 24").hits]
    assert (told["compared"], told["images"]) == (len(scores), len(scores))
    assert (told["low"], told["high"]) == pytest.approx((min(scores), max(scores)))
    edges = np.linspace(told["low"], told["high"], 9)
    assert told["counts"] == np.histogram(np.asarray(scores, np.float32), edges)[0].tolist()
    assert told["receipt"]["exact"]
    nothing = reader.post("/v1/search/scores", json={**said, "where": "false"}).json()
    assert (sum(nothing["counts"]), nothing["images"]) == (0, 0)
    is_problem(reader.post("/v1/search/scores", json={"positive": []}), 422, "bad-request")


def test_images_that_a_prompt_makes_can_be_shown_and_asked_with(
    reader: TestClient, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = tuple(
        QueryImage(png(RED, (0, 0, 9 * seed)), f"seed {seed}", made=True) for seed in range(2)
    )
    monkeypatch.setattr(prompting, "_draw", lambda *_: drawn)
    told = ask(reader, {"prompt": "a red fox", "seeds": 2, "unrelated": 0}, k=3)
    same(told, collection.search(*(image.data for image in drawn), k=3))
    assert told["evidence"]["overlap"] is not None
    assert [one["caption"] for one in told["query"]["images"]] == ["seed 0", "seed 1"]
    token = told["query"]["images"][0]["upload"]
    assert reader.get(f"/v1/uploads/{token}").headers["content-type"] == "image/webp"
    same(ask(reader, {"upload": token}, k=3), collection.search(drawn[0].data, k=3))
