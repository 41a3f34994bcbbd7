from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.generator.conftest import noise_image
from tests.generator.tiny import build_ip_adapter
from vitrail.generator.adapters.ip_adapters import open_ip_adapter
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.monitoring import Monitor
from vitrail.generator.reproduction import reproduce
from vitrail.generator.tasks import style, text_to_image
from vitrail.generator.tasks.latents import decode, encode
from vitrail.generator.tasks.registry import run
from vitrail.generator.tasks.style import adain
from vitrail.generator.tasks.style_attention import Weighted, aligned
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, GenerationError, InputError
from vitrail.indexer.recipes.png import encode_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe

CONTENT = noise_image(32, 32)
LOOK = noise_image(40, 32, seed=1)
INPUTS = {"content": CONTENT, "style": LOOK}
FEW = Sampling(steps=3)
Checkpoint = Callable[[str], CheckpointInfo]


def plan(
    info: CheckpointInfo,
    blend: float = 1.0,
    content: InputImage = CONTENT,
    sampling: Sampling = FEW,
) -> Recipe:
    return style.plan(
        info, "x", content, LOOK, method="attention", style_strength=blend, sampling=sampling
    )[0]


def made(info: CheckpointInfo, recipe: Recipe, content: InputImage = CONTENT) -> GeneratedImage:
    return run(load_model(info), recipe, {"content": content, "style": LOOK})


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(image, np.int16)


@pytest.mark.parametrize("kind", ["ordinary", "safe", "wide", "xl"])
def test_it_acts_alike_each_time_and_leaves_the_model_as_it_was(
    kind: str, checkpoint: Checkpoint
) -> None:
    info = checkpoint(kind)
    model = load_model(info)
    text = text_to_image.plan(info, "a", sampling=FEW)[0]
    before = run(model, text).image.tobytes()
    first = made(info, plan(info))
    assert encode_png(made(info, plan(info))) == encode_png(first)
    assert run(model, text).image.tobytes() == before
    if kind != "safe":  # whose checker may blacken both
        assert first.image.tobytes() != made(info, plan(info, 0.0)).image.tobytes()


def test_the_embedded_model_shows_the_style_and_keeps_the_ground() -> None:
    """A red square takes on blue; without blend it comes back; the white around it stays."""
    info = find_checkpoint("embedded")
    square, sea = Image.new("RGB", (64, 64), "white"), Image.new("RGB", (64, 64), "white")
    square.paste((220, 40, 30), (16, 16, 48, 48))
    ImageDraw.Draw(sea).ellipse((4, 4, 60, 60), fill=(20, 60, 210))
    given = {"content": InputImage(square, "5" * 64), "style": InputImage(sea, "6" * 64)}
    plain, styled = (
        pixels(
            run(
                load_model(info),
                style.plan(
                    info,
                    "red square",
                    given["content"],
                    given["style"],
                    method="attention",
                    style_strength=blend,
                    sampling=Sampling(steps=6),
                )[0],
                given,
            ).image
        )
        for blend in (0.0, 1.0)
    )
    assert np.abs(plain - pixels(square)).mean() < 8
    red, _, blue = styled[24:40, 24:40].reshape(-1, 3).mean(axis=0)
    assert blue > red + 30
    assert styled[:6].min() > 230
    assert styled[:, :6].min() > 230


def test_seeds_prompts_and_samplers_have_no_say(ordinary: CheckpointInfo) -> None:
    assert plan(ordinary, sampling=replace(FEW, seed=7)) == plan(ordinary)
    recipe = plan(ordinary)
    assert (recipe.scheduler, recipe.guidance, recipe.content_strength) == ("ddim", 1.0, 0.8)
    first = made(ordinary, recipe).image.tobytes()
    other = replace(recipe, prompt="a red apple")
    assert made(ordinary, other).image.tobytes() == first
    guided = made(ordinary, replace(recipe, guidance=9.0)).image.tobytes()
    assert guided != first
    assert made(ordinary, replace(other, guidance=9.0)).image.tobytes() != guided


def test_the_query_decides(ordinary: CheckpointInfo) -> None:
    recipe = plan(ordinary)
    kept = made(ordinary, replace(recipe, query_kept=1.0)).image.tobytes()
    assert kept != made(ordinary, replace(recipe, query_kept=0.0)).image.tobytes()


def test_nothing_drawn_anew_moves_the_statistics_alone(ordinary: CheckpointInfo) -> None:
    look = noise_image(32, 32, seed=1)
    recipe = style.plan(ordinary, "x", CONTENT, look, method="attention", content_strength=0.0)[0]
    model = load_model(ordinary)
    own, other = (encode(model, one.image) for one in (CONTENT, look))
    with model.drawing():
        expected, _ = decode(model, adain(own, other, style.STYLE_STRENGTH))
    drawn = run(model, recipe, {"content": CONTENT, "style": look}).image
    assert np.abs(pixels(drawn) - pixels(expected)).max() <= 1


def test_a_recipe_is_reproduced_to_the_byte(ordinary: CheckpointInfo) -> None:
    original = encode_png(made(ordinary, plan(ordinary)))
    found = {"content": CONTENT, "style": LOOK}
    again = reproduce(original, lambda _: load_model(ordinary), lambda one: found[one.role])
    assert again.bytes_equal
    assert again.recipe.style_method == "attention"
    assert again.recipe.query_kept == style.QUERY_KEPT


def test_what_it_cannot_do_is_refused(
    checkpoint: Checkpoint, ordinary: CheckpointInfo, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(InputError, match="is a latent consistency model, whose images cannot"):
        plan(checkpoint("lcm"))
    with pytest.raises(InputError, match="is made for inpainting, whose images cannot"):
        plan(checkpoint("nine"))
    with pytest.raises(InputError, match="takes the steps of ddim back, not those of euler"):
        plan(ordinary, sampling=Sampling(scheduler="euler"))
    with pytest.raises(InputError, match="4 images would be the same: ask for one"):
        plan(ordinary, sampling=Sampling(n=4))
    with pytest.raises(InputError, match=r"query kept 1\.5 is outside"):
        style.plan(ordinary, "x", CONTENT, LOOK, method="attention", query_kept=1.5)
    with pytest.raises(InputError, match=r"the 0\.5 given, by method attention alone"):
        style.plan(ordinary, "x", CONTENT, LOOK, query_kept=0.5)
    with pytest.raises(InputError, match="'magic' is unknown: use one of statistics, attention"):
        style.plan(ordinary, "x", CONTENT, LOOK, method="magic")
    with pytest.raises(InputError, match="'magic' is unknown to this version"):
        made(ordinary, replace(plan(ordinary), style_method="magic"))
    adapter = build_ip_adapter(tmp_path_factory.mktemp("ip"), ordinary.path)
    with pytest.raises(InputError, match="takes no IP-Adapter: leave it out"):
        style.plan(
            ordinary,
            "x",
            CONTENT,
            LOOK,
            method="attention",
            ip_adapter=open_ip_adapter(str(adapter)),
        )


def test_a_checkpoint_that_cannot_be_inverted_says_so(
    ordinary: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(ordinary)
    monkeypatch.setattr(model, "_schedule", {**model._schedule, "prediction_type": "sample"})
    with pytest.raises(GenerationError, match="predicts 'sample' cannot be inverted"):
        made(ordinary, plan(ordinary))


def test_progress_counts_the_way_back_too(ordinary: CheckpointInfo) -> None:
    seen: list[tuple[int, int]] = []
    monitor = Monitor(on_step=lambda done, whole: seen.append((done, whole)))
    run(load_model(ordinary), plan(ordinary), INPUTS, monitor)
    assert seen == [(step, 10) for step in range(1, 11)]


@pytest.mark.parametrize("last", [1, 5, 9])
def test_it_is_cancelled_at_any_step_and_runs_again(ordinary: CheckpointInfo, last: int) -> None:
    cancellation = Cancellation()
    model, recipe = load_model(ordinary), plan(ordinary)
    expected = made(ordinary, recipe).image.tobytes()

    def stop(done: int, _: int) -> None:
        if done == last:
            cancellation.cancel()

    with pytest.raises(CancelledError):
        run(model, recipe, INPUTS, Monitor(on_step=stop, cancellation=cancellation))
    assert made(ordinary, recipe).image.tobytes() == expected


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_alignment_is_adain_where_the_weights_are_whole(seed: int, blend: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    content = torch.randn(1, 4, 5, 6, generator=generator)
    other = torch.randn(1, 4, 3, 3, generator=generator) * 3 + 2
    both = Weighted(content, torch.ones(5, 6)), Weighted(other, torch.ones(3, 3))
    assert torch.allclose(aligned(*both, blend), adain(content, other, blend), atol=1e-4)

    # What has no weight counts for nothing, and stays.
    weights = (torch.rand(5, 6, generator=generator) > 0.4).float()
    weights[0, 0] = 1
    changed = torch.where(weights == 0, torch.tensor(50.0), content)
    one, two = (aligned(Weighted(x, weights), both[1], blend) for x in (content, changed))
    assert torch.equal(one * weights, two * weights)
    assert torch.equal(two[..., weights == 0], changed[..., weights == 0])
