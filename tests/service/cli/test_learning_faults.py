"""What goes wrong while an encoder learns: one line each, and what was learned is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.encoders import loading
from vitrail.indexer.training.distillation import Distillation
from vitrail.indexer.training.finetuning import Finetuning
from vitrail.indexer.training.tasks import LossPart

Patch = pytest.MonkeyPatch
SHORT = "--epochs 2 --batch 8 --precision fp32 --device cpu --workers 1 --save-every 2 --quiet"
COMMANDS = {
    "train-encoder": f"train-encoder striped --out made --checkpoint vit {SHORT}",
    "distil": f"distil striped --teacher vit --layers 1 --out made {SHORT}",
}


@pytest.fixture
def learns(vitrail: Vitrail, monkeypatch: Patch, tmp_path: Path) -> Vitrail:
    monkeypatch.setattr(encoders, "load_encoder", loading.load_encoder)
    monkeypatch.chdir(tmp_path)
    save_tower("vit", tmp_path / "vit")
    write_images(tmp_path / "striped", 12)
    return vitrail


def _at_step(patch: Patch, number: int, act: Callable[[LossPart], LossPart]) -> None:
    """Do something to the loss of a step, from 0, of whatever is taught."""
    for task in (Finetuning, Distillation):

        def losses(
            self: Any, step: int, real: Callable[..., Iterator[LossPart]] = task.losses
        ) -> Iterator[LossPart]:
            for part in real(self, step):
                yield act(part) if step == number else part

        patch.setattr(task, "losses", losses)


def _no_number(patch: Patch, _: Path) -> None:
    _at_step(patch, 3, lambda part: LossPart(part.loss * torch.nan, float("nan")))


def _no_memory(patch: Patch, _: Path) -> None:
    def lacking(_: LossPart) -> LossPart:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    _at_step(patch, 3, lacking)


def _full_disk(patch: Patch, _: Path) -> None:
    real = torch.save

    def save(state: dict[str, Any], file: IO[bytes]) -> None:
        if state["step"] > 2:
            raise OSError(28, "No space left on device")
        real(state, file)

    patch.setattr(torch, "save", save)


def _gone_image(patch: Patch, folder: Path) -> None:
    """As if a disk went away; what goes on has it back."""

    def lost(part: LossPart) -> LossPart:
        (folder / "striped").rename(folder / "away")
        return part

    _at_step(patch, 2, lost)


@pytest.mark.parametrize(
    ("name", "fault", "says"),
    [
        ("train-encoder", _no_number, "the loss is nan at step 4, after which nothing can be"),
        ("train-encoder", _no_memory, "memory is too small for step 4: put --accumulate up"),
        ("train-encoder", _full_disk, "disk full while writing to"),
        ("train-encoder", _gone_image, "cannot be learned from any more"),
        ("distil", _no_memory, "memory is too small for step 4: put --accumulate up"),
        ("distil", _gone_image, "cannot be learned from any more"),
        ("distil", _no_number, "the loss is nan at step 4, after which nothing can be"),
        ("distil", _full_disk, "disk full while writing to"),
    ],
)
def test_a_fault_is_one_line_and_the_run_goes_on_afterwards(
    learns: Vitrail,
    tmp_path: Path,
    name: str,
    fault: Callable[[Patch, Path], None],
    says: str,
) -> None:
    words = COMMANDS[name].split()
    with pytest.MonkeyPatch.context() as patch:
        fault(patch, tmp_path)
        learns.fails(*words, code=2 if fault is _gone_image else 1, says=[says])
    assert not (tmp_path / "made" / "config.json").exists()
    assert [*(tmp_path / "made" / "training").glob("state-*.pt")]
    if fault is _gone_image:
        (tmp_path / "away").rename(tmp_path / "striped")
    done = learns(*words)
    assert done.code == 0, done.err
    assert (tmp_path / "made" / "config.json").exists()
