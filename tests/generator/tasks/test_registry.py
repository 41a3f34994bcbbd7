"""All tasks through the same code on every kind of checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checkpoints.schedulers import SCHEDULERS
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks import image_to_image, inpaint, style, text_to_image
from vitrail.generator.tasks.latents import Drawn
from vitrail.generator.tasks.masks import box_mask
from vitrail.generator.tasks.registry import TASKS, run
from vitrail.generator.tasks.task import Inputs, Task, input_of
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, GenerationError, InputError
from vitrail.indexer.recipes.png import encode_png
from vitrail.indexer.recipes.recipe import Recipe

Get = Callable[[str], CheckpointInfo]
KINDS = ["ordinary", "safe", "wide", "nine", "xl", "lcm"]
IMAGE = noise_image(37, 29)
OTHER = noise_image(32, 40, seed=1)
TWO_STEPS = Sampling(steps=2, seed=5)


def plan(
    info: CheckpointInfo, task: str, sampling: Sampling = TWO_STEPS
) -> tuple[list[Recipe], dict[str, InputImage]]:
    if task == "text-to-image":
        return text_to_image.plan(info, "a red apple", sampling=sampling), {}
    if task == "image-to-image":
        recipes = image_to_image.plan(info, "a red apple", IMAGE, sampling=sampling)
        return recipes, {"init": IMAGE}
    if task == "inpaint":
        mask = box_mask("5,6,20,21", IMAGE.image.size)
        return inpaint.plan(info, "apple", IMAGE, mask, sampling=sampling), {"init": IMAGE}
    recipes = style.plan(info, "apple", IMAGE, OTHER, sampling=sampling)
    return recipes, {"content": IMAGE, "style": OTHER}


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_on_every_kind(checkpoint: Get, kind: str) -> None:
    info = checkpoint(kind)
    model = load_model(info)
    for task in ("text-to-image", "image-to-image", "inpaint", "style"):
        recipes, inputs = plan(info, task)
        made = run(model, recipes[0], inputs)
        assert made.image.size == (made.recipe.width, made.recipe.height)
        assert made.recipe.versions["device"] == "cpu"
        assert made.recipe.identity == recipes[0].identity
        assert np.asarray(made.image).std() > 5
        assert made.nsfw is (False if kind == "safe" else None)


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image", "inpaint", "style"])
def test_an_image_depends_on_its_recipe_alone(ordinary: CheckpointInfo, task: str) -> None:
    model = load_model(ordinary)
    recipes, inputs = plan(ordinary, task, Sampling(steps=2, seed=7, n=3))
    together = [encode_png(run(model, recipe, inputs)) for recipe in recipes]
    assert len(set(together)) == 3
    alone, _ = plan(ordinary, task, Sampling(steps=2, seed=8))
    torch.manual_seed(99)  # nothing may depend on the global state
    assert encode_png(run(model, alone[0], inputs)) == together[1]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_does_every_task(ordinary: CheckpointInfo, scheduler: str) -> None:
    model = load_model(ordinary)
    sampling = Sampling(steps=4, scheduler=scheduler)
    for task in ("text-to-image", "inpaint"):
        recipes, inputs = plan(ordinary, task, sampling)
        assert np.asarray(run(model, recipes[0], inputs).image).std() > 5


def test_the_safety_checker_blackens_and_is_recorded(checkpoint: Get) -> None:
    info = checkpoint("safe")
    model = load_model(info)
    checker = model.pipeline("text", "ddim").safety_checker
    own = checker.concept_embeds_weights.data.clone()
    checker.concept_embeds_weights.data.fill_(-2)  # a threshold that everything is above
    try:
        for task in ("text-to-image", "style"):
            recipes, inputs = plan(info, task)
            made = run(model, recipes[0], inputs)
            assert made.nsfw is True
            assert made.image.getextrema() == ((0, 0),) * 3
        unchanged = image_to_image.plan(info, "a", IMAGE, strength=0)[0]
        made = run(model, unchanged, {"init": IMAGE})
        assert (made.nsfw, made.image.getextrema()) == (True, ((0, 0),) * 3)
    finally:
        checker.concept_embeds_weights.data.copy_(own)


@pytest.mark.parametrize("strength", [0.0, 0.01, 0.5, 1.0])
def test_strength_runs_its_share_of_the_steps(ordinary: CheckpointInfo, strength: float) -> None:
    sampling = Sampling(steps=4, scheduler="ddim")
    recipe = image_to_image.plan(ordinary, "a", IMAGE, strength=strength, sampling=sampling)[0]
    seen: list[tuple[int, int]] = []
    monitor = Monitor(on_step=lambda done, total: seen.append((done, total)))
    run(load_model(ordinary), recipe, {"init": IMAGE}, monitor)
    total = {0.0: 0, 0.01: 1, 0.5: 2, 1.0: 4}[strength]
    assert seen == [(i + 1, total) for i in range(total)]


def test_cancel_stops_at_the_step(ordinary: CheckpointInfo) -> None:
    recipe = text_to_image.plan(ordinary, "a", sampling=Sampling(steps=50))[0]
    seen: list[int] = []
    cancellation = Cancellation()

    def step(done: int, _: int) -> None:
        seen.append(done)
        if done == 2:
            cancellation.cancel()

    monitor = Monitor(on_step=step, cancellation=cancellation)
    model = load_model(ordinary)
    with pytest.raises(CancelledError):
        run(model, recipe, monitor=monitor)
    assert seen == [1, 2]
    again = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    assert encode_png(run(model, again)) == encode_png(run(model, again))


def test_out_of_memory_is_tried_again_with_less(
    ordinary: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(replace(ordinary, name="fresh"), loras=())
    calls = _fail_in_attention(monkeypatch, model, times=1)
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    made = run(model, recipe)
    assert made.recipe.versions["memory"] == "saved"
    assert calls[0] > 1


def test_out_of_memory_twice_names_the_remedy(
    ordinary: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(ordinary)
    _fail_in_attention(monkeypatch, model, times=1000)
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    with pytest.raises(GenerationError, match=r"out of memory on cpu for 32x32.*try 16x16"):
        run(model, recipe)


def _fail_in_attention(monkeypatch: pytest.MonkeyPatch, model: Any, times: int) -> list[int]:
    unet = model.pipeline("text", "ddim").unet
    own, calls = unet.forward, [0]

    def forward(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] <= times:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")
        return own(*args, **kwargs)

    monkeypatch.setattr(unet, "forward", forward)
    return calls


def test_a_long_prompt_is_noted(ordinary: CheckpointInfo) -> None:
    recipe = text_to_image.plan(ordinary, "apple " * 90, sampling=TWO_STEPS)[0]
    (note,) = run(load_model(ordinary), recipe).notes
    assert "sees the first 18" in note


def test_wrong_companions_are_refused(ordinary: CheckpointInfo) -> None:
    model = load_model(ordinary)
    recipes, inputs = plan(ordinary, "image-to-image")
    with pytest.raises(InputError, match=r"init image 000000000000 .* missing"):
        run(model, recipes[0])
    with pytest.raises(InputError, match="give the file that it was made from"):
        run(model, recipes[0], {"init": OTHER})
    with pytest.raises(InputError, match="the recipe names"):
        run(model, replace(recipes[0], checkpoint_hash="0" * 64), inputs)
    with pytest.raises(InputError, match="task 'dance' is unknown"):
        run(model, replace(recipes[0], task="dance"), inputs)
    painted, _ = plan(ordinary, "inpaint")
    assert painted[0].mask is not None
    altered = replace(painted[0], mask=replace(painted[0].mask, content_hash="0" * 64))
    with pytest.raises(InputError, match="may have been altered"):
        run(model, altered, {"init": IMAGE})


def test_a_failure_inside_is_one_line(ordinary: CheckpointInfo, monkeypatch: Any) -> None:
    model = load_model(ordinary)

    def forward(*_: Any, **__: Any) -> Any:
        raise ValueError("shapes do not match\nmany\nlines")

    monkeypatch.setattr(model.pipeline("text", "ddim").unet, "forward", forward)
    recipe = text_to_image.plan(ordinary, "a", sampling=TWO_STEPS)[0]
    with pytest.raises(GenerationError, match="shapes do not match") as caught:
        run(model, recipe)
    assert "\n" not in str(caught.value)


def test_every_task_plans_under_its_name_and_from_its_roles(ordinary: CheckpointInfo) -> None:
    assert [*TASKS] == ["text-to-image", "image-to-image", "inpaint", "style"]
    for name, task in TASKS.items():
        assert task.name == name
        for recipe in plan(ordinary, name)[0]:
            assert recipe.task == name
            assert {parent.role for parent in recipe.parents} <= {*task.roles}


def test_a_further_task_is_one_entry(
    ordinary: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(_: DiffusionModel, recipe: Recipe, inputs: Inputs, __: Monitor) -> Drawn:
        return input_of(recipe, inputs, "init").image.rotate(180), None

    turn = Task("turn", ("init",), image_to_image.plan, draw)
    monkeypatch.setitem(TASKS, "turn", turn)
    (recipe,) = turn.plan(ordinary, "a", IMAGE)
    made = run(load_model(ordinary), replace(recipe, task="turn"), {"init": IMAGE})
    assert made.image.tobytes() == IMAGE.image.rotate(180).tobytes()
    with pytest.raises(InputError, match=r"init image .* of this turn is missing"):
        run(load_model(ordinary), replace(recipe, task="turn"))
