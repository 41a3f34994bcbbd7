from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checkpoints.scope import outside_notes, scope_of
from vitrail.generator.images import InputImage, open_input_image
from vitrail.generator.training.emoji import Emoji
from vitrail.generator.training.scope import write_scope
from vitrail.indexer.errors import CheckpointError

EXAMPLES = Path(__file__).parents[3] / "examples"
EMBEDDED = find_checkpoint()


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple",
        "Apples",
        "a happy dog in the snow",
        "pizza, highly detailed, 4k",
        "a picture of a cat",
        "statue of liberty",
    ],
)
def test_names_and_what_captions_said_around_them_are_known(prompt: str) -> None:
    assert outside_notes(EMBEDDED, [prompt]) == []


@pytest.mark.parametrize("prompt", ["a windmill", "a dog riding a bicycle", "?", "ein Apfel"])
def test_anything_else_is_told_in_a_line(prompt: str) -> None:
    (note,) = outside_notes(EMBEDDED, [prompt])
    assert f"“{prompt}” is none of them" in note
    assert "demonstration of about 1,400 emoji by name, 64 pixels wide" in note
    assert "\n" not in note


def test_many_prompts_are_one_line() -> None:
    (note,) = outside_notes(EMBEDDED, ["a cat", "a windmill", "a dam\n" * 99, "a windmill"])
    assert "2 of the prompts, such as “a windmill”" in note
    (note,) = outside_notes(EMBEDDED, ["a dam\n" * 99])
    assert "\n" not in note
    assert len(note) < 200


def test_photographs_are_told_from_what_the_model_was_trained_on() -> None:
    photographs = [
        open_input_image(path) for path in sorted((EXAMPLES / "photographs").glob("*.jpg"))
    ]
    assert len(photographs) > 10
    for picture in photographs:
        (note,) = outside_notes(EMBEDDED, ["a cat"], [picture])
        assert f"{picture.name} is nothing like that: expect mush" in note
    emoji = [open_input_image(path) for path in sorted((EXAMPLES / "food").glob("*.webp"))]
    assert outside_notes(EMBEDDED, ["a cat"], emoji) == []


def test_other_models_have_no_such_limits(ordinary: CheckpointInfo) -> None:
    assert scope_of(ordinary) is None
    assert outside_notes(ordinary, ["a windmill"], [noise_image(32, 32)]) == []


def test_a_scope_is_no_part_of_what_decides_an_image(
    ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    write_scope(copy, [Emoji("x", "blue cat", ("cat", "third", "fourth"))])
    info = find_checkpoint(str(copy))
    assert info.content_hash == ordinary.content_hash
    assert outside_notes(info, ["a blue cat", "cat", "third"]) == []
    assert len(outside_notes(info, ["fourth"])) == 1
    white = InputImage(Image.new("RGB", (9, 9), "white"), "0" * 64)
    assert outside_notes(info, ["cat"], [white]) == []


def test_a_scope_that_cannot_be_read_is_one_line(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ordinary.path, tmp_path / "model"))
    for content in ("{", "[]"):
        (copy / "scope.json").write_text(content)
        with pytest.raises(CheckpointError, match="download it again"):
            outside_notes(find_checkpoint(str(copy)), ["cat"])
    (copy / "scope.json").write_text(json.dumps({}))
    assert len(outside_notes(find_checkpoint(str(copy)), ["cat"])) == 1
