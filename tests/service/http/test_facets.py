"""Values of columns with their numbers, against counting them one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.http.conftest import is_problem
from vitrail.service.http.routers.collections import (
    CollectionReply,
    CollectionsReply,
    ColumnsReply,
)
from vitrail.service.http.schemas.images import FacetsReply
from vitrail.service.operations.collection import Collection


def facets(client: TestClient, *columns: str, **said: Any) -> dict[str, Any]:
    answer = client.post("/v1/facets", json={"columns": columns, **said})
    assert answer.status_code == 200, answer.text
    FacetsReply.model_validate(answer.json())
    return {one["column"]: one for one in answer.json()["facets"]}


@pytest.mark.parametrize("where", [None, "width > 25", "label = 'warm'"])
def test_texts_are_counted_by_value(
    reader: TestClient, collection: Collection, where: str | None
) -> None:
    found = facets(reader, "label", "note", "generated", **({"where": where} if where else {}))
    images = list(collection.select(where=where))
    for column in ("label", "note", "generated"):
        counts = Counter(image.values[column] for image in images)
        missing = counts.pop(None, 0)
        told = {one["value"]: one["count"] for one in found[column]["values"]}
        assert (told, found[column]["missing"]) == (counts, missing)
        assert found[column]["distinct"] == len(counts)
        assert [one["count"] for one in found[column]["values"]] == sorted(
            counts.values(), reverse=True
        )


def test_rare_values_are_counted_together(reader: TestClient) -> None:
    name = facets(reader, "name", most=3)["name"]
    assert (len(name["values"]), name["others"], name["distinct"]) == (3, 9, 12)


@pytest.mark.parametrize("column", ["width", "stars", "bytes"])
def test_numbers_are_told_by_range(reader: TestClient, collection: Collection, column: str) -> None:
    found = facets(reader, column, bins=4)[column]
    values = [image.values[column] for image in collection.select()]
    known = [value for value in values if value is not None]
    assert found["missing"] == len(values) - len(known)
    bins = found["bins"]
    assert len(bins) <= 4
    assert (bins[0]["low"], bins[-1]["high"]) == (min(known), max(known))
    for place, one in enumerate(bins):
        last = place == len(bins) - 1
        within = [v for v in known if one["low"] <= v < one["high"] or (last and v == one["high"])]
        assert one["count"] == len(within)
        assert last or one["high"] == bins[place + 1]["low"]


def test_times_are_told_by_range(reader: TestClient) -> None:
    found = facets(reader, "added_at", "taken_at")
    assert sum(one["count"] for one in found["added_at"]["bins"]) == 12
    assert (found["taken_at"]["bins"], found["taken_at"]["missing"]) == ([], 12)


def test_lists_are_counted_by_what_they_have(reader: TestClient) -> None:
    found = facets(reader, "keywords")["keywords"]
    assert (found["values"], found["missing"]) == ([], 12)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"columns": []}, 422, "bad-request"),
        ({"columns": ["nothing"]}, 422, "bad-input"),
        ({"columns": ["folder"]}, 403, "withheld"),
        ({"columns": ["label"], "most": 0}, 422, "bad-request"),
        ({"columns": ["label"], "where": "nothing"}, 422, "bad-filter"),
        ({"columns": ["label"], "filter": {"column": "width"}}, 422, "bad-filter"),
    ],
)
def test_what_cannot_be_counted(
    reader: TestClient, said: dict[str, Any], status: int, code: str
) -> None:
    is_problem(reader.post("/v1/facets", json=said), status, code)


def test_columns_and_collections(reader: TestClient, collection: Collection) -> None:
    columns = reader.get("/v1/columns").json()
    ColumnsReply.model_validate(columns)
    by_name = {one["name"]: one for one in columns["columns"]}
    assert by_name["stars"] == {"name": "stars", "kind": "DOUBLE", "words": "number", "own": True}
    assert by_name["width"]["words"] == "number"
    listed = reader.get("/v1/collections").json()
    CollectionsReply.model_validate(listed)
    assert listed["collections"] == [{"name": "painted", "images": 12, "checkpoint": "colours"}]
    answer = reader.get("/v1/collection")
    CollectionReply.model_validate(answer.json())
    assert answer.json()["info"]["images"] == 12
    assert collection.store.directory not in answer.text
    assert answer.json()["receipt"]["commit"] == collection.store.snapshot().state.seq
