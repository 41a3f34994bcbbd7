"""MLPs of fewer neurons that say what those they were cut out of said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.indexer.encoders.tiny import pixels, save_tower
from vitrail.indexer.encoders.checkpoints import find_encoder_checkpoint
from vitrail.indexer.errors import InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.samples import LabelledImage, TrainingImages
from vitrail.indexer.training.students import Cut, mlp_outputs
from vitrail.indexer.training.teaching import Pair, make_pair
from vitrail.indexer.training.thinning import _telling, thin_mlps

KINDS = ["vit", "deit", "dinov2", "dinov2-swiglu", "dinov3", "siglip", "clip"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    """Noise, in which no two patches are the same."""
    folder, chance, made = tmp_path_factory.mktemp("noise"), np.random.default_rng(0), []
    for number in range(40):
        path = str(folder / f"{number}.png")
        Image.fromarray(chance.integers(0, 256, (48, 48, 3), np.uint8)).save(path)
        made.append(LabelledImage(path, read_file(path).sha256))
    return made


def cut_out(folder: Path, cut: Cut) -> Pair:
    teacher = find_encoder_checkpoint(str(folder))
    return make_pair(teacher, None, cut, DistillingOptions(space="mean@3", vectors=1.0))


def thinned(pair: Pair, images: list[LabelledImage]) -> Pair:
    thin_mlps(pair, TrainingImages(images, pair.teacher.preprocess), seed=0)
    return pair


def apart(pair: Pair) -> float:
    """How far the student's vectors are from the teacher's, as cosines below 1."""
    with torch.no_grad():
        theirs, ours = (tower(torch.from_numpy(pixels()))[0] for tower in pair.towers)
    return float(1 - nn.functional.cosine_similarity(theirs, ours).min())


def with_twins(model: nn.Module, folder: Path, ends: dict[str, str]) -> None:
    """Every other neuron says what the one before it says: half of them could go."""
    with torch.no_grad():
        for block, end in ends.items():
            neurons = model.get_parameter(f"{end}.weight").shape[1]
            for name, one in model.named_parameters():
                if name.startswith(f"{block}.") and one.shape[0] in (neurons, 2 * neurons):
                    one[1::2] = one[::2]
    model.save_pretrained(folder)  # type: ignore[operator]


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_that_say_what_others_say_are_not_missed(
    kind: str, images: list[LabelledImage], tmp_path: Path
) -> None:
    model = save_tower(kind, tmp_path)
    with_twins(model, tmp_path, mlp_outputs(model, find_encoder_checkpoint(str(tmp_path))))
    made = cut_out(tmp_path, Cut(mlp_ratio=2 if kind.startswith("dinov2") else 1))
    before = apart(made)
    assert made.parameters[1] < made.parameters[0]
    assert apart(thinned(made, images)) < 1e-4 < before


def test_no_other_weights_of_these_neurons_say_it_better(
    images: list[LabelledImage], tmp_path: Path
) -> None:
    """Of the first block, which is given what it was given in the teacher."""
    save_tower("vit", tmp_path)
    made = cut_out(tmp_path, Cut(mlp_ratio=1))
    assert made.origin is not None
    theirs, ours = (one.get_submodule("layers.0.mlp") for one in (made.origin, made.model))
    rows: list[Tensor] = []
    hook = theirs.get_submodule("fc2").register_forward_pre_hook(
        lambda _, given: rows.append(given[0].reshape(-1, 48).double())
    )
    thinned(made, images)
    hook.remove()
    seen = torch.cat(rows)
    wanted = seen @ weight(theirs).T + bias(theirs)
    kept = [places(theirs.get_parameter("fc1.bias"), one) for one in ours.get_parameter("fc1.bias")]
    assert kept == sorted(set(kept))
    told = torch.cat([seen[:, kept], torch.ones(len(seen), 1).double()], dim=1)
    least = (told @ torch.linalg.lstsq(told, wanted).solution - wanted).pow(2).sum()
    found = (seen[:, kept] @ weight(ours).T + bias(ours) - wanted).pow(2).sum()
    cut = (seen[:, kept] @ weight(theirs)[:, kept].T + bias(theirs) - wanted).pow(2).sum()
    assert least <= found < 1.01 * least < 0.6 * cut


def weight(mlp: nn.Module) -> Tensor:
    return mlp.get_parameter("fc2.weight").detach().double()


def bias(mlp: nn.Module) -> Tensor:
    return mlp.get_parameter("fc2.bias").detach().double()


def places(values: Tensor, wanted: Tensor) -> int:
    return int((values == wanted).nonzero().item())


def test_a_student_that_is_narrower_too_is_of_its_width(
    images: list[LabelledImage], tmp_path: Path
) -> None:
    save_tower("vit", tmp_path)
    made = thinned(cut_out(tmp_path, Cut(layers=2, width=16, mlp_ratio=1)), images)
    with torch.no_grad():
        found = made.towers[1](torch.from_numpy(pixels()))[0]
    assert found.shape == (3, 16)
    assert found.isfinite().all()


def test_the_same_images_give_the_same_bits_however_many_blocks_are_fitted_at_once(
    images: list[LabelledImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tower("dinov2", tmp_path)
    first = thinned(cut_out(tmp_path, Cut(mlp_ratio=2)), images)
    monkeypatch.setattr("vitrail.indexer.training.thinning._BYTES", 1)
    again = thinned(cut_out(tmp_path, Cut(mlp_ratio=2)), images)
    for name, one in first.model.state_dict().items():
        assert torch.equal(one, again.model.state_dict()[name]), name


def test_the_teacher_is_left_as_it_is(images: list[LabelledImage], tmp_path: Path) -> None:
    save_tower("dinov2-swiglu", tmp_path)
    made = cut_out(tmp_path, Cut(layers=1, mlp_ratio=1))
    assert made.origin is not None
    before = {name: one.clone() for name, one in made.origin.state_dict().items()}
    thinned(made, images)
    for name, one in made.origin.state_dict().items():
        assert torch.equal(one, before[name]), name
    assert not any(one._forward_pre_hooks for one in made.origin.modules())


def test_whole_mlps_are_left_alone(images: list[LabelledImage], tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    made = cut_out(tmp_path, Cut(layers=2))
    before = {name: one.clone() for name, one in made.model.state_dict().items()}
    thinned(made, images)
    for name, one in made.model.state_dict().items():
        assert torch.equal(one, before[name]), name


def test_where_neurons_say_nothing_more_any_of_them_will_do() -> None:
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double()
    mixed = rows @ torch.randn(3, 8, generator=torch.Generator().manual_seed(1)).double()
    chosen = _telling(mixed.T @ mixed, torch.ones(8).double(), 6)
    assert len(set(chosen.tolist())) == 6
    assert torch.linalg.matrix_rank(mixed[:, chosen]) == 3
    none = _telling(torch.zeros(4, 4).double(), torch.ones(4).double(), 2).tolist()
    assert len(set(none)) == 2


@pytest.mark.parametrize(
    ("kind", "ratio", "told"),
    [
        ("vit", 2, "2 times as wide.*'s?.*which are 1.5 times as wide; give 1$"),
        ("dinov2", 4, "which are 4 times as wide; give 1 to 3$"),
        ("dinov2", 0, "give 1 to 3$"),
    ],
)
def test_wider_mlps_than_there_are_cannot_be_cut(
    kind: str, ratio: int, told: str, tmp_path: Path
) -> None:
    save_tower(kind, tmp_path)
    with pytest.raises(InputError, match=told):
        cut_out(tmp_path, Cut(mlp_ratio=ratio))
