"""Students cut out of their teachers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.indexer.encoders.tiny import pixels, save_classifier, save_tower
from tests.indexer.training.conftest import write_images
from vitrail.indexer.encoders.checkpoints import Checkpoint, find_encoder_checkpoint
from vitrail.indexer.errors import InputError
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.samples import TrainingImages
from vitrail.indexer.training.students import Cut, check_cut
from vitrail.indexer.training.teaching import Pair, make_pair, matched
from vitrail.indexer.training.thinning import thin_mlps


def test_blocks_that_are_matched_are_evenly_spaced_and_end_with_the_deepest() -> None:
    assert matched(12, 6) == (2, 4, 6, 8, 10, 12)
    assert matched(12, 4) == (3, 6, 9, 12)
    assert matched(9, 4) == (2, 4, 7, 9)
    for deepest in range(1, 25):
        assert matched(deepest, deepest) == tuple(range(1, deepest + 1))
        for layers in range(1, deepest + 1):
            found = matched(deepest, layers)
            assert len(set(found)) == layers
            assert found[-1] == deepest
            assert found[0] >= 1


def pair(folder: Path, cut: Cut, **options: object) -> Pair:
    teacher = find_encoder_checkpoint(str(folder))
    return make_pair(teacher, None, cut, DistillingOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["vit", "dinov2", "dinov2-swiglu", "dinov3", "siglip", "clip-full"]
)
def test_a_shorter_student_has_the_teachers_first_blocks(kind: str, tmp_path: Path) -> None:
    save_tower(kind, tmp_path)
    made = pair(tmp_path, Cut(layers=2), space="mean@3")
    teacher, student = made.towers
    assert [space.name for space in made.spaces] == ["mean@3", "mean@2"]
    assert made.parameters[1] < made.parameters[0]
    batch = torch.from_numpy(pixels())
    with torch.no_grad():
        theirs = teacher._tokens(batch)
        for block in (teacher.blocks[0], teacher.blocks[1]):  # 2 of 3: the first and the second
            theirs = teacher._block(block, theirs)
        assert teacher.norm is not None
        theirs = teacher.norm(theirs)
        tokens = student.make(batch, [2]).tokens[2]
    torch.testing.assert_close(tokens, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["vit", "deit", "dinov2", "dinov2-swiglu", "dinov3", "siglip"])
def test_a_narrower_student_has_the_teachers_weights(kind: str, tmp_path: Path) -> None:
    save_tower(kind, tmp_path)
    made = pair(tmp_path, Cut(width=16), space="mean@3")
    assert made.spaces[1].dim == 16
    batch = torch.from_numpy(pixels())
    with torch.no_grad():
        assert made.towers[1](batch)[0].shape == (3, 16)
    theirs = torch.cat([p.detach().flatten() for p in made.towers[0].parameters()])
    own = [p for name, p in made.model.named_parameters() if "layer" in name and p.ndim == 2]
    assert own
    for parameter in own:
        assert torch.isin(parameter.detach().flatten(), theirs).all()


def test_channels_that_say_nothing_are_those_that_go(tmp_path: Path) -> None:
    """A teacher in which half of the channels, heads and neurons are 0 loses nothing with them."""
    model = save_tower("vit", tmp_path)
    with torch.no_grad():
        for block in model.layers:
            attention, mlp = block.attention, block.mlp
            for one in (attention.q_proj, attention.k_proj, attention.v_proj):
                one.weight[16:] = 0
                one.bias[16:] = 0
            attention.o_proj.weight[:, 16:] = 0
            mlp.fc1.weight[24:] = 0
            mlp.fc1.bias[24:] = 0
            mlp.fc2.weight[:, 24:] = 0
    model.save_pretrained(tmp_path)
    made = pair(tmp_path, Cut(width=16), space="mean@3")
    for number, block in enumerate(model.layers):
        ours = dict(made.model.named_parameters())
        for name, kept in (("mlp.fc2", 24), ("attention.o_proj", 16)):
            theirs = dict(block.named_parameters())[f"{name}.weight"][:, :kept]
            rows = ours[f"layers.{number}.{name}.weight"]
            assert rows.shape == (16, kept)
            assert all((theirs == row).all(dim=1).any() for row in rows)
            assert rows.abs().min(dim=0).values.max() > 0


@pytest.mark.parametrize(
    ("kind", "name"), [("vit", "ViT"), ("siglip", "Siglip"), ("clip", "CLIP"), ("dinov2", "Dinov2")]
)
@pytest.mark.parametrize(
    ("cut", "width"),
    [(Cut(layers=1), 32), (Cut(width=16), 16), (Cut(width=16, mlp_ratio=1), 16)],
)
def test_a_student_keeps_the_teachers_head(
    kind: str, name: str, cut: Cut, width: int, tmp_path: Path
) -> None:
    save_classifier(kind, tmp_path)
    made = pair(tmp_path, cut, space="mean@2")
    if cut.mlp_ratio is not None:
        images = write_images(tmp_path / "striped", 2)
        thin_mlps(made, TrainingImages(images, made.teacher.preprocess), seed=0)
    made.model.save_pretrained(tmp_path / "made")  # type: ignore[operator]
    assert type(made.model).__name__ == f"{name}ForImageClassification"
    again, lacking = type(made.model).from_pretrained(  # type: ignore[attr-defined]
        tmp_path / "made", output_loading_info=True
    )
    assert not lacking["missing_keys"]
    for key, one in made.model.state_dict().items():
        assert torch.equal(one, again.state_dict()[key]), key
    with torch.no_grad():
        told = made.towers[1].make(torch.from_numpy(pixels()), ())
        vectors = made.towers[1](torch.from_numpy(pixels()))[0]
    assert vectors.shape == (3, width)
    assert told.logits is not None
    assert told.logits.shape == (3, 6)


@pytest.mark.parametrize(
    ("cut", "space", "told"),
    [
        (Cut(layers=4), "cls@3", "of 4 blocks cannot be cut out of the 3"),
        (Cut(layers=3), "cls@2", "of 3 blocks cannot be cut out of the 2"),
        (Cut(width=24), "cls@3", "heads are 16 wide; give a multiple of that, to 32"),
        (Cut(), "cls@3", "is as large as.*--layers, --mlp-ratio or --width"),
        (Cut(layers=1), "cls@0", "made by no block"),
    ],
)
def test_what_cannot_be_cut_is_told(cut: Cut, space: str, told: str, tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    with pytest.raises(InputError, match=told):
        pair(tmp_path, cut, space=space)


def test_a_student_that_is_given_is_not_cut(tmp_path: Path) -> None:
    save_tower("vit", tmp_path)
    found: Checkpoint = find_encoder_checkpoint(str(tmp_path))
    with pytest.raises(InputError, match="leave these out, or the student"):
        make_pair(found, found, Cut(layers=1), DistillingOptions())
    assert check_cut(found, Cut(layers=1), 3) == Cut(1, 32)
