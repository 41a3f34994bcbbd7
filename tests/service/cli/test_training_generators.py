"""``vitrail train-generator``, from folders to a model that ``generate`` takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.generator.tiny import build_lcm, build_sd
from tests.generator.training.lessons import paint
from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail

SHORT = ("--steps", 2, "--batch", 2, "--rank", 2, "--precision", "fp32", "--device", "cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_sd(folder / "sd", steps=1)
    build_lcm(folder / "lcm")
    return folder


@pytest.fixture
def trains(
    vitrail: Vitrail, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Vitrail:
    monkeypatch.chdir(tmp_path)
    for name in ("sd", "lcm"):
        (tmp_path / name).symlink_to(models / name)
    paint(tmp_path / "images")
    Image.new("RGB", (30, 30), "red").save(tmp_path / "lone.png")
    return vitrail


def test_images_become_a_model_that_draws(trains: Vitrail, tmp_path: Path) -> None:
    command = ("train-generator", "images", "--out", "made", "--model", "sd", "--prompt", "a zeb")
    done = trains.at(80, *command, *SHORT, "--quiet")
    assert done.code == 0, done.err
    assert "4 images with 1 caption" in done.out
    assert "sd by low-rank weights, 2 steps" in " ".join(done.out.split())
    assert "made/training/sheets/step-000002.png" in done.out
    assert "made/lora/pytorch_lora_weights.safetensors" in done.out
    assert "use it: vitrail generate 'a zeb' --model made" in done.out
    words = ("a zeb", "--steps", 1, "--guidance", 1, "--quiet")
    drawn = trains("generate", *words, "--model", "made", "--checkpoint", CHECKPOINT)
    assert drawn.code == 0, drawn.err
    lora = Path("made", "webui", "made.safetensors")
    drawn = trains("generate", *words, "--model", "sd", "--lora", lora, "--force")
    assert drawn.code == 0, drawn.err
    again = trains.at(80, *command, *SHORT, "--quiet")
    assert (again.code, again.out) == (0, done.out)
    trains.fails(
        *command, *SHORT, "--rank", 3, code=2, says=["use it (vitrail generate PROMPT --model"]
    )


def test_json_tells_the_same(trains: Vitrail) -> None:
    done = trains(
        "train-generator", "images", "--out", "made", "--model", "sd", "--prompt", "a zeb", *SHORT,
        "--method", "full", "--prior", "a cat", "--prior-count", 1, "--json", "--quiet",
    )  # fmt: skip
    assert done.code == 0, done.err
    made = done.json
    assert (made["images"], made["prior"], made["method"]) == (4, 1, "full")
    assert made["captions"] == ["a zeb"]
    assert made["low_rank"] == []
    assert set(made["loss"]) == {"before", "after"}


def test_a_token_is_learned_and_draws(trains: Vitrail, tmp_path: Path) -> None:
    prompt = "a <zeb>"
    command = (
        "train-generator", "images", "--out", "made", "--model", "sd", "--prompt", prompt, *SHORT,
        "--method", "inversion", "--token", "<zeb>", "--initial", "a", "--vectors", 2, "--quiet",
    )  # fmt: skip
    done = trains.at(80, *command)
    assert done.code == 0, done.err
    assert "sd by 1 token of its own, 2 steps" in " ".join(done.out.split())
    assert "made/embeddings/zeb.safetensors" in done.out
    assert "use it: vitrail generate 'a <zeb>' --model made" in done.out
    words = (prompt, "--steps", 1, "--guidance", 1, "--quiet")
    drawn = trains("generate", *words, "--model", "made", "--checkpoint", CHECKPOINT)
    assert drawn.code == 0, drawn.err
    again = trains.at(80, *command)
    assert (again.code, again.out) == (0, done.out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("images", "--prompt", "x"), "by --out"),
        (("images", "--out", "m", "--token", "<a>"), "learned by the method inversion, not lora"),
        (("images", "--out", "m", "--method", "inversion"), "name one, such as '<zeb>'"),
        (("images", "--out", "made"), "4 images without a caption"),
        (("--out", "made", "--captions", "label", "--prompt", "x"), "both say"),
        (("images", "--out", "made", "--where", "true"), "beside a column or a filter"),
        (("images", "--out", "made", "--prompt", "x", "--method", "dora"), "'dora' is unknown"),
        (("images", "--out", "made", "--prompt", "x", "--model", "lcm"), "is distilled from"),
        (("images", "--out", "made", "--prompt", "x", "--side", 30), "multiples of 8: give 32"),
        (("images", "--out", "made", "--prompt", "x", "--precision", "fp16"), "on CUDA alone"),
        (("images", "--out", "made", "--prompt", "x", "--prior-images", "i"), "by --prior"),
        (("images", "--out", "made", "--prompt", "x", "--prior", " "), "--prior is empty"),
        (("nowhere", "--out", "made", "--prompt", "x"), "is no folder"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_folder(
    trains: Vitrail, tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    given = words if "--model" in words else (*words, "--model", "sd")
    trains.fails("train-generator", *given, "--device", "cpu", "--quiet", code=2, says=[says])
    assert not (tmp_path / "made").exists()
