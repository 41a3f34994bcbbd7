"""A fingerprint names no space that could be another file's name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vitrail.indexer.encoders.base import Fingerprint
from vitrail.indexer.spaces import is_space_name

GOOD = {"checkpoint": "a/b", "weights": "0" * 64, "preprocess": {}, "spaces": [["cls@12", 8]]}


def test_what_was_written_is_read() -> None:
    own = Fingerprint("a/b", "0" * 64, {"size": [2, 2]}, (("cls@12", 8), ("gem@0", 4)))
    assert Fingerprint.from_json(own.to_json()) == own


@pytest.mark.parametrize(
    "name",
    ["../../x", "cls@2/..", "cls@2\n", "cls@\u0662", "/a", "", "cls", "@2", "CLS@2", 3, None],
)
def test_names_that_are_no_spaces(name: Any) -> None:
    assert not is_space_name(name)
    with pytest.raises(ValueError, match=r"is no name of an embedding space|no encoder is told"):
        Fingerprint.from_json(json.dumps(GOOD | {"spaces": [[name, 8]]}))


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "[" * 100_000]
    + [json.dumps(GOOD | {"spaces": spaces}) for spaces in (None, [], 3, [3], [["cls@1", 0]])]
    + [json.dumps(GOOD | {key: 3}) for key in GOOD],
)
def test_other_texts_are_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fingerprint.from_json(text)
