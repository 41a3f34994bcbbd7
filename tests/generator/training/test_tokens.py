"""Tokens of one's own: what learns, what does not, and what other tools load of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from tests.generator.training.lessons import learned, make_task, paint, run
from tests.generator.training.test_saving import plain
from tests.generator.training.test_tuning import OPTIONS
from tests.indexer.training.runs import same
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.models.libraries import quiet
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.models.prompt_length import count_tokens
from vitrail.generator.training.adapting import GeneratorTrainee, build_trainee
from vitrail.generator.training.captioned import CaptionedImage, encode_captions
from vitrail.generator.training.saving import save_generator, token_files
from vitrail.generator.training.tokens import OwnRows
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.indexer.training.tasks import LoopProgress

INVERSION = replace(OPTIONS, method="inversion", tokens=("<zeb>", "<yak-2>"), vectors=3)
PROMPT = "a <zeb> <yak-2> cat"
Checkpoints = Callable[[str], CheckpointInfo]


def drawn(pipeline: Any, prompt: str = PROMPT) -> np.ndarray[Any, Any]:
    with quiet():
        pipeline.set_progress_bar_config(disable=True)
        found: np.ndarray[Any, Any] = pipeline(
            prompt,
            num_inference_steps=4,
            width=32,
            height=32,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images
    return found


def named(folder: Path) -> list[CaptionedImage]:
    """Painted images whose captions name the tokens."""
    tokens = INVERSION.tokens
    return [
        replace(one, caption=f"a {tokens[number % 2]} cat")
        for number, one in enumerate(paint(folder))
    ]


def rows_of(trainee: GeneratorTrainee) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in trainee.trained().items()}


@pytest.mark.parametrize("kind", ["ordinary", "xl"])
def test_rows_of_the_tokens_learn_and_nothing_else(
    checkpoint: Checkpoints, tmp_path: Path, kind: str
) -> None:
    task = make_task(checkpoint(kind), named(tmp_path / "images"), replace(INVERSION, steps=12))
    assert all(name.endswith("token_embedding.rows") for name in task.trained())
    assert len(task.trained()) == (2 if kind == "xl" else 1)
    parts = [one for one in task.trainee.pipeline.components.values() if isinstance(one, nn.Module)]
    before = [{k: v.clone() for k, v in part.state_dict().items()} for part in parts]
    with torch.no_grad():
        first = task.evaluate(lambda: None)
    run(task, tmp_path / "run")
    with torch.no_grad():
        last = task.evaluate(lambda: None)
    assert first is not None
    assert last is not None
    assert last.told["fixed loss"] < first.told["fixed loss"]
    for part, was in zip(parts, before, strict=True):
        changed = {k for k, v in part.state_dict().items() if not v.equal(was[k])}
        assert all(name.endswith("token_embedding.rows") for name in changed)
        assert bool(changed) == any(name.endswith("token_embedding.rows") for name in was)


@pytest.mark.parametrize("kind", ["ordinary", "xl"])
def test_what_was_learned_is_what_every_tool_loads(
    checkpoint: Checkpoints, tmp_path: Path, kind: str
) -> None:
    info, folder = checkpoint(kind), tmp_path / "made"
    trainee = build_trainee(info, INVERSION)
    with torch.no_grad():
        for rows in trainee.trained().values():
            rows.add_(torch.randn(rows.shape, generator=torch.Generator().manual_seed(1)))
    wanted = drawn(trainee.pipeline)
    save_generator(trainee, str(folder), {}, [])
    assert np.abs(drawn(plain(info.path, kind)) - wanted).max() > 1e-2
    assert np.allclose(drawn(plain(folder, kind)), wanted, atol=1e-5)
    files = token_files(str(folder))
    assert [Path(one).name for one in files] == ["yak-2.safetensors", "zeb.safetensors"]
    pipeline = plain(info.path, kind)
    for file in files:
        token, found = f"<{Path(file).stem}>", load_file(file)
        with quiet():
            if kind == "ordinary":
                assert found[token].shape == (3, 16)
                pipeline.load_textual_inversion(file)
                continue
            assert found.keys() == {"clip_l", "clip_g"}
            for key, number in (("clip_l", ""), ("clip_g", "_2")):
                pipeline.load_textual_inversion(
                    found[key],
                    token=token,
                    tokenizer=pipeline.components[f"tokenizer{number}"],
                    text_encoder=pipeline.components[f"text_encoder{number}"],
                )
    assert np.allclose(drawn(pipeline), wanted, atol=1e-5)
    ours = load_model(find_checkpoint(str(folder)), device="cpu")
    assert count_tokens(ours, PROMPT)[0] == count_tokens(ours, "a cat")[0] + 6


def test_one_that_was_stopped_goes_on_bit_by_bit(checkpoint: Checkpoints, tmp_path: Path) -> None:
    images = named(tmp_path / "images")
    whole = make_task(checkpoint("ordinary"), images, INVERSION)
    run(whole, tmp_path / "whole")
    cancellation = Cancellation()

    def stop(where: LoopProgress) -> None:
        if where.step == 5:
            cancellation.cancel()

    with pytest.raises(CancelledError):
        run(make_task(checkpoint("ordinary"), images, INVERSION), tmp_path, stop, cancellation)
    task = make_task(checkpoint("ordinary"), images, INVERSION)
    run(task, tmp_path)
    assert same(learned(task), learned(whole))


def test_old_text_encoders_find_a_prompts_end_behind_new_tokens(
    checkpoint: Checkpoints, tmp_path: Path
) -> None:
    """As those of SDXL, which take the highest number for the end."""
    shutil.copytree(checkpoint("xl").path, tmp_path / "old")
    file = tmp_path / "old" / "text_encoder_2" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": 2}))
    info = find_checkpoint(str(tmp_path / "old"))
    before = encode_captions(build_trainee(info, OPTIONS).pipeline, ["a cat"]).pooled
    trainee = build_trainee(info, INVERSION)
    with torch.no_grad(), quiet():
        told = encode_captions(trainee.pipeline, ["a cat", "<zeb> a", "<zeb> a cat"]).pooled
    assert told is not None
    assert before is not None
    assert torch.allclose(told[0], before[0])
    assert not torch.allclose(told[1], told[2])  # at the token's own place both are the same
    save_generator(trainee, str(tmp_path / "made"), {}, [])
    told_config = json.loads((tmp_path / "made" / "text_encoder_2" / "config.json").read_text())
    assert told_config["eos_token_id"] != 2


def test_tokens_begin_as_words_or_as_any(checkpoint: Checkpoints) -> None:
    info = checkpoint("ordinary")
    begun = build_trainee(info, replace(INVERSION, vectors=None, initial="a"))
    (rows,), (holder,) = rows_of(begun).values(), begun.rows.values()
    ids = begun.pipeline.tokenizer("a", add_special_tokens=False).input_ids
    assert holder.tokens == {token: (token,) for token in INVERSION.tokens}
    assert torch.equal(rows, holder.known.weight[ids * 2])
    (again,) = rows_of(build_trainee(info, replace(INVERSION, initial="a"))).values()
    assert torch.equal(again, holder.known.weight[ids * 6])
    (one,), (same_seed,), (other,) = (
        rows_of(build_trainee(info, replace(INVERSION, seed=seed))).values() for seed in (1, 1, 2)
    )
    assert torch.equal(one, same_seed)
    assert not torch.equal(one, other)
    assert torch.equal(one[:3], one[3:])  # each token begins alike
    assert one.std() == pytest.approx(holder.known.weight.std(), rel=0.5)


@given(st.integers(1, 9), st.integers(0, 12), st.integers(1, 4), st.integers(1, 3))
def test_rows_are_found_wherever_they_lie(size: int, first: int, tokens: int, each: int) -> None:
    chance = torch.Generator().manual_seed(0)
    first = min(first, size)  # tokens follow on the vocabulary, of which a table may have more
    known = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        torch.randn(size, 2, generator=chance)
    )
    names = {str(one): tuple(map(str, range(each))) for one in range(tokens)}
    rows = OwnRows(known, names, first, torch.randn(tokens * each, 2, generator=chance))
    ids = torch.arange(max(size, first + tokens * each)).reshape(1, -1)
    assert torch.equal(rows(ids), rows.merged()(ids))
    assert torch.equal(rows(ids)[0, :first], known.weight[:first])
    assert torch.equal(torch.cat([*rows.learned().values()]), rows.rows)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tokens": ()}, "learns tokens: name one"),
        ({"tokens": ("zeb",)}, r"token 'zeb' has to be .* such as '<zeb>'"),
        ({"tokens": ("<Zeb>",)}, "small letters"),
        ({"tokens": ("<a b>",)}, "small letters"),
        ({"tokens": ("<zeb>", "<zeb>")}, "named twice"),
        ({"vectors": 0}, "vectors is 0; give 1 or more"),
        ({"text": True}, "leaves the text encoders as they are"),
        ({"method": "lora"}, "learned by the method inversion, not lora"),
        ({"method": "full", "tokens": (), "vectors": None, "initial": "cat"}, "not full"),
    ],
    ids=str,
)
def test_tokens_that_cannot_be_are_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(INVERSION, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"initial": " "}, "initial ' ' is no word that"),
        ({"initial": "a a a a"}, r"is 4 tokens of .*, and vectors is 3: give 4 or more"),
        ({"vectors": 19}, r"vectors is 19, and .* sees 18 tokens of a prompt"),
    ],
)
def test_what_a_checkpoint_cannot_learn_is_one_line(
    checkpoint: Checkpoints, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        build_trainee(checkpoint("ordinary"), replace(INVERSION, **changes))  # type: ignore[arg-type]


def test_a_token_that_is_known_already_is_refused(checkpoint: Checkpoints, tmp_path: Path) -> None:
    trainee = build_trainee(checkpoint("ordinary"), INVERSION)
    save_generator(trainee, str(tmp_path / "made"), {}, [])
    found = find_checkpoint(str(tmp_path / "made"))
    with pytest.raises(InputError, match="knows the token <zeb> already: name another"):
        build_trainee(found, replace(INVERSION, vectors=1))
    more = build_trainee(found, replace(INVERSION, tokens=("<gnu>",)))
    assert more.pipeline.tokenizer.tokenize("<gnu> <zeb>") == ["<gnu>", "<zeb>"]
