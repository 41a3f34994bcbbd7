from __future__ import annotations

import torch

from vitrail.generator.training.latents import fit


def some_pictures() -> torch.Tensor:
    return torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_all_components_together_lose_nothing() -> None:
    pixels = some_pictures()
    basis = fit(pixels, 4, 48)
    assert torch.allclose(basis.reconstruct(basis.project(pixels)), pixels, atol=1e-4)


def test_the_error_falls_with_each_component_and_latents_have_unit_scale() -> None:
    pixels = some_pictures()
    errors = []
    for channels in (1, 4, 16, 47):
        basis = fit(pixels, 4, channels)
        latents = basis.project(pixels)
        assert latents.shape == (12, channels, 4, 4)
        assert abs(latents.square().mean().item() - 1) < 1e-3
        errors.append((basis.reconstruct(latents) - pixels).square().mean().item())
    assert errors == sorted(errors, reverse=True)


def test_the_same_pictures_give_the_same_basis() -> None:
    first, second = fit(some_pictures(), 4, 6), fit(some_pictures(), 4, 6)
    assert torch.equal(first.components, second.components)
    assert torch.equal(first.scale, second.scale)
