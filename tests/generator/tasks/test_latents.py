from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.generator.conftest import noise_image
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.models.pipelines import load_model
from vitrail.generator.tasks.latents import encode


def test_an_autoencoder_that_ran_out_of_memory_is_as_precise_as_before(
    checkpoint: Callable[[str], CheckpointInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made more precise for the length of an encoding, which may have to begin again."""
    model = load_model(checkpoint("xl"), device="cpu", precision="fp16")
    vae = model.pipeline("text", "ddim").vae
    assert vae.config.force_upcast
    expected = encode(model, noise_image(32, 32).image)
    whole = vae.encode
    failed: list[Any] = []

    def fail_once(pixels: Any) -> Any:
        assert pixels.dtype == torch.float32
        if not failed:
            failed.append(pixels)
            raise MemoryError("as if")
        return whole(pixels)

    monkeypatch.setattr(vae, "encode", fail_once)
    latents = encode(model, noise_image(32, 32).image)
    assert failed
    assert latents.dtype == vae.dtype == torch.float16
    assert torch.equal(latents, expected)
