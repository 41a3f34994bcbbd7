"""A fingerprint names no space that could be another file's name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.encoders import read_fingerprint
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import is_space_name

GOOD = {"checkpoint": "a/b", "weights": "0" * 64, "preprocess": {}, "spaces": [["cls@12", 8]]}


def test_what_was_written_is_read() -> None:
    own = Fingerprint("a/b", "0" * 64, {"size": [2, 2]}, (("cls@12", 8), ("gem@0", 4)))
    assert Fingerprint.from_json(own.to_json()) == own
    noted = replace(own, settings="1" * 64)
    assert Fingerprint.from_json(noted.to_json()) == noted
    assert noted.digest == own.digest, "files are known by it, also those of before"


@pytest.mark.parametrize(
    ("key", "value", "agrees"),
    [
        ("hidden_act", "relu", False),
        ("num_attention_heads", 1, False),
        ("layer_norm_eps", 0.1, False),
        ("a_key_of_tomorrow", 7, False),
        ("id2label", {"0": "cat"}, True),
        ("transformers_version", "9.9", True),
        ("dtype", "float16", True),
        ("hidden_dropout_prob", 0.3, True),
        ("_name_or_path", "elsewhere", True),
    ],
)
def test_a_config_that_was_edited_is_noticed_where_it_matters(
    key: str, value: Any, agrees: bool, tmp_path: Path
) -> None:
    save_tower("vit", tmp_path)
    before = read_fingerprint(str(tmp_path))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {key: value}))
    after = read_fingerprint(str(tmp_path))
    assert after.digest == before.digest
    assert after.agrees(before) == before.agrees(after) == agrees
    assert replace(before, settings=None).agrees(after), "what was written before it was noted"
    if not agrees:
        assert "config.json" in before.difference(after)


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
