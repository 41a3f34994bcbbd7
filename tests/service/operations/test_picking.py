"""Checkpoints of a training compared: what is drawn, what comes of it, and going on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.generator.tiny import build_sd
from tests.search.duplicates.drawing import draw
from tests.service.colours import CHECKPOINT, load_colours
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.training.kept import list_kept
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.samples import Sampler
from vitrail.indexer import encoders
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    CollectionLockedError,
    InputError,
)
from vitrail.indexer.files.lock import WriterLock
from vitrail.service.documents.picking import pick_document, verdict
from vitrail.service.documents.plain import plain_json
from vitrail.service.operations.captioned import CaptionedSource
from vitrail.service.operations.generator_records import GeneratorRequest
from vitrail.service.operations.pick_records import PickedRun, PickOptions
from vitrail.service.operations.picking import pick_checkpoint
from vitrail.service.operations.progress import AnalysisProgress, Event, Note, Progress, nobody
from vitrail.service.operations.training_generators import train_generator

SIDE = 64
OPTIONS = GeneratorOptions(
    rank=2, steps=3, batch=2, learning_rate=1e-2, precision="fp32", device="cpu", sheet_every=1,
    save_every=3, side=SIDE,
)  # fmt: skip
RED, BLUE, GREEN = (1.0, 0.2, 0.2), (0.2, 0.2, 1.0), (0.2, 1.0, 0.2)
EARLY, GOOD, OVER = 1, 2, 3
Pick = Callable[..., PickedRun]


def tinted(seed: int, tint: tuple[float, ...]) -> Image.Image:
    """A drawing of its own, in shades of a colour."""
    pixels = np.asarray(draw(seed).resize((SIDE, SIDE)).convert("L"), np.float32)
    return Image.fromarray((pixels[..., None] * np.array(tint, np.float32)).astype(np.uint8))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint, six images, and what came of teaching it these in three steps."""
    folder = tmp_path_factory.mktemp("trained")
    build_sd(folder / "sd", steps=1)
    (folder / "images").mkdir()
    for number in range(6):
        tinted(number, RED).save(folder / "images" / f"{number}.png")
    source = CaptionedSource((str(folder / "images"),), prompt="a zeb")
    train_generator(GeneratorRequest(source, str(folder / "sd"), str(folder / "run"), OPTIONS))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """The run, which the test may change."""
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


@pytest.fixture
def pick(run: Path, monkeypatch: pytest.MonkeyPatch) -> Pick:
    monkeypatch.setattr(encoders, "load_encoder", load_colours)

    def compare(
        progress: Progress = nobody, cancellation: Cancellation | None = None, **changes: object
    ) -> PickedRun:
        options = PickOptions(
            str(run), others=("a dog",), seeds=3, rate=0.125, checkpoint=CHECKPOINT
        )
        options = replace(options, **changes)  # type: ignore[arg-type]
        return pick_checkpoint(options, progress=progress, cancellation=cancellation)

    return compare


class Pretended:
    """Draws as checkpoints would of which one has learned and another has learned by heart.

    Which weights are in the pipeline tells which it is, so that a mix-up would show.
    """

    def __init__(self, run: Path) -> None:
        self.drawn: list[tuple[int, str, int]] = []
        self.leaves: Callable[[Image.Image], Image.Image] = lambda image: image
        """What its autoencoder leaves of an image."""
        self._marks = {kept.step: load_file(kept.path) for kept in list_kept(str(run / "training"))}

    def draw(
        self, sampler: Sampler, prompt: str, seeds: Sequence[int], check: Callable[[], None]
    ) -> list[Image.Image]:
        check()
        step = self._step(sampler.pipeline.unet)
        self.drawn += [(step, prompt, seed) for seed in seeds]
        return [self.leaves(self._image(step, prompt == "a zeb", seed)) for seed in seeds]

    def _step(self, unet: torch.nn.Module) -> int:
        own = {f"unet.{name}": one for name, one in unet.named_parameters() if one.requires_grad}
        for step, marks in self._marks.items():
            if all(torch.equal(own[name], one) for name, one in marks.items()):
                return step
        return 0

    def _image(self, step: int, subject: bool, seed: int) -> Image.Image:
        if step == OVER:
            return tinted(seed % 2, RED)  # two of those that it was taught
        if not subject:
            return tinted(100 + seed, GREEN)
        return tinted(200 + seed, {0: BLUE, EARLY: (0.5, 0.2, 0.7), GOOD: RED}[step])


@pytest.fixture
def pretended(run: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    made = Pretended(run)
    monkeypatch.setattr(Sampler, "draw", lambda sampler, *words: made.draw(sampler, *words))
    monkeypatch.setattr(Sampler, "redraw", lambda _, image: made.leaves(image))
    return made


def coarse(image: Image.Image) -> Image.Image:
    """Nothing of an image that is finer than a sixth of it."""
    small = image.resize((6, 6), Image.Resampling.BOX)
    return small.resize(image.size, Image.Resampling.BILINEAR)


def test_the_over_trained_is_told_from_the_good_one(pick: Pick, pretended: Pretended) -> None:
    made = pick(rate=0.05)
    assert made.found.picked is not None
    assert made.found.picked.step == GOOD
    assert OVER not in made.found.alike
    early, good, over = made.found.checkpoints
    assert (good.copies, over.copies, over.judged) == (0, 3, 3)
    assert good.shares.learned > early.shares.learned
    assert good.shares.stays == pytest.approx(1, abs=1e-4)
    assert over.shares.stays < 0.5
    assert over.shares.original == 0
    assert "after step 2 it is the best" in verdict(made)
    assert made.found.innocent >= made.found.needed == 19
    told = json.loads(plain_json(pick_document(made)))
    assert (told["best"], told["checkpoints"][2]["copies"]) == (GOOD, 3)
    assert [Path(path).is_file() for path in told["beginning"]["drawn"][0]["paths"]] == [True] * 3
    # as many more of the beginning as the rate needs, and of the others the fixed set alone
    assert {step: sum(one[0] == step for one in pretended.drawn) for step in (1, 2, 3)} == {
        1: 6,
        2: 6,
        3: 6,
    }


def test_copies_are_told_where_the_autoencoder_leaves_little_of_any_image(
    pick: Pick, pretended: Pretended
) -> None:
    """They agree with what it leaves of a taught image, and not with the image itself."""
    pretended.leaves = coarse
    made = pick(rate=0.05)
    assert made.found.line is not None
    assert made.found.line < 1
    assert [one.copies for one in made.found.checkpoints] == [0, 0, 3]
    assert made.found.checkpoints[2].shares.original == 0


def test_what_was_drawn_is_not_drawn_again_and_what_was_damaged_is(
    pick: Pick, pretended: Pretended
) -> None:
    first = pick()
    count = len(pretended.drawn)
    again = pick()
    assert len(pretended.drawn) == count
    assert plain_json(pick_document(again)) == plain_json(pick_document(first))
    Path(first.drawn[GOOD][0][1]).write_bytes(b"\x89PNG")
    assert plain_json(pick_document(pick())) == plain_json(pick_document(first))
    assert pretended.drawn[count:] == [(GOOD, "a zeb", 1)]
    pick(prompts=("a zeb", "another"))
    assert {prompt for _, prompt, _ in pretended.drawn[count + 1 :]} == {"another"}


def test_one_that_was_stopped_goes_on_to_the_same(pick: Pick, pretended: Pretended) -> None:
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and event.told == "step 2":
            cancellation.cancel()

    with pytest.raises(CancelledError):
        pick(stop, cancellation)
    before = len(pretended.drawn)
    assert {step for step, *_ in pretended.drawn} == {0, EARLY, GOOD}
    made = pick()
    assert len(set(pretended.drawn)) == len(pretended.drawn) > before
    assert made.found.picked is not None
    assert made.found.picked.step == GOOD


def test_too_few_innocent_images_are_said_and_references_make_them_more(
    pick: Pick, pretended: Pretended, trained: Path, tmp_path: Path
) -> None:
    few = pick(rate=0.001)
    assert few.found.line is None
    assert few.found.picked is not None
    (tmp_path / "more").mkdir()
    for seed in range(5):
        tinted(300 + seed, BLUE).save(tmp_path / "more" / f"{seed}.png")
    shutil.copy(trained / "images" / "0.png", tmp_path / "more" / "taught.png")
    tinted(1, RED).save(tmp_path / "more" / "copy.png", compress_level=1)
    (tmp_path / "more" / "broken.png").write_bytes(b"\x89PNG")
    more = pick(rate=0.001, references=(str(tmp_path / "more"),))
    assert more.found.innocent == few.found.innocent + 5  # no taught image, and no copy of one


def test_the_best_or_another_becomes_a_model(
    pick: Pick, pretended: Pretended, tmp_path: Path
) -> None:
    best = pick(out=str(tmp_path / "best"))
    assert best.out_step == GOOD
    other = pick(out=str(tmp_path / "other"), step=OVER)
    assert (other.out_step, other.found.picked.step if other.found.picked else 0) == (OVER, GOOD)
    for made in (best, other):
        assert find_checkpoint(str(made.out)).family == "sd"
        told = json.loads((Path(str(made.out)) / "vitrail.json").read_text())
        assert told["step"] == made.out_step
        assert "images" not in json.dumps(told)
    last = tmp_path / "run" / "unet" / "diffusion_pytorch_model.safetensors"
    own = Path(str(other.out)) / "unet" / "diffusion_pytorch_model.safetensors"
    assert own.read_bytes() == last.read_bytes()  # the last step is what the run came to


def test_a_model_that_is_there_is_told_again_and_nothing_else_is_written_over(
    pick: Pick, pretended: Pretended, tmp_path: Path
) -> None:
    out = tmp_path / "best"
    whole = pick(out=str(out))
    index = out / "model_index.json"
    written, count = index.stat().st_mtime_ns, len(pretended.drawn)
    assert pick(out=str(out)).out_step == whole.out_step
    assert index.stat().st_mtime_ns == written
    with pytest.raises(InputError, match=r"holds the model after step 2, and the one after step 3"):
        pick(out=str(out), step=OVER)
    # as a kill leaves it that comes between two of its parts
    (out / "model.tmp").mkdir()
    for name in ("unet", "model_index.json"):
        (out / name).rename(out / "model.tmp" / name)
    assert pick(out=str(out)).out_step == GOOD
    assert find_checkpoint(str(out)).family == "sd"
    assert not (out / "model.tmp").exists()
    (out / "vitrail.json").write_text('{"step": 2}')  # of another run
    with pytest.raises(InputError, match="is there already: name a new folder"):
        pick(out=str(out))
    assert len(pretended.drawn) == count


@pytest.mark.parametrize("unmoved", [(), ("unet", "vitrail.json", "model_index.json")])
def test_what_a_kill_left_of_another_step_is_refused_and_of_the_same_gone_on_with(
    unmoved: tuple[str, ...], pick: Pick, pretended: Pretended, tmp_path: Path
) -> None:
    out = tmp_path / "best"
    pick(out=str(out))
    (out / "model.tmp").mkdir()
    for name in unmoved:
        (out / name).rename(out / "model.tmp" / name)
    with pytest.raises(InputError, match="holds what was begun of the model after step 2, and"):
        pick(out=str(out), step=OVER)
    assert (out / "model.tmp").is_dir()
    assert pick(out=str(out)).out_step == GOOD
    assert not (out / "model.tmp").exists()


@pytest.mark.parametrize(
    "damage", ["folder", "run", "encoder", "none", "weights", "taught", "step"]
)
def test_what_cannot_be_compared_is_told_before_anything_is_drawn(
    pick: Pick, pretended: Pretended, run: Path, trained: Path, damage: str
) -> None:
    inner, changes = run / "training", {}
    expected: type[Exception] = InputError
    if damage == "folder":
        shutil.rmtree(run)
        says = "is no folder: give the folder that train-generator"
    elif damage == "run":
        (inner / "run.json").unlink()
        says = "holds no training of a generator"
    elif damage == "encoder":
        (inner / "run.json").write_text('{"format": 1, "classes": []}')
        says = "a training of an encoder"
    elif damage == "none":
        shutil.rmtree(inner / "kept")
        says = "kept no weights on its way: train with --keep"
    elif damage == "weights":
        told = json.loads((inner / "run.json").read_text())
        told["settings"]["weights"] = "0" * 64
        (inner / "run.json").write_text(json.dumps(told))
        expected, says = CheckpointError, "is another checkpoint than the one"
    elif damage == "taught":
        told = json.loads((inner / "run.json").read_text())
        told["images"] = told["images"][:2]
        (inner / "run.json").write_text(json.dumps(told))
        says = "2 taught images can be read, and from 3 on"
    else:
        changes = {"step": 7, "out": str(run.parent / "out")}
        says = "nothing was kept after step 7: give one of 1, 2, 3"
    with pytest.raises(expected, match=says):
        pick(**changes)
    assert not pretended.drawn
    assert not (inner / "picked").exists()
    assert run.exists() == (damage != "folder")


def test_damaged_weights_are_named_and_a_run_that_trains_is_waited_for(
    pick: Pick, pretended: Pretended, run: Path
) -> None:
    last = list_kept(str(run / "training"))[-1]
    Path(last.path).write_bytes(Path(last.path).read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"after step 3 .* is damaged: delete that file"):
        pick()
    Path(last.path).unlink()
    assert [one.step for one in pick().found.checkpoints] == [1, 2]
    with (
        WriterLock(str(run / "training" / "lock")),
        pytest.raises(CollectionLockedError, match="wait for it to end"),
    ):
        pick()


def test_taught_images_that_are_gone_do_not_count(
    pick: Pick, pretended: Pretended, run: Path, tmp_path: Path
) -> None:
    told = json.loads((run / "training" / "run.json").read_text())
    told["images"][0][0] = str(tmp_path / "gone.png")
    (run / "training" / "run.json").write_text(json.dumps(told))
    events: list[Event] = []
    made = pick(events.append)
    assert len(made.taught) == 5
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "1 taught image cannot be read" in notes[0]


def test_without_prompts_of_anything_else_drift_is_not_told(
    pick: Pick, pretended: Pretended
) -> None:
    events: list[Event] = []
    made = pick(events.append, others=())
    assert made.others == ()
    assert all(one.drift is None for one in made.found.checkpoints)
    assert np.isnan(made.found.usual)
    assert any("name prompts of it by --other" in e.text for e in events if isinstance(e, Note))


def test_a_checkpoint_draws_for_itself(pick: Pick, run: Path) -> None:
    """Nothing pretended: the tiny model's own images, of other weights others."""
    made = pick(seeds=3, rate=0.2)
    drawn = {step: Path(paths[0][0]).read_bytes() for step, paths in made.drawn.items()}
    assert len({*drawn.values()}) == 4
    assert not list(run.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seeds": 2}, "seeds is 2; give 3 or more"),
        ({"rate": 1.0}, "rate is 1.0; give a share"),
        ({"prompts": (" ",)}, "a --prompt is empty"),
        ({"others": ("a zeb",), "prompts": ("a zeb",)}, "by --prompt and by --other"),
        ({"step": 3}, "name a folder by --out"),
        ({"device": "abacus"}, "device 'abacus' is unknown"),
        ({"references": ("/nowhere",)}, "is no folder"),
    ],
)
def test_options_that_cannot_be_used_are_one_line(
    pick: Pick, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        pick(**changes)
