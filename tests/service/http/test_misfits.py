"""What does not fit of a request is told in our words: what came, what was expected, a remedy."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.testclient import TestClient

from tests.service.cli.test_reaching import COMMANDS
from tests.service.http.conftest import is_problem
from vitrail.service.http.app import create_app
from vitrail.service.http.jobs.registry import KINDS
from vitrail.service.http.misfits import _HERE_ALONE, MOST_TOLD, in_a_line, misfits
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.schemas.generation import GenerateBody
from vitrail.service.http.schemas.searches import SearchRequest

PYDANTICS = ("Input", "input", "valid ", "pydantic", "constrained", "validat", "<class", "String")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/v1/images/abc", 'path.image_id: "abc" was given, and a whole number was expected'),
        ("/v1/images/1.5", 'path.image_id: "1.5" was given, and a whole number was expected'),
        ("/v1/images/-1", 'path.image_id: "-1" was given, and 0 or more was expected'),
        (f"/v1/images/{2**63}", f'"{2**63}" was given, and less than {2**63} was expected'),
        ("/v1/images?k=many", 'query.k: "many" was given, and a whole number was expected'),
        ("/v1/images?k=0", 'query.k: "0" was given, and 1 or more was expected'),
        ("/v1/images?only=fakes", "and 'all', 'generated' or 'real' was expected"),
        ("/v1/images/1/thumbnail?size=huge", "and 'small', 'medium' or 'large' was expected"),
        ("/v1/images?k=x&draw=y", ", and 1 more"),
    ],
)
def test_parameters(reader: TestClient, address: str, told: str) -> None:
    problem = is_problem(reader.get(address), 422, "bad-request")
    assert told in problem["detail"]
    assert problem["remedy"] == "look into /docs, which tells what is taken here"
    assert not any(word in problem["detail"] for word in PYDANTICS)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "body: it is no JSON: "),
        (b"[]", "body: a list of 0 entries was given, and an object was expected"),
        (b"{}", "body.positive: it is needed, and was not given"),
        (b'{"positive": 7}', "body.positive: 7 was given, and a list was expected"),
        (b'{"positive": []}', "a list of 0 entries was given, and at least 1 of them was expected"),
        (b'{"positive": [{"id": "7"}]}', 'body.positive.0.id: "7" was given, and a whole number'),
        (b'{"positive": [{"id": 7}], "k": true}', "body.k: true was given, and a whole number"),
        (b'{"positive": [{"id": 7}], "K": 7}', "body.K: there is no such member; leave it out"),
        (b'{"positive": [{}]}', "body.positive.0: give exactly one of id, upload"),
        (b'{"positive": [{"id": 7}], "min_score": 2}', "2 was given, and 1 or less was expected"),
        (
            b'{"positive": [{"id": 7}], "\\ud800": 7}',
            'body: "\\ud800" was given, and a text of Unicode was expected',
        ),
        (b'{"positive": [{"id": 7}], "k": "\\ud800"}', 'body.k: "\\ud800" was given'),
        (b'{"positive": [{"id": 7}], "filter": {"column": "a", "above": []}}', "body.filter.above"),
    ],
)
def test_bodies(reader: TestClient, body: bytes, told: str) -> None:
    answer = reader.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    problem = is_problem(answer, 422, "bad-request")
    assert told in problem["detail"]
    assert not any(word in json.dumps(problem["errors"]) for word in PYDANTICS)


@pytest.mark.parametrize(("number", "name"), [("1e999", "Infinity"), ("NaN", "NaN")])
def test_numbers_without_end(reader: TestClient, number: str, name: str) -> None:
    """What Python takes for numbers no reply could tell, but as null, which clears a column."""
    for address, body, place in (
        ("annotations", f'{{"ids": [1], "columns": {{"stars": {number}}}}}', "body.columns.stars"),
        ("annotations", f'{{"ids": [1], "columns": {{"stars": [{number}]}}}}', "columns.stars.0"),
        ("search", f'{{"positive": [{{"id": 1}}], "diverse": {number}}}', "body.diverse"),
    ):
        headers = {"Content-Type": "application/json"}
        answer = reader.post(f"/v1/{address}", content=body.encode(), headers=headers)
        detail = is_problem(answer, 422, "bad-request")["detail"]
        assert f"{place}: {name} was given, and " in detail
        assert "a number from -1.8e308 to 1.8e308" in detail


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "body: kind says what it is; it is needed, and was not given"),
        ({"kind": "dream"}, "body: kind is \"dream\", and one of 'index', "),
        ({"kind": "distil"}, "run `vitrail distil` on the machine that serves"),
        ({"kind": "convert-pickle"}, "run `vitrail index --convert-pickle` on the machine"),
        ({"kind": "sample", "count": 0}, "body.count: 0 was given, and 1 or more was expected"),
    ],
)
def test_jobs_of_any_kind(reader: TestClient, body: dict[str, Any], told: str) -> None:
    problem = is_problem(reader.post("/v1/jobs", json=body), 422, "bad-request")
    assert told in problem["detail"]


def test_what_is_done_elsewhere_is_a_command(reader: TestClient) -> None:
    for name, command in _HERE_ALONE.items():
        assert name not in KINDS
        words = command.split()
        assert words[0] in COMMANDS
        assert {*words[1:]} <= {opt for one in COMMANDS[words[0]].params for opt in one.opts}


def test_forms(reader: TestClient) -> None:
    field = reader.post("/v1/search/image", files={"image": (None, "text")})
    assert "a file was expected" in is_problem(field, 422, "bad-request")["detail"]
    headers = {"Content-Type": "multipart/form-data"}
    torn = reader.post("/v1/search/image", content=b"--x\r\nContent-Dis", headers=headers)
    problem = is_problem(torn, 400, "bad-request")
    assert problem["detail"].startswith("the form cannot be read: it is torn")
    assert problem["remedy"] == "send one image as multipart/form-data"


def test_addresses(own: ServiceOptions) -> None:
    below = replace(own, root_path="/pictures")
    with TestClient(create_app(below), base_url="http://127.0.0.1:8000") as client:
        nothing = is_problem(client.get("/v1/nothing"), 404, "not-found")
        assert nothing["remedy"].endswith("look into /docs, which lists all that there are")
        is_problem(client.put("/v1/images/3"), 405, "method-not-allowed")


def test_what_may_be_of_several_kinds_is_told_once() -> None:
    def told(body: dict[str, Any]) -> list[dict[str, str]]:
        with pytest.raises(ValidationError) as caught:
            GenerateBody.model_validate(body)
        return misfits(caught.value.errors(), body)

    assert told({"prompt": 5}) == [
        {"at": "prompt", "problem": "5 was given, and a text or a list was expected"}
    ]
    assert told({"prompt": ["a", 5]}) == [
        {"at": "prompt.1", "problem": "5 was given, and a text was expected"}
    ]
    assert told({"prompt": "a", "guard": {"rate": 1, "against": {"were": "x"}}}) == [
        {"at": "guard.rate", "problem": "1 was given, and less than 1 was expected"},
        {"at": "guard.against.were", "problem": "there is no such member; leave it out"},
    ]


def test_names_of_members_stay_within_a_line() -> None:
    for name in ("\n", "a\rb", "\x85", "\u2028", "\x1b[31m"):
        with pytest.raises(ValidationError) as caught:
            SearchRequest.model_validate({name: None})
        line = in_a_line(misfits(caught.value.errors(), {name: None}))
        assert len(line.splitlines()) == 1
        assert line.isprintable()


def test_many_are_not_all_told() -> None:
    body = {"positive": [{"id": "x"}] * 60}
    with pytest.raises(ValidationError) as caught:
        SearchRequest.model_validate(body)
    assert len(misfits(caught.value.errors(), body)) == MOST_TOLD


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_no_body_gets_a_sentence_of_others(kind: str, data: st.DataObject) -> None:
    """Whatever is sent: it fits, or each place is told in a short line that JSON can hold."""
    model = KINDS[kind].body
    names = st.sampled_from(sorted(model.model_fields)) | st.text(max_size=9)
    body = data.draw(st.dictionaries(names, JSON, max_size=4))
    try:
        model.model_validate(body)
    except ValidationError as error:
        told = misfits(error.errors(), body)
        line = in_a_line(told)
        line.encode()
        assert len(line.splitlines()) == 1
        known = set(_texts(body))
        for one in told:
            said = one["problem"]
            for text in known:
                said = said.replace(json.dumps(text, ensure_ascii=False)[:60], "")
            assert not any(word in said for word in PYDANTICS), one
            assert len(said) < 300


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    if isinstance(value, float) and not math.isfinite(value):
        return []
    return [value] if isinstance(value, str) else []


def test_a_crowd_of_misfits_costs_no_more_than_each_by_itself() -> None:
    """Compared with one another, so many would hold the service up for an hour."""
    count = 100_000
    nulls: list[ErrorDetails] = [
        {"type": "model_attributes_type", "loc": ("body", "searches", i), "msg": "", "input": None}
        for i in range(count)
    ]
    told = misfits(nulls, {"searches": [None] * count})
    assert len(told) == MOST_TOLD
    assert told[0] == {
        "at": "body.searches.0",
        "problem": "null was given, and an object was expected",
    }
