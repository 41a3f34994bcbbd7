from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.generator.training.captions import caption, corpus, with_article
from vitrail.generator.training.emoji import list_emoji
from vitrail.generator.training.tokenizer import build, build_once, learn_merges, tokenize


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build(corpus(list(list_emoji())))


def test_every_name_comes_back_and_fits(tokenizer: Any) -> None:
    for emoji in list_emoji():
        ids = tokenizer(f"a picture of {with_article(emoji.name)}").input_ids
        assert len(ids) <= tokenizer.model_max_length
        spoken = tokenizer.decode(tokenizer(emoji.name).input_ids, skip_special_tokens=True)
        assert spoken.replace(" ", "") == emoji.name.replace(" ", "")


def test_merges_are_the_frequent_pairs_and_ties_are_alphabetical() -> None:
    words = {"ab": 3, "abc": 1, "xy": 3, "q": 9}
    assert learn_merges(words, 2) == [("a", "b</w>"), ("x", "y</w>")]
    assert learn_merges(words, 99)[2:] == [("a", "b"), ("ab", "c</w>")]


def test_a_kept_tokenizer_is_used_again(tmp_path: Path) -> None:
    kept = build_once(tmp_path, ["red apple"], vocabulary=600, length=8)
    again = build_once(tmp_path, ["other words"], vocabulary=600, length=20)
    assert again.get_vocab() == kept.get_vocab()
    assert again.model_max_length == 8


def test_frequent_words_are_one_token(tokenizer: Any) -> None:
    assert tokenizer.tokenize("a red apple") == ["a</w>", "red</w>", "apple</w>"]


def test_saved_and_loaded_it_is_the_same(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path)
    assert again.model_max_length == tokenizer.model_max_length
    prompts = ["", "Red  APPLE", "an unknown wörd, 漢字 🍎"]
    assert tokenize(again, prompts).tolist() == tokenize(tokenizer, prompts).tolist()


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_any_prompt_has_the_same_length(tokenizer: Any, prompt: str) -> None:
    ids = tokenize(tokenizer, [prompt])
    assert ids.shape == (1, tokenizer.model_max_length)
    assert 0 <= int(ids.min()) <= int(ids.max()) < len(tokenizer)


def test_most_captions_are_the_name_and_articles_agree() -> None:
    apple = next(emoji for emoji in list_emoji() if emoji.name == "red apple")
    chance = random.Random(0)
    drawn = [caption(apple, chance) for _ in range(500)]
    assert 330 < drawn.count("red apple") < 450
    assert {"a red apple", "red apple emoji", "a picture of a red apple"} <= set(drawn)
    assert with_article("apple") == "an apple"


def test_some_captions_carry_what_people_add_out_of_habit() -> None:
    apple = next(emoji for emoji in list_emoji() if emoji.name == "red apple")
    chance = random.Random(0)
    longer = [one for one in (caption(apple, chance) for _ in range(500)) if "," in one]
    assert 0 < len(longer) < 100
    assert all(" apple, " in one for one in longer)
