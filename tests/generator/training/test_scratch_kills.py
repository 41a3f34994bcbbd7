"""Training from scratch, stopped at any moment and gone on with: the same comes of it."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.generator.training.conftest import tiny
from tests.indexer.training.kills import kill_at
from vitrail.generator.training import from_scratch, sheets
from vitrail.generator.training.emoji import EmojiImage
from vitrail.generator.training.loop import STATE_FILE, Training
from vitrail.generator.training.stages import STAGES

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX'")
MOMENTS: dict[str, tuple[object, str, int]] = {
    "a part of the tokenizer is in place": (os, "replace", 1),
    "the first step": (Training, "_advance", 0),
    "a step between two states": (Training, "_advance", 3),
    "a state is synced": (os, "fsync", 5),
    "the autoencoder's last state is in place": (os, "replace", 3),
    "the autoencoder's last state is told of": (sheets, "draw_losses", 1),
    "the text's first state is told of": (sheets, "draw_losses", 2),
    "the text's last step": (Training, "_advance", 7),
    "the diffusion's first state is in place": (os, "replace", 6),
    "the last state is told of": (sheets, "draw_losses", 5),
}
"""Before what a process is stopped: the how-manieth call of whose function."""
FEW = (
    ("a part of the tokenizer is in place", signal.SIGKILL),
    ("the last state is told of", signal.SIGKILL),
    ("the text's last step", signal.SIGINT),
)
Train = Callable[[Path], int]


@contextmanager
def training(images: list[EmojiImage]) -> Iterator[Train]:
    """Runs the command, of tiny models, from where it stopped; gives its exit code."""
    threads = torch.get_num_threads()

    def command(folder: Path) -> int:
        begun = any((folder / stage / STATE_FILE).exists() for stage in STAGES)
        words = ["train", "--out", str(folder), *(["--resume"] if begun else [])]
        return from_scratch.main(words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(from_scratch, "render", lambda *_, **__: images)
        patch.setattr(from_scratch, "_settings", lambda _: tiny(4))
        patch.setattr(from_scratch, "PROMPTS", ("red square", "tall tower"))
        yield command
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def train(images: list[EmojiImage]) -> Iterator[Train]:
    pytest.importorskip("matplotlib")
    with training(images) as command:
        yield command


@pytest.fixture(scope="module")
def whole(train: Train, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    assert train(folder) == 0
    made = left(folder)
    assert {"autoencoder-000004.png", "diffusion-000004.png", "loss.png"} <= made.keys()
    return made


def left(folder: Path) -> dict[str, Any]:
    """What lies in a folder; of losses those that count, not how long a step took."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv":
            found[name] = sheets._read_losses(path)
        elif path.name == STATE_FILE:
            found[name] = told(torch.load(path, weights_only=True))
        elif path.suffix != ".tmp":  # of what was being written
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def told(state: Any) -> Any:
    """A state, its tensors by their bits: how a file lays them out may differ."""
    if isinstance(state, dict):
        return {key: told(one) for key, one in state.items()}
    if isinstance(state, list):
        return [told(one) for one in state]
    if isinstance(state, torch.Tensor):
        return str(state.dtype), state.shape, state.contiguous().numpy().tobytes()
    return state


def stop(images: list[EmojiImage], folder: Path, moment: str, by: signal.Signals) -> int | None:
    """What a process ends by that trains and is sent a signal.

    It is a fresh one: of a fork that trained and was interrupted one in some was ended by the
    system, after a thousand other tests.
    """
    process = get_context("spawn").Process(target=until, args=(images, folder, moment, by))
    process.start()
    process.join()
    return process.exitcode


def until(images: list[EmojiImage], folder: Path, moment: str, by: signal.Signals) -> None:
    """Train until a moment, and end as the command would."""
    owner, name, call = MOMENTS[moment]
    with training(images) as train, pytest.MonkeyPatch.context() as patch:
        kill_at(call, name, patch, owner, by)
        os._exit(train(folder))


def check(
    train: Train,
    images: list[EmojiImage],
    folder: Path,
    whole: dict[str, Any],
    moment: str,
    by: signal.Signals,
) -> None:
    """Stop it, go on, and compare."""
    told = f"{by.name} before {moment}"
    ended = stop(images, folder, moment, by)
    assert ended == (130 if by == signal.SIGINT else -by), told
    assert train(folder) == 0, told
    made = left(folder)
    other = [name for name in {*made, *whole} if made.get(name) != whole.get(name)]
    assert not other, f"{told}: {sorted(other)} came out otherwise"


@pytest.mark.parametrize(("moment", "by"), FEW)
def test_an_end_before_this_changes_nothing_that_comes_of_it(
    train: Train,
    images: list[EmojiImage],
    whole: dict[str, Any],
    tmp_path: Path,
    moment: str,
    by: signal.Signals,
) -> None:
    check(train, images, tmp_path, whole, moment, by)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_an_end_at_ten_moments_changes_nothing_that_comes_of_it(
    train: Train,
    images: list[EmojiImage],
    whole: dict[str, Any],
    tmp_path: Path,
    by: signal.Signals,
) -> None:
    for number, moment in enumerate(MOMENTS):
        check(train, images, tmp_path / str(number), whole, moment, by)
