"""What goes wrong while something learns: one line each, and what was learned is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pytest
import torch

from tests.generator.tiny import build_sd
from tests.generator.training.lessons import paint
from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.conftest import Vitrail
from vitrail.generator.training.samples import Sampler
from vitrail.generator.training.tuning import GeneratorTuning
from vitrail.indexer import encoders
from vitrail.indexer.encoders import loading
from vitrail.indexer.training.distillation import Distillation
from vitrail.indexer.training.finetuning import Finetuning
from vitrail.indexer.training.tasks import LossPart

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch, Path], None]
MUCH = 1 << 48  # bytes that no machine has
ENCODER = "--epochs 2 --batch 8 --precision fp32 --device cpu --workers 1 --save-every 2 --quiet"
GENERATOR = (
    "--model sd --steps 4 --batch 2 --precision fp32 --device cpu --sheet-every 4 --save-every 2 "
    "--quiet --out made"
)


class Command(NamedTuple):
    """What is taught: the command, and the file without which there is no model."""

    words: str
    file: str


COMMANDS = {
    "train-encoder": Command(
        f"train-encoder striped --out made --checkpoint vit {ENCODER}", "config.json"
    ),
    "distil": Command(
        f"distil striped --teacher vit --layers 1 --out made {ENCODER}", "config.json"
    ),
    "lora": Command(
        f"train-generator painted --prompt cat --rank 2 {GENERATOR}", "model_index.json"
    ),
    "dreambooth": Command(
        f"train-generator painted --prompt cat --rank 2 --prior dog --prior-count 1 {GENERATOR}",
        "model_index.json",
    ),
    "inversion": Command(
        f"train-generator painted --prompt <zeb> --method inversion --token <zeb> {GENERATOR}",
        "model_index.json",
    ),
    "full": Command(
        f"train-generator painted --prompt cat --method full --accumulate 2 --recompute "
        f"{GENERATOR}",
        "model_index.json",
    ),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tower("vit", folder / "vit")
    build_sd(folder / "sd", steps=1)
    return folder


@pytest.fixture(scope="module")
def whole() -> dict[str, dict[str, bytes]]:
    """The weights that undisturbed commands come to, by command and file."""
    return {}


@pytest.fixture
def learns(vitrail: Vitrail, monkeypatch: Patch, models: Path, tmp_path: Path) -> Vitrail:
    monkeypatch.setattr(encoders, "load_encoder", loading.load_encoder)
    monkeypatch.chdir(tmp_path)
    for name in ("vit", "sd"):
        (tmp_path / name).symlink_to(models / name)
    write_images(tmp_path / "striped", 12)
    paint(tmp_path / "painted")
    return vitrail


def _at_step(patch: Patch, number: int, act: Callable[[LossPart], LossPart]) -> None:
    """Do something to the loss of a step, from 0, of whatever is taught."""
    for task in (Finetuning, Distillation, GeneratorTuning):

        def losses(
            self: Any, step: int, real: Callable[..., Iterator[LossPart]] = task.losses
        ) -> Iterator[LossPart]:
            for part in real(self, step):
                yield act(part) if step == number else part

        patch.setattr(task, "losses", losses)


def _no_number(patch: Patch, _: Path) -> None:
    _at_step(patch, 3, lambda part: LossPart(part.loss * torch.nan, float("nan")))


def _no_memory(patch: Patch, _: Path) -> None:
    """As torch says it when it really asks for more than there is."""

    def lacking(part: LossPart) -> LossPart:
        return LossPart(torch.empty(MUCH, dtype=torch.uint8).sum(), 0.0)

    _at_step(patch, 3, lacking)


def _no_memory_on_a_device(patch: Patch, _: Path) -> None:
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


AGAIN = "put --accumulate up, which takes a batch in more parts, or add --recompute, and run again"
NAN = "the loss is nan at step 4, after which nothing can be"


@pytest.mark.parametrize(
    ("name", "fault", "says"),
    [
        ("train-encoder", _no_number, NAN),
        ("train-encoder", _no_memory, f"memory is too small for step 4: {AGAIN}"),
        ("train-encoder", _no_memory_on_a_device, f"memory is too small for step 4: {AGAIN}"),
        ("train-encoder", _full_disk, "disk full while writing to"),
        ("train-encoder", _gone_image, "cannot be learned from any more"),
        ("distil", _no_number, NAN),
        (
            "distil",
            _no_memory,
            "for step 4: add --recompute, and run again; or train into another ",
        ),
        ("distil", _full_disk, "disk full while writing to"),
        ("distil", _gone_image, "cannot be learned from any more"),
        ("lora", _no_number, NAN),
        (
            "lora",
            _no_memory_on_a_device,
            f"step 4: {AGAIN}; or train into another folder with a sm",
        ),
        ("dreambooth", _no_memory, f"step 4: {AGAIN}; or train into another folder with a smaller"),
        ("inversion", _no_number, NAN),
        pytest.param("dreambooth", _no_number, NAN, marks=pytest.mark.slow),
        pytest.param("full", _no_number, NAN, marks=pytest.mark.slow),
        pytest.param("inversion", _no_memory, f"step 4: {AGAIN}; or ", marks=pytest.mark.slow),
        ("full", _no_memory, "step 4: train into another folder with a smaller --side or --batch;"),
    ],
)
def test_a_fault_is_one_line_and_the_run_goes_on_afterwards(
    learns: Vitrail,
    whole: dict[str, dict[str, bytes]],
    tmp_path: Path,
    name: str,
    fault: Fault,
    says: str,
) -> None:
    words, file = COMMANDS[name]
    with pytest.MonkeyPatch.context() as patch:
        fault(patch, tmp_path)
        said = learns.fails(*words.split(), code=2 if fault is _gone_image else 1, says=[says])
    if "memory" in says:
        assert said.endswith("; what was learned up to step 2 is kept\n")
    made = tmp_path / "made"
    assert not (made / file).exists()
    assert [*(made / "training").glob("state-*.pt")]
    if fault is _gone_image:
        (tmp_path / "away").rename(tmp_path / "striped")
    found = _weights(learns, name, made)
    if name not in whole:
        shutil.rmtree(made)
        whole[name] = _weights(learns, name, made)
    assert found == whole[name]


def _weights(learns: Vitrail, name: str, made: Path) -> dict[str, bytes]:
    """What a command comes to."""
    words, file = COMMANDS[name]
    done = learns(*words.split())
    assert done.code == 0, done.err
    assert (made / file).exists()
    files = made.rglob("*.safetensors")
    found = {str(path.relative_to(made)): path.read_bytes() for path in files}
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "where", "says"),
    [
        (
            "train-encoder",
            "vitrail.service.operations.training_runs.survey_images",
            "for 'vit': close other programs and run again, or train a smaller checkpoint",
        ),
        (
            "distil",
            "vitrail.service.operations.distilling.survey_images",
            "for 'vit' and its student: close other programs and run again",
        ),
        (
            "full",
            "vitrail.generator.training.captioned.read_cut",
            "for 'sd' at 32x32: close other programs and run again, or train into another folder "
            "with a smaller --side or --method lora",
        ),
    ],
)
def test_too_little_memory_around_the_steps_is_one_line_too(
    learns: Vitrail, name: str, where: str, says: str
) -> None:
    for ask in (lambda: torch.empty(MUCH, dtype=torch.uint8), lambda: np.empty(MUCH, np.uint8)):

        def lacking(*_: object, ask: Callable[[], object] = ask, **__: object) -> None:
            ask()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, lacking)
            learns.fails(*COMMANDS[name].words.split(), code=1, says=[says])


def test_one_kind_of_images_is_one_line_and_leaves_no_folder(
    learns: Vitrail, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "striped" / "down")
    words = COMMANDS["train-encoder"].words.split()
    says = "there is the label 'across' alone, where two labels are needed to tell images apart"
    learns.fails(*words, code=2, says=[says])
    assert not (tmp_path / "made").exists()


PICK = "pick-checkpoint made --other dog --seeds 3 --rate 0.2 --checkpoint vit --device cpu --quiet"


def test_picking_without_memory_is_one_line_and_draws_nothing_twice(
    learns: Vitrail, tmp_path: Path
) -> None:
    learns(*COMMANDS["lora"].words.split())
    real, drawn = Sampler.draw, []

    def draw(self: Sampler, prompt: str, seeds: Any, check: Any) -> list[Any]:
        drawn.append((prompt, *seeds))
        if len(drawn) == 5:
            torch.empty(MUCH, dtype=torch.uint8)
        return real(self, prompt, seeds, check)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sampler, "draw", draw)
        says = "memory is too small for 'sd': close other programs, or give --device cpu; run again"
        learns.fails(*PICK.split(), code=1, says=[says])
        assert len(drawn) == 5
        done = learns(*PICK.split())
    assert done.code == 0, done.err
    assert drawn[5] == drawn[4]  # the one that was lacking
    shutil.rmtree(tmp_path / "made" / "training" / "picked")
    assert learns(*PICK.split()).out == done.out
