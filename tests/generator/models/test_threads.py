"""One process, many threads that generate."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.generator.conftest import noise_image
from tests.indexer.encoders.tiny import save_tower
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks import image_to_image, text_to_image
from vitrail.generator.tasks.registry import run
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError
from vitrail.indexer.recipes.png import encode_png
from vitrail.indexer.recipes.recipe import Recipe

WAIT = 30.0  # seconds after which a thread is not merely slow


def test_threads_that_share_a_model_draw_what_they_would_alone(ordinary: CheckpointInfo) -> None:
    model, init = load_model(ordinary), noise_image(24, 24)
    sampling = Sampling(steps=2, n=6)
    recipes = [
        recipe
        for name in ("ddim", "euler_a")
        for recipe in (
            *text_to_image.plan(ordinary, "a", sampling=replace(sampling, scheduler=name)),
            *image_to_image.plan(ordinary, "b", init, sampling=replace(sampling, scheduler=name)),
        )
    ]

    def make(recipe: Recipe) -> bytes:
        return encode_png(run(model, recipe, {"init": init}))

    alone = [make(recipe) for recipe in recipes]
    assert len(set(alone)) == len(alone)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, recipes)) == alone


@pytest.fixture
def two_threads() -> Iterator[None]:
    """More than drawing takes, also where the suite's processes have a core each."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_two_models_at_once_leave_the_process_as_it_was(
    checkpoint: Callable[[str], CheckpointInfo],
) -> None:
    """The number of threads and the filters of warnings are the process's, not a model's."""
    models = [load_model(checkpoint(kind)) for kind in ("ordinary", "wide")]
    assert models[0] is not models[1]
    first_in, second_in, first_left = (threading.Event() for _ in range(3))

    def first(model: DiffusionModel) -> None:
        with model.drawing():
            first_in.set()
            second_in.wait(0.5)  # it may come in meanwhile, or have to wait until we leave
        first_left.set()

    def second(model: DiffusionModel) -> None:
        assert first_in.wait(WAIT)
        with model.drawing():
            second_in.set()
            assert torch.get_num_threads() == 1
            assert first_left.wait(WAIT)

    before, threads = list(warnings.filters), _threads_of_a_new_one()
    assert threads == 2
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first, models[0]), pool.submit(second, models[1])]:
            done.result(WAIT)
    assert warnings.filters == before
    assert _threads_of_a_new_one() == threads


def _threads_of_a_new_one() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result(WAIT)


def test_who_waits_for_another_s_image_may_give_up(ordinary: CheckpointInfo) -> None:
    model, cancellation = load_model(ordinary), Cancellation()
    recipe = text_to_image.plan(ordinary, "a", sampling=Sampling(steps=1))[0]
    with ThreadPoolExecutor(1) as pool:
        with model.drawing():
            waiting = pool.submit(run, model, recipe, {}, Monitor(cancellation=cancellation))
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            cancellation.cancel()
            assert isinstance(waiting.exception(WAIT), CancelledError)
        assert pool.submit(run, model, recipe).result(WAIT).recipe.identity == recipe.identity


LOAD_AT_ONCE = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.models.pipelines import load_model
from vitrail.indexer.encoders import EncoderSettings, load_encoder

tower, diffusion = sys.argv[1:]
start = threading.Barrier(6)

def encoder(runtime):
    start.wait()
    return load_encoder(EncoderSettings(tower, runtime=runtime)).runtime.split()[0]

def model():
    start.wait()
    return load_model(find_checkpoint(diffusion), device="cpu").device

asked = [(encoder, "torch"), (encoder, "torch"), (encoder, "auto"), (encoder, "auto")]
with ThreadPoolExecutor(6) as pool:
    jobs = [pool.submit(*one) for one in (*asked, (model,), (model,))]
    print(*(job.result() for job in jobs))
"""


def test_a_fresh_process_may_load_by_many_threads_at_once(
    ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    """Parts of transformers that two threads imported at once were there by half."""
    save_tower("vit", tmp_path / "vit")
    command = [sys.executable, "-c", LOAD_AT_ONCE, str(tmp_path / "vit"), str(ordinary.path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, third, fourth, *devices = done.stdout.split()
    assert first == second == "torch"
    assert third == fourth
    assert devices == ["cpu", "cpu"]
