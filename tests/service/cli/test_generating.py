"""The generating commands, with a tiny random checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.generator.tiny import build_ip_adapter, build_lora, build_sd
from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail
from vitrail.generator.models.pipelines import load_model
from vitrail.indexer import encoders
from vitrail.indexer.encoders.loading import read_fingerprint

Paint = Callable[..., Path]
FEW = ("--steps", 1, "--guidance", 1, "--scheduler", "ddim", "--device", "cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sd(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A picture of 32x32 random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_every_command_makes_images_and_indexes_them(
    vitrail: Vitrail, folder: Path, noise: Path, checkpoint: Path
) -> None:
    vitrail.index(folder)
    options = ("--model", checkpoint, *FEW)
    made = vitrail("generate", "a red apple", "-n", 2, "--seed", 5, *options)
    assert made.code == 0, made
    first, second = (Path(line) for line in made.out.splitlines())
    assert first.name.startswith("a-red-apple-5-")
    assert second.name.startswith("a-red-apple-6-")

    again = vitrail("img2img", first, "a green apple", "--strength", 0.5, *options)
    assert again.code == 0, again
    (varied,) = again.out.splitlines()
    assert first.name in vitrail("lineage", varied).out

    painted = vitrail("inpaint", noise, "a cat", "--mask", "0,0,16,16", *options)
    assert painted.code == 0, painted
    with Image.open(painted.out.strip()) as result, Image.open(noise) as before:
        assert (np.asarray(result)[16:] == np.asarray(before)[16:]).all()

    styled = vitrail("style", noise, varied, "--prompt", "an apple", *options)
    assert styled.code == 0, styled
    words = ("style", first, varied, "--prompt", "an apple")
    attentive = (*words, "--method", "attention", "--query-kept", 0.5, *options)
    shown = vitrail(*attentive)
    assert shown.code == 0, shown
    assert vitrail(*attentive, "--seed", 9).out == shown.out  # no seed has a say: it is there
    assert vitrail("info", "--json").json["generated"] == 6
    assert vitrail("reproduce", shown.out.strip()).code == 0
    vitrail.fails(*attentive, "-n", 2, code=2, says=["2 images would be the same"])
    vitrail.fails(*words, "--method", "magic", *options, code=2, says=["'magic' is unknown"])
    assert vitrail("info", "--json").json["generated"] == 6


def test_an_empty_place_begins_a_collection(
    vitrail: Vitrail, noise: Path, checkpoint: Path, tmp_path: Path
) -> None:
    options = ("--model", checkpoint, *FEW, "--checkpoint", CHECKPOINT)
    commands = {
        "generate": ("a",),
        "img2img": (noise, "a"),
        "inpaint": (noise, "a", "--mask", "0,0,16,16"),
        "style": (noise, noise, "--prompt", "a"),
    }
    for name, words in commands.items():
        place = tmp_path / name
        made = vitrail(name, *words, *options, "--space", "mean@2", "-c", place)
        assert made.code == 0, made
        assert f"new collection {place}, encoder colours [" in made.err
        told = vitrail("info", "--json", "-c", place).json
        assert (told["images"], list(told["spaces"])) == (1, ["mean@2"])
        image = made.out.strip()
        assert Path(image).is_file()
        again = vitrail(name, *words, *options, "-c", place)
        assert (again.code, again.out.strip()) == (0, image), again
        assert "new collection" not in again.err
    says = ["colours [", "colours-2 ["]
    place = tmp_path / "generate"
    vitrail.fails("generate", "b", "--checkpoint", "colours-2", "-c", place, code=1, says=says)


def test_what_cannot_be_made_begins_no_collection(
    vitrail: Vitrail, noise: Path, checkpoint: Path
) -> None:
    options = ("--model", checkpoint, "--checkpoint", CHECKPOINT)
    vitrail.fails("generate", "a", *options, "--steps", 0, code=2, says=["steps"])
    vitrail.fails("img2img", noise, "a", *options, "--strength", 7, code=2, says=["strength"])
    vitrail.fails("generate", "a", "--model", noise / "no", code=1, says=["no"])
    assert not vitrail.home.exists()


def test_without_the_hub_the_encoder_that_needs_none_is_named(
    vitrail: Vitrail, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "read_fingerprint", read_fingerprint)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    says = [f"there is no collection at {vitrail.home} yet", "--checkpoint dinov2-small-focus"]
    vitrail.fails("generate", "a", "--model", checkpoint, *FEW, code=1, says=says)
    assert not vitrail.home.exists()


def test_device_and_precision_of_a_search_by_prompt_reach_the_generator(
    vitrail: Vitrail,
    folder: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    vitrail.index(folder)
    asked: list[tuple[object, object]] = []

    def load(info: object, *, device: str, precision: str, **rest: Any) -> object:
        asked.append((device, precision))
        return load_model(info, device=device, precision=precision, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr("vitrail.generator.models.pipelines.load_model", load)
    words = ("search", "--prompt", "a", "--seeds", 1, "--model", checkpoint, "--background", 0)
    for options in ((), ("--device", "cpu", "--precision", "fp32"), ("--precision", "bf16")):
        done = vitrail(*words, *options)
        assert done.code == 0, done
    assert asked == [("auto", "auto"), ("cpu", "fp32"), ("auto", "bf16")]
    assert vitrail(*words, "--precision", "bf16").code == 0
    assert len(asked) == 3, "asking again generates nothing"
    vitrail.fails(*words, "--device", "abacus", code=2, says=["'abacus'"])


def test_a_search_turns_away_from_what_a_prompt_makes(
    vitrail: Vitrail,
    folder: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    vitrail.index(folder)
    red = folder / "warm" / "red.png"
    words = ("search", red, "--not-prompt", "a pear", "--seeds", 2, "--model", checkpoint)
    page = tmp_path / "hits.html"
    told = vitrail(*words, "--json", "--html", page).json
    assert told["query"] == f"{red}, not “a pear”"
    made = sorted((tmp_path / "cache" / "queries").rglob("*.png"))
    assert len(made) == 2
    away = [word for file in made for word in ("--negative", file)]
    same = vitrail("search", red, *away, "--json").json["hits"]
    assert [hit["id"] for hit in told["hits"]] == [hit["id"] for hit in same]
    assert [hit["score"] for hit in told["hits"]] == pytest.approx([h["score"] for h in same])
    assert page.read_text("utf-8").count('class="unlike"') == 2
    best = vitrail(*words, "--fusion", "best-score")
    assert best.names[0] == "red.png"


@pytest.fixture
def bad(tmp_path: Path, noise: Path) -> dict[str, Path]:
    """Pictures that cannot be worked on, by what is wrong with them."""
    (tmp_path / "torn.png").write_bytes(noise.read_bytes()[:200])
    Image.new("RGB", (200, 2)).save(tmp_path / "thin.png")
    Image.new("L", (32, 32)).save(tmp_path / "black.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "small.png")
    names = ("torn", "thin", "black", "small", "missing")
    return {name: tmp_path / f"{name}.png" for name in names}


def test_an_unusable_picture_is_named_with_its_argument(
    vitrail: Vitrail, noise: Path, bad: dict[str, Path], checkpoint: Path
) -> None:
    def refused(*words: object, says: str) -> None:
        vitrail.fails(*words, "--model", checkpoint, code=2, says=[says])

    for name, remark in (
        ("torn", "cannot be used: "),
        ("missing", "is no file"),
        ("thin", "is 200x2, too thin"),
    ):
        file = bad[name]
        says = f"{str(file)!r} {remark}"
        refused("img2img", file, "x", says=f"IMAGE {says}")
        refused("inpaint", file, "x", "--mask", "0,0,2,2", says=f"IMAGE {says}")
        refused("style", file, noise, "--prompt", "x", says=f"CONTENT {says}")
        refused("style", noise, file, "--prompt", "x", says=f"STYLE {says}")
    for name, remark in (
        ("torn", "cannot be used: "),
        ("missing", "is no file here, no box"),
        ("black", "marks nothing"),
        ("small", "is 8x8 and the image 32x32"),
    ):
        says = f"--mask {str(bad[name])!r} {remark}"
        refused("inpaint", noise, "x", "--mask", bad[name], says=says)
    refused("inpaint", noise, "x", "--mask", "0,0,40,4", says="--mask 0,0,40,4 does not lie")


def test_an_indexed_picture_that_is_gone_or_torn_is_named(
    vitrail: Vitrail, folder: Path, checkpoint: Path
) -> None:
    vitrail.index(folder)
    red = folder / "warm" / "red.png"
    image_id = vitrail("search", red, "--json").json["hits"][0]["id"]
    said = vitrail.fails(
        *("img2img", image_id + 1000, "x", "--model", checkpoint), code=2, says=["is no file here"]
    )
    assert said.startswith("vitrail: IMAGE ")
    red.write_bytes(red.read_bytes()[:30])
    says = [f"IMAGE '{image_id}', file {str(red)!r} cannot be used: "]
    vitrail.fails("img2img", image_id, "x", "--model", checkpoint, code=2, says=says)
    red.unlink()
    says = [f"IMAGE '{image_id}' is image {image_id}, whose file is not on disk any more: {red}"]
    vitrail.fails("img2img", image_id, "x", "--model", checkpoint, code=2, says=says)


def test_an_image_made_with_a_lora_is_reproduced(
    vitrail: Vitrail,
    folder: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    vitrail.index(folder)
    lora = build_lora(tmp_path / "paint.safetensors", checkpoint)
    moved = tmp_path / "moved"
    own = Path(shutil.copytree(checkpoint, tmp_path / "own"))
    made = vitrail("generate", "a", "--lora", f"{lora}:0.5", "--model", own, *FEW)
    plain = vitrail("generate", "a", "--model", own, *FEW)
    image = made.out.strip()
    assert Path(image).read_bytes() != Path(plain.out.strip()).read_bytes()

    told = vitrail("lineage", image).out
    assert "  lora: name paint, content_hash " in told
    assert ", weight 0.5\n" in told
    assert "{" not in told, "a recipe is told in words, not as Python writes it"

    again = vitrail("reproduce", image, "--out", tmp_path / "again.png")
    assert (again.code, again.err) == (0, "")
    assert again.out.splitlines()[:2] == ["bytes   the same", "pixels  the same"]

    moved.mkdir()
    lora.rename(moved / "p.safetensors")
    own.rename(moved / "model")
    says = ["paint.safetensors (sha256 ", f"at {lora}: ", "--lora FILE"]
    vitrail.fails("reproduce", image, code=1, says=says)
    given = ("--lora", moved / "p.safetensors")
    vitrail.fails("reproduce", image, *given, code=1, says=[f"{str(own)!r} is no directory"])
    assert vitrail("reproduce", image, *given, "--model", moved / "model").code == 0

    other = build_sd(tmp_path / "other", scheduler="DDIMScheduler")
    says = [str(own), "give that one"]
    vitrail.fails("reproduce", image, "--model", other, code=2, says=says)
    says = ["is sha256 ", "the recipe names paint.safetensors (sha256 "]
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    vitrail.fails("reproduce", image, "--lora", weights, code=1, says=says)


def test_a_parent_that_is_torn_is_named(
    vitrail: Vitrail, folder: Path, noise: Path, checkpoint: Path
) -> None:
    vitrail.index(folder, noise)
    made = vitrail("img2img", noise, "a", "--model", checkpoint, *FEW)
    noise.write_bytes(noise.read_bytes()[:200])
    says = [f"the recipe's init image {str(noise)!r} cannot be used: "]
    vitrail.fails("reproduce", made.out.strip(), code=2, says=says)


def test_a_style_shown_by_an_ip_adapter_is_reproduced(
    vitrail: Vitrail,
    folder: Path,
    noise: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    vitrail.index(folder, noise)
    own = Path(shutil.copytree(checkpoint, tmp_path / "own"))
    adapter = build_ip_adapter(tmp_path / "ip", own)
    words = ("style", noise, folder / "warm" / "red.png", "--prompt", "a", "--model", own, *FEW)
    plain = vitrail(*words)
    made = vitrail(*words, "--ip-adapter", adapter)
    assert made.code == 0, made
    image = Path(made.out.strip())
    assert image.read_bytes() != Path(plain.out.strip()).read_bytes()
    same = vitrail("reproduce", image)
    assert same.out.splitlines()[:2] == ["bytes   the same", "pixels  the same"], same

    # A moved one is named, and used again as the checkpoint's own.
    (tmp_path / "ip").rename(own / "ip_adapter")
    assert vitrail("reproduce", image).code == 0
    assert vitrail(*words).out == made.out
    assert vitrail(*words, "--ip-adapter-scale", 0).out == plain.out
    (own / "ip_adapter").rename(tmp_path / "moved")
    says = ["tiny.safetensors (sha256 ", "no more, or changed, at ", str(adapter), "--ip-adapter"]
    vitrail.fails("reproduce", image, code=1, says=says)
    vitrail.fails("reproduce", image, "--ip-adapter", noise, code=1, says=[str(noise)])
    assert vitrail("reproduce", image, "--ip-adapter", tmp_path / "moved").code == 0
    vitrail.fails(*words, "--ip-adapter-scale", 0.5, code=2, says=["by --ip-adapter FILE"])
    (tmp_path / "a.bin").write_bytes(b"x")
    vitrail.fails(*words, "--ip-adapter", tmp_path / "a.bin", code=1, says=["can run code"])


def test_what_the_embedded_model_cannot_draw_is_said_before(
    vitrail: Vitrail, folder: Path, tmp_path: Path, noise: Path
) -> None:
    vitrail.index(folder)
    few = ("--steps", 1, "--guidance", 1)
    told = vitrail("generate", "a windmill", *few)
    assert told.code == 0, told
    (note,) = (line for line in told.err.splitlines() if line.startswith("note: "))
    assert "“a windmill” is none of them" in note
    assert "note" not in vitrail("generate", "a windmill", *few, "--quiet").err
    assert "note" not in vitrail("generate", "a red apple", *few).err

    told = vitrail("inpaint", noise, "a cat", "--mask", "0,0,16,16", *few)
    assert f"IMAGE {str(noise)!r} is nothing like that" in told.err
    # a mask is black and white whatever the model knows
    Image.new("RGB", (64, 64), "white").save(tmp_path / "plain.png")
    mask = Image.new("L", (64, 64))
    mask.putpixel((9, 9), 255)
    mask.save(tmp_path / "mask.png")
    told = vitrail(
        "inpaint", tmp_path / "plain.png", "a cat", "--mask", tmp_path / "mask.png", *few
    )
    assert told.code == 0, told
    assert "note" not in told.err
