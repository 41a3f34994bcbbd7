from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.generator import tiny
from tests.generator.conftest import noise_image
from vitrail.generator.adapters.ip_adapters import IPAdapterFile, open_ip_adapter
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.generator.checks import Sampling
from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks import style, text_to_image
from vitrail.generator.tasks.registry import run
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.recipes.png import encode_png, read_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe

CONTENT = noise_image(32, 32)
LOOK = noise_image(40, 32, seed=1)
DARK = replace(LOOK, image=Image.fromarray(np.asarray(LOOK.image) // 8), content_hash="7" * 64)
SAMPLING = Sampling(steps=2)
Checkpoint = Callable[[str], CheckpointInfo]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint) -> Callable[..., Path]:
    """An IP-Adapter for a kind of checkpoint, built when first asked for."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp("ip") / kind
            made[kind] = tiny.build_ip_adapter(folder, checkpoint(kind).path)
        return made[kind]

    return get


def plan(
    info: CheckpointInfo,
    file: IPAdapterFile | None,
    look: InputImage = LOOK,
    strength: float = 1,
) -> Recipe:
    return style.plan(
        info,
        "a red apple",
        CONTENT,
        look,
        style_strength=0.0,  # so that the style can act by the adapter only
        content_strength=strength,
        sampling=SAMPLING,
        ip_adapter=file,
    )[0]


def made_by(
    info: CheckpointInfo, file: IPAdapterFile | None, look: InputImage = LOOK
) -> GeneratedImage:
    return run(load_model(info), plan(info, file, look), {"content": CONTENT, "style": look})


@pytest.mark.parametrize("kind", ["ordinary", "safe", "wide", "nine", "xl", "lcm"])
def test_an_adapter_acts_and_leaves_the_model_as_it_was(
    kind: str, checkpoint: Checkpoint, build: Callable[..., Path]
) -> None:
    info = checkpoint(kind)
    file = open_ip_adapter(str(build(kind)), 1.0)
    model = load_model(info)
    text = text_to_image.plan(info, "a", sampling=SAMPLING)[0]
    before, without = run(model, text).image.tobytes(), made_by(info, None)

    first = made_by(info, file)
    assert encode_png(made_by(info, file)) == encode_png(first)
    assert run(model, text).image.tobytes() == before
    assert made_by(info, None).image.tobytes() == without.image.tobytes()
    if kind != "safe":  # whose checker may blacken both
        assert first.image.tobytes() != without.image.tobytes()


def test_the_scale_and_the_style_decide(
    ordinary: CheckpointInfo, build: Callable[..., Path]
) -> None:
    file = open_ip_adapter(str(build("ordinary")))
    pixels = [
        np.asarray(made_by(ordinary, used).image, np.int16)
        for used in (None, replace(file, scale=0.01), replace(file, scale=1.0))
    ]
    little, much = (np.abs(one - pixels[0]).mean() for one in pixels[1:])
    assert little < much
    assert much > 0
    other = made_by(ordinary, replace(file, scale=1.0), DARK).image
    assert (np.asarray(other) != pixels[2]).any()
    assert made_by(ordinary, None, DARK).image.tobytes() == pixels[0].astype(np.uint8).tobytes()

    # At scale 0 a recipe of other tools' making gives what none gives; a plan leaves it out.
    recipe = plan(ordinary, file)
    assert recipe.ip_adapter is not None
    off = replace(recipe, ip_adapter=replace(recipe.ip_adapter, scale=0.0))
    drawn = run(load_model(ordinary), off, {"content": CONTENT, "style": LOOK}).image
    assert (np.asarray(drawn) == pixels[0]).all()
    assert plan(ordinary, replace(file, scale=0.0)) == plan(ordinary, None)
    assert plan(ordinary, file, strength=0) == plan(ordinary, None, strength=0)


@pytest.mark.parametrize("kind", ["plus", "full"])
def test_the_other_published_kinds_act_too(
    kind: str, ordinary: CheckpointInfo, tmp_path: Path
) -> None:
    path = tiny.build_ip_adapter(tmp_path, ordinary.path, kind=kind)
    file = open_ip_adapter(str(path), 1.0)
    drawn = [
        made_by(ordinary, used, look).image.tobytes()
        for used, look in ((None, LOOK), (file, LOOK), (file, DARK), (None, LOOK))
    ]
    assert len(set(drawn[:3])) == 3
    assert drawn[3] == drawn[0]


def test_the_adapter_is_recorded(ordinary: CheckpointInfo, build: Callable[..., Path]) -> None:
    file = open_ip_adapter(str(build("ordinary")), 0.5)
    png = encode_png(made_by(ordinary, file))
    recipe = read_png(png)[1].recipe
    assert recipe.ip_adapter == file.record
    assert (file.record.name, file.record.scale) == ("tiny", 0.5)
    assert f"tiny: {file.content_hash[:12]}: 0.5".encode() in png


def test_it_is_joined_anew_when_memory_is_saved(
    checkpoint: Checkpoint, build: Callable[..., Path]
) -> None:
    info = checkpoint("ordinary")
    model = load_model(replace(info, name="sliced"), loras=())
    model.save_memory()
    file = open_ip_adapter(str(build("ordinary")), 1.0)
    pictures = {"content": CONTENT, "style": LOOK}
    sliced = model.pipeline("text", "ddim").unet.attn_processors
    drawn = [
        run(model, plan(info, used), pictures).image.tobytes() for used in (None, file, file, None)
    ]
    assert drawn[0] == drawn[3] != drawn[1] == drawn[2]
    assert model.pipeline("text", "ddim").unet.attn_processors == sliced


def test_what_cannot_be_joined_is_refused(
    checkpoint: Checkpoint, build: Callable[..., Path]
) -> None:
    file = open_ip_adapter(str(build("xl")))
    with pytest.raises(CheckpointError, match=r"does not fit checkpoint .* of width 32, and the U"):
        made_by(checkpoint("ordinary"), file)
    model = load_model(checkpoint("ordinary"))
    unet = model.pipeline("text", "ddim").unet
    unet.config.addition_embed_type = "image"
    try:
        with pytest.raises(CheckpointError, match=r"no IP-Adapter can join .* \(image\): leave"):
            made_by(checkpoint("ordinary"), open_ip_adapter(str(build("ordinary"))))
    finally:
        unet.config.addition_embed_type = None


def test_the_embedded_model_takes_none(build: Callable[..., Path]) -> None:
    file = open_ip_adapter(str(build("ordinary")))
    with pytest.raises(CheckpointError, match=r"no IP-Adapter can join .* \(text_proj\): leave"):
        made_by(find_checkpoint(), file)
