"""JSON that is valid whatever it holds, and tells no place where none is to be told."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.service.documents.plain import (
    encoder_name,
    model_name,
    plain_json,
    readable,
    without_places,
)

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)


@given(values)
def test_whatever_it_holds_is_json(document: object) -> None:
    text = plain_json(document)
    json.loads(text)
    assert text.isascii()


def test_what_json_has_no_numbers_for_is_null() -> None:
    assert plain_json([float("nan"), float("inf"), 1.5]) == "[null, null, 1.5]"
    assert plain_json({"at": datetime(2026, 1, 2), "b": b"\xff"}) == (
        '{"at": "2026-01-02 00:00:00", "b": "/w=="}'
    )


places = st.sampled_from(["path", "path_raw", "paths", "paths_raw", "folder", "directory"])


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.one_of(
            st.lists(inner), st.dictionaries(st.one_of(places, st.sampled_from("abc")), inner)
        ),
        max_leaves=12,
    )
)
def test_no_place_is_left_at_any_depth(document: object) -> None:
    told = json.dumps(without_places(plain(document)))
    for name in ("path", "path_raw", "paths", "paths_raw", "folder", "directory"):
        assert f'"{name}"' not in told


def plain(document: object) -> object:
    """Paths as documents have them: texts, and lists of them."""
    if isinstance(document, dict):
        own = {name: plain(inner) for name, inner in document.items()}
        return (
            own
            | ({"path": "/a/b"} if "path" in own else {})
            | ({"paths": ["/a/b"]} if "paths" in own else {})
        )
    return [plain(inner) for inner in document] if isinstance(document, list) else document


def test_a_file_keeps_its_name() -> None:
    given_ = {"a": [{"id": 1, "path": "/home/me/fox.png", "path_raw": None}], "name": "x"}
    assert without_places(given_) == {"a": [{"id": 1, "name": "fox.png"}], "name": "x"}
    assert without_places({"paths": ["/a/b.png", "/c.png"]}) == {"name": "b.png"}
    assert without_places({"path": None}) == {"name": None}
    assert without_places({"name": "own", "path": "/a/b"}) == {"name": "own"}


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ("/home/me/models/red fox", "red fox"),
        ("/home/me/models/fox.safetensors", "fox.safetensors"),
        ("models/mine/fox/", "fox"),
        ("./fox", "fox"),
        ("~/fox", "fox"),
        ("C:\\models\\fox", "fox"),
        ("google/vit-base-patch16-224", "google/vit-base-patch16-224"),
        ("embedded", "embedded"),
    ],
)
def test_a_model_is_called_by_its_last_name(given_: str, told: str) -> None:
    assert model_name(given_) == told
    assert encoder_name(f"{given_} [0123456789; cls@1]") == f"{told} [0123456789; cls@1]"
    recipe = {"recipe": {"checkpoint": given_, "prompt": "/a/b"}, "model": given_}
    assert without_places([recipe]) == [
        {"recipe": {"checkpoint": told, "prompt": "/a/b"}, "model": told}
    ]
    compared = {"name": "checkpoint", "first": given_, "second": None, "same": False}
    assert without_places(compared) == compared | {"first": told}


def test_bytes_that_are_no_text_are_shown_escaped() -> None:
    assert readable("a\udcffb") == "a\\xffb"
    assert readable("a\ud800b") == "a\\ud800b"
