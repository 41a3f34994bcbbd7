from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import IPAdapter, Lora, MaskRecord, Parent, Recipe

BASE = Recipe(
    task="text-to-image",
    prompt="a red apple",
    checkpoint="embedded",
    checkpoint_hash="c" * 64,
    scheduler="ddim",
    steps=20,
    guidance=7.5,
    width=64,
    height=64,
    seed=1,
)
FULL = replace(
    BASE,
    task="inpaint",
    negative_prompt="worms",
    revision="abc",
    lora=(Lora("paint", "d" * 64, 0.5),),
    ip_adapter=IPAdapter("ip", "a" * 64, "b" * 64, 0.6),
    strength=0.25,
    style_strength=1.0,
    content_strength=0.0,
    mask=MaskRecord("box", "0,0,8,8", "e" * 64, 2),
    parents=(Parent("init", "f" * 64, 7),),
    versions={"torch": "2.0"},
)

shares = st.none() | st.floats(0, 1)
recipes = st.builds(
    Recipe,
    task=st.sampled_from(["text-to-image", "inpaint"]),
    prompt=st.text(),
    checkpoint=st.text(),
    checkpoint_hash=st.text(),
    scheduler=st.text(),
    steps=st.integers(),
    guidance=st.floats(allow_nan=False),
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    seed=st.integers(0, 2**63 - 1),
    negative_prompt=st.text(),
    revision=st.none() | st.text(),
    lora=st.lists(st.builds(Lora, st.text(), st.text(), st.floats(-2, 2)), max_size=3).map(tuple),
    strength=shares,
    style_strength=shares,
    content_strength=shares,
    style_method=st.none() | st.just("attention"),
    query_kept=shares,
    mask=st.none() | st.builds(MaskRecord, st.text(), st.text(), st.text(), st.integers(0, 9)),
    parents=st.lists(
        st.builds(Parent, st.text(), st.text(), st.none() | st.integers()), max_size=3
    ).map(tuple),
    versions=st.dictionaries(st.text(), st.text(), max_size=3),
)


@given(recipes)
def test_json_round_trip(recipe: Recipe) -> None:
    back = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert back == recipe
    assert back.identity == recipe.identity


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a green apple"},
        {"negative_prompt": ""},
        {"seed": 2},
        {"steps": 21},
        {"guidance": 7.0},
        {"scheduler": "euler"},
        {"width": 72},
        {"checkpoint_hash": "0" * 64},
        {"lora": (Lora("paint", "d" * 64, 0.6),)},
        {"lora": ()},
        {"ip_adapter": IPAdapter("ip", "a" * 64, "b" * 64, 0.5)},
        {"ip_adapter": None},
        {"strength": 0.3},
        {"style_strength": 0.9},
        {"content_strength": 0.1},
        {"style_method": "attention"},
        {"query_kept": 0.3},
        {"mask": MaskRecord("box", "0,0,8,8", "e" * 64, 3)},
        {"parents": (Parent("init", "0" * 64, 7),)},
        {"task": "style"},
    ],
)
def test_what_decides_the_image_decides_the_identity(change: dict[str, object]) -> None:
    assert replace(FULL, **change).identity != FULL.identity  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": "/elsewhere/model"},
        {"revision": None},
        {"versions": {"torch": "9"}},
        {"lora": (Lora("renamed", "d" * 64, 0.5),)},
        {"ip_adapter": IPAdapter("renamed", "a" * 64, "b" * 64, 0.6)},
        {"parents": (Parent("init", "f" * 64, None),)},
        {"mask": MaskRecord("image", "", "e" * 64, 2)},
    ],
)
def test_names_do_not_decide_the_identity(change: dict[str, object]) -> None:
    assert replace(FULL, **change).identity == FULL.identity  # type: ignore[arg-type]


def test_whole_numbers_are_the_same_recipe() -> None:
    assert replace(BASE, guidance=7).identity == replace(BASE, guidance=7.0).identity


@pytest.mark.parametrize(
    ("prompt", "start"),
    [
        ("A red apple, on a table!", "a-red-apple-on-a-table-1-"),
        ("Äpfel / ../../etc", "apfel-etc-1-"),
        ("赤いリンゴ", "image-1-"),
        ("x" * 300, "x" * 48 + "-1-"),
    ],
)
def test_file_names_are_plain(prompt: str, start: str) -> None:
    recipe = replace(BASE, prompt=prompt)
    assert recipe.file_name == f"{start}{recipe.identity[:12]}.png"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {**BASE.to_dict(), "seed": "1"},
        {**BASE.to_dict(), "prompt": None},
        {**BASE.to_dict(), "lora": 3},
        {**BASE.to_dict(), "parents": [1]},
        {**BASE.to_dict(), "versions": []},
        {**BASE.to_dict(), "steps": True},
    ],
)
def test_nonsense_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(InputError, match="no recipe"):
        Recipe.from_dict(data)


def test_unknown_fields_are_left_out() -> None:
    assert Recipe.from_dict({**BASE.to_dict(), "from_the_future": 1}) == BASE
