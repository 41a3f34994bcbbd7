from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from PIL import Image

from vitrail.indexer.encoders.processors import read_preprocess
from vitrail.indexer.images.preprocess import apply, normalise
from vitrail.indexer.images.processors import from_config

_T: Any = transformers
PROCESSORS = {
    "vit": ("ViTImageProcessorPil", {}),
    "deit": ("DeiTImageProcessorPil", {}),
    "dinov2": ("BitImageProcessorPil", {"size": {"shortest_edge": 256}}),
    "siglip_vision_model": ("SiglipImageProcessorPil", {"size": {"height": 96, "width": 96}}),
    "clip_vision_model": ("CLIPImageProcessorPil", {}),
}


@pytest.mark.parametrize("model_type", PROCESSORS)
@pytest.mark.parametrize("saved", [True, False])
def test_pixels_equal_transformers_own(model_type: str, saved: bool, tmp_path: Path) -> None:
    kind, options = PROCESSORS[model_type]
    processor = getattr(_T, kind)(**options)
    raw = dict(options)
    if saved:  # everything written out, as save_pretrained does
        processor.save_pretrained(tmp_path)
    else:  # only what differs from the class's own defaults
        content = {"image_processor_type": kind.removesuffix("Pil"), **raw}
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(content))
    spec = read_preprocess(tmp_path, model_type=model_type, name="x")
    noise = np.random.default_rng(0).integers(0, 256, (300, 411, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    expected = processor(image, return_tensors="np")["pixel_values"][0]
    ours = normalise(spec, apply(spec, image)).transpose(2, 0, 1)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_old_files_with_bare_sizes() -> None:
    old = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224}
    spec = from_config(old, model_type="clip_vision_model")
    assert (spec.shortest_edge, spec.size, spec.crop) == (224, None, (224, 224))
    spec = from_config({"size": 384}, model_type="vit")
    assert (spec.shortest_edge, spec.size, spec.crop) == (None, (384, 384), None)


def test_rescale_factor_is_folded_in() -> None:
    raw = {"rescale_factor": 1 / 127.5, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]}
    spec = from_config(raw, model_type="vit")
    assert spec.mean == (0.5, 0.5, 0.5)
    assert spec.std == (0.5, 0.5, 0.5)
    plain = from_config({"rescale_factor": 0.00392156862745098}, model_type="vit")
    assert plain.mean == (0.5, 0.5, 0.5)


def test_processor_config_holds_the_image_processor(tmp_path: Path) -> None:
    content = {"image_processor": {"image_processor_type": "SiglipImageProcessor"}}
    (tmp_path / "processor_config.json").write_text(json.dumps(content))
    spec = read_preprocess(tmp_path, model_type="siglip_vision_model", name="x")
    assert spec.size == (224, 224)
