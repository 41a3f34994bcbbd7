from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.indexer.encoders.tiny import CLASSIFIERS, pixels, save_classifier, save_tower
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.encoders.loading import load_encoder
from vitrail.indexer.encoders.settings import EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.saving import save_model
from vitrail.indexer.training.trainee import Trainee, build_trainee, trained_space

NAMES = ("cat", "dog", "fox")


def learn(trainee: Trainee, steps: int = 2) -> None:
    """Some steps of plain descent, by which everything that may learn moves."""
    seen = torch.from_numpy(pixels(4))
    chance = torch.Generator().manual_seed(0)
    for _ in range(steps):
        trainee.model.zero_grad(set_to_none=True)
        outputs = trainee.tower(seen)
        terms = [(one * torch.randn(one.shape, generator=chance)).sum() for one in outputs]
        torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in trainee.trained().values():
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)


def moved(trainee: Trainee, before: dict[str, torch.Tensor]) -> set[int]:
    """The layers of which anything has changed."""
    return {
        trainee.layer_of(name)
        for name, one in trainee.model.state_dict().items()
        if name in before and not torch.equal(one, before[name])
    }


def weights(trainee: Trainee) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in trainee.model.state_dict().items()}


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        (FinetuningOptions(), {0, 1, 2, 3, 4, 5}),
        (FinetuningOptions(freeze=1), {2, 3, 4, 5}),
        (FinetuningOptions(freeze=3), {4, 5}),
        (FinetuningOptions(head_only=True), {5}),
    ],
)
def test_what_is_frozen_keeps_every_bit(
    checkpoint: Checkpoint, options: FinetuningOptions, layers: set[int]
) -> None:
    trainee = build_trainee(checkpoint, NAMES, options)
    before = weights(trainee)
    learn(trainee)
    assert moved(trainee, before) == layers


def test_a_contrastive_head_moves_no_block(checkpoint: Checkpoint) -> None:
    trainee = build_trainee(checkpoint, NAMES, FinetuningOptions(objective="contrastive"))
    logits = trainee.tower(torch.from_numpy(pixels(2)))[-1]
    assert not logits.any()  # it tells nothing yet
    logits[:, 0].sum().backward()
    learned = {
        trainee.layer_of(name)
        for name, one in trainee.trained().items()
        if one.grad is not None and one.grad.any()
    }
    assert learned == {trainee.depth + 2}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_family_with_a_head_learns_and_is_a_checkpoint_again(
    name: str, tmp_path: Path
) -> None:
    save_classifier(name, tmp_path / "from")
    source = find_encoder_checkpoint(str(tmp_path / "from"))
    trainee = build_trainee(source, NAMES, FinetuningOptions())
    learn(trainee)
    trainee.tower.eval()
    with torch.no_grad():
        vectors, logits = trainee.tower(torch.from_numpy(pixels()))
    (tmp_path / "to").mkdir()
    save_model(trainee.model, source, str(tmp_path / "to"), {"made": "here"})
    settings = EncoderSettings(
        str(tmp_path / "to"), (trainee.space.name,), "torch", "cpu", "fp32", classify=True
    )
    encoder = load_encoder(settings)
    assert encoder.labels == NAMES
    found = encoder.encode(pixels())
    assert np.abs(found.vectors[trainee.space.name] - vectors.numpy()).max() < 1e-5
    assert found.logits is not None
    assert np.abs(found.logits - logits.numpy()).max() < 1e-4
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "vitrail.json",
    ]


@pytest.mark.parametrize("name", ["dinov3", "clip", "siglip"])
def test_a_tower_without_a_head_learns_by_contrast_alone(name: str, tmp_path: Path) -> None:
    save_tower(name, tmp_path / "from")
    source = find_encoder_checkpoint(str(tmp_path / "from"))
    with pytest.raises(InputError, match="train it by --objective contrastive"):
        build_trainee(source, NAMES, FinetuningOptions())
    trainee = build_trainee(source, NAMES, FinetuningOptions(objective="contrastive"))
    learn(trainee)
    trainee.tower.eval()
    (tmp_path / "to").mkdir()
    save_model(trainee.model, source, str(tmp_path / "to"), {})
    space = trainee.space.name
    encoder = load_encoder(EncoderSettings(str(tmp_path / "to"), (space,), "torch", "cpu", "fp32"))
    with torch.no_grad():
        (vectors,) = trainee.tower(torch.from_numpy(pixels()))
    assert np.abs(encoder.encode(pixels()).vectors[space] - vectors.numpy()).max() < 1e-5


@pytest.mark.parametrize("name", ["vit", "dinov2-swiglu", "clip-full"])
def test_merged_low_rank_weights_compute_the_same(name: str, tmp_path: Path) -> None:
    save_tower(name, tmp_path)
    source = find_encoder_checkpoint(str(tmp_path))
    trainee = build_trainee(source, NAMES, FinetuningOptions(lora=2, freeze=1))
    plain = build_trainee(source, NAMES, FinetuningOptions())
    seen = torch.from_numpy(pixels())
    with torch.no_grad():
        assert torch.allclose(trainee.tower(seen)[0], plain.tower(seen)[0], atol=1e-6)
    own = {trainee.layer_of(layer) for layer in trainee.trained()}
    assert own == {2, 3, trainee.depth + 2}
    learn(trainee, 3)
    trainee.tower.eval()
    with torch.no_grad():
        learned = trainee.tower(seen)
        trainee.merge()
        merged = trainee.tower(seen)
        trainee.merge()
    assert not torch.allclose(learned[0], plain.tower(seen)[0], atol=1e-3)
    for one, other in zip(learned, merged, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert {key for key in trainee.model.state_dict() if "lora" in key} == set()
    assert trainee.model.state_dict().keys() == plain.model.state_dict().keys()


def test_recomputing_changes_no_gradient(checkpoint: Checkpoint) -> None:
    found = []
    for recompute in (False, True):
        trainee = build_trainee(checkpoint, NAMES, FinetuningOptions(recompute=recompute))
        trainee.tower.train()
        trainee.tower(torch.from_numpy(pixels()))[0].sum().backward()
        found.append([p.grad for p in trainee.trained().values() if p.grad is not None])
    assert len(found[0]) == len(found[1]) > 20
    assert all(torch.equal(*both) for both in zip(*found, strict=True))


def test_each_parameter_is_in_one_group_at_its_layers_rate(checkpoint: Checkpoint) -> None:
    trainee = build_trainee(checkpoint, NAMES, FinetuningOptions())
    groups = trainee.groups(0.5, 10)
    assert sum(len(group.parameters) for group in groups) == len(trainee.trained())
    assert {group.name: group.share for group in groups} == {
        "embeddings": 0.125,
        "block 1": 0.25,
        "block 2": 0.5,
        "block 3": 1.0,
        "norm": 1.0,
        "head": 10.0,
    }
    assert all(p.ndim > 1 for group in groups if group.decays for p in group.parameters)
    assert all(p.ndim == 1 for group in groups if not group.decays for p in group.parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FinetuningOptions(freeze=4), "4 blocks cannot stay .* has 3"),
        (FinetuningOptions(freeze=3, lora=2), "all 3 blocks stay"),
        (FinetuningOptions(freeze=2, objective="both", space="cls@2"), "nothing that makes cls@2"),
        (FinetuningOptions(space="cls@7"), "cls@7"),
    ],
)
def test_what_cannot_learn_is_refused(
    checkpoint: Checkpoint, options: FinetuningOptions, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build_trainee(checkpoint, NAMES, options)


def test_a_space_that_texts_are_compared_in_is_not_trained(tmp_path: Path) -> None:
    save_tower("clip-full", tmp_path)
    source = find_encoder_checkpoint(str(tmp_path))
    assert trained_space(source, FinetuningOptions()).name == "cls@3"
    with pytest.raises(InputError, match="compared with texts"):
        trained_space(source, FinetuningOptions(space="proj@3"))
