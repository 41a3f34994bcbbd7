"""Pixels equal transformers' own Pillow processors, bit for bit."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.images import preprocess
from vitrail.indexer.images.preprocess import Preprocess, apply, normalise
from vitrail.indexer.images.processors import from_config

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViTImageProcessorPil", {}),
    "vit-384": ("ViTImageProcessorPil", {"size": {"height": 38, "width": 38}, "resample": 2}),
    "vit-old": ("ViTImageProcessorPil", {"size": 33, "feature_extractor_type": "ViT"}),
    "deit": ("DeiTImageProcessorPil", {"size": 40, "crop_size": 31}),
    "dinov2": (
        "BitImageProcessorPil",
        {
            "size": {"shortest_edge": 37},
            "crop_size": {"height": 32, "width": 32},
            "image_mean": [0.485, 0.456, 0.406],
            "image_std": [0.229, 0.224, 0.225],
        },
    ),
    "clip": ("CLIPImageProcessorPil", {"size": 32, "crop_size": 32}),
    "clip-padded": ("CLIPImageProcessorPil", {"size": {"shortest_edge": 20}, "crop_size": 33}),
    "clip-unresized": ("CLIPImageProcessorPil", {"do_resize": False, "crop_size": 32}),
    "clip-lanczos": ("CLIPImageProcessorPil", {"size": 31, "crop_size": 30, "resample": 1}),
    "siglip": ("SiglipImageProcessorPil", {"size": {"height": 32, "width": 32}}),
    "siglip-scaled": (
        "SiglipImageProcessorPil",
        {"size": {"height": 16, "width": 16}, "rescale_factor": 1 / 127.5, "image_mean": [1, 1, 1]},
    ),
}


@functools.cache
def theirs(name: str) -> Any:
    import transformers

    kind, config = CONFIGS[name]
    settings_ = {k: v for k, v in config.items() if k != "feature_extractor_type"}
    return getattr(transformers, kind)(**settings_)


def ours(name: str) -> Preprocess:
    kind, config = CONFIGS[name]
    return from_config({"image_processor_type": kind.removesuffix("Pil"), **config})


def random_image(width: int, height: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


SIZES = st.one_of(st.integers(1, 80), st.integers(1, 400))


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=40, deadline=None)
@given(width=SIZES, height=SIZES, seed=st.integers(0, 9))
def test_pixels_equal_transformers(name: str, width: int, height: int, seed: int) -> None:
    image = random_image(width, height, seed)
    raw = theirs(name)(image, do_rescale=False, do_normalize=False)["pixel_values"][0]
    spec = ours(name)
    pixels = apply(spec, image)
    assert pixels.shape == (spec.image_size, spec.image_size, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    np.testing.assert_array_equal(pixels, np.moveaxis(raw, 0, -1))
    full = theirs(name)(image)["pixel_values"][0]
    np.testing.assert_allclose(normalise(spec, pixels), np.moveaxis(full, 0, -1), atol=1e-6)


@pytest.mark.parametrize("kind", ["ViT", "DeiT", "Bit", "CLIP", "Siglip"])
def test_defaults_and_saved_configurations_equal_transformers(kind: str) -> None:
    import transformers

    processor = getattr(transformers, f"{kind}ImageProcessorPil")()
    saved = json.loads(processor.to_json_string())
    image = random_image(333, 251, 3)
    for config in ({"image_processor_type": f"{kind}ImageProcessor"}, saved):
        spec = from_config(config)
        expected = processor(image)["pixel_values"][0]
        ours_ = normalise(spec, apply(spec, image))
        np.testing.assert_allclose(ours_, np.moveaxis(expected, 0, -1), atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(8, 300), height=st.integers(8, 300))
def test_dinov3_differs_by_one_level_at_most(width: int, height: int) -> None:
    """Its processor resizes floats with antialiased bilinear, which is torch's interpolate."""
    import torch

    image = random_image(width, height, 1)
    config = {
        "image_processor_type": "DINOv3ViTImageProcessorFast",
        "size": {"height": 32, "width": 32},
    }
    pixels = apply(from_config(config), image).astype(np.float32)
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
    exact = torch.nn.functional.interpolate(
        tensor, (32, 32), mode="bilinear", antialias=True, align_corners=False
    )
    assert float(np.abs(pixels - exact[0].permute(1, 2, 0).numpy()).max()) <= 1.01


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 40), height=st.integers(200, 900), turned=st.booleans())
def test_long_pictures_are_resized_in_the_middle_only(
    width: int, height: int, turned: bool
) -> None:
    image = random_image(*((height, width) if turned else (width, height)), 5)
    spec = ours("dinov2")
    whole = apply(spec, image).astype(int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preprocess, "MAX_RESIZED_PIXELS", 0)
        part = apply(spec, image).astype(int)
    # Of noise, enlarged a few times: rounding may differ, but a shift by a pixel gives 10 and more.
    assert np.abs(whole - part).mean() < 2


def test_a_line_of_pixels_needs_no_gigabytes() -> None:
    pixels: NDArray[np.uint8] = apply(ours("dinov2"), random_image(60_000, 1, 2))
    assert pixels.shape == (32, 32, 3)


def test_processor_configurations_may_be_nested_or_unnamed() -> None:
    nested = {"image_processor": {"image_processor_type": "CLIPImageProcessorFast"}}
    assert from_config(nested) == from_config({}, model_type="clip")
    assert from_config({"feature_extractor_type": "ViTFeatureExtractor"}) == from_config(
        {}, model_type="vit"
    )
    assert from_config({}, model_type="dinov2").crop == (224, 224)
    assert from_config({}, model_type="dinov3_vit").size == (224, 224)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"do_pad": True}, "do_pad"),
        ({"size": {"longest_edge": 224}}, "size"),
        ({"size": {"height": 224, "width": 200}}, "no square"),
        ({"size": {"shortest_edge": 224}}, "no square"),
        ({"size": "big"}, "'big'"),
        ({"resample": 9}, "resample 9"),
        ({"image_mean": [0.5]}, "image_mean"),
        ({"image_std": [0.5, 0.5, 0]}, "image_std"),
        ({"rescale_factor": 0}, "rescale_factor"),
        ({"do_resize": False}, "no square"),
        ({"image_processor_type": "Siglip2ImageProcessor"}, "Siglip2ImageProcessor"),
        ({"image_processor_type": None}, "of model None"),
    ],
)
def test_what_is_not_supported_is_named(config: dict[str, Any], named: str) -> None:
    with pytest.raises(CheckpointError, match=named) as caught:
        from_config({"image_processor_type": "ViTImageProcessor", **config})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CONFIGS)
def test_specs_round_trip_through_json(name: str) -> None:
    spec = ours(name)
    plain = json.loads(json.dumps(spec.to_dict()))
    assert plain == spec.to_dict()
    assert Preprocess.from_dict(plain) == spec
    assert plain["backend"] == "pillow"


def test_a_picture_that_came_smaller_is_cut_where_the_original_is() -> None:
    original = random_image(5100, 3400, 2).size
    reduced = random_image(1700, 1134, 2)  # whose own longer edge would be 335
    spec = Preprocess(224, None, 3, (224, 224), (0, 0, 0), (1, 1, 1))
    assert preprocess._resized(spec, original) == (336, 224)
    expected = np.asarray(reduced.resize((336, 224), Image.Resampling.BICUBIC))[:, 56:280]
    np.testing.assert_array_equal(apply(spec, reduced, original), expected)


def test_target_is_the_edge_that_the_resize_makes() -> None:
    assert ours("dinov2").target == 37
    assert ours("vit-384").target == 38
    assert ours("clip-unresized").target is None


@settings(max_examples=60)
@given(
    name=st.sampled_from([*CONFIGS]),
    width=st.integers(8, 90),
    height=st.integers(8, 90),
    x=st.floats(0, 1, exclude_max=True),
    y=st.floats(0, 1, exclude_max=True),
)
def test_a_place_of_the_image_lies_where_the_seen_box_says(
    name: str, width: int, height: int, x: float, y: float
) -> None:
    """A white spot shows in the input where the box puts it, or not at all beyond the box."""
    spec = ours(name)
    left, top, right, bottom = preprocess.seen_box(spec, (width, height))
    column, row = int(x * width), int(y * height)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[row, column] = 255
    shown = apply(spec, Image.fromarray(pixels))[..., 0].astype(float)
    side = spec.image_size
    across, down = (side / (right - left), side / (bottom - top))
    place = ((column + 0.5 - left) * across, (row + 0.5 - top) * down)
    reach = 3 * max(1, across, down)  # of the resampling filters
    if not all(-reach < one < side + reach for one in place):
        assert not shown.any(), "it is cropped away"
    elif shown.max() > 40 and all(reach < one < side - reach for one in place):
        rows, columns = np.indices(shown.shape) + 0.5
        middle = (columns * shown).sum() / shown.sum(), (rows * shown).sum() / shown.sum()
        assert middle == pytest.approx(place, abs=0.75)
