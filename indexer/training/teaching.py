"""A teacher and a student made ready: both as towers with the space that is to be kept."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.torch_encoder import head_linears, load_model
from vitrail.indexer.encoders.tower import Head
from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.indexer.training.distillation import Distillation, TappedTower, TaughtSide
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.indexer.training.samples import LabelledImage, TrainingImages
from vitrail.indexer.training.schedules import layer_share
from vitrail.indexer.training.students import Cut, check_cut, cut_student

_DECAY = 0.5  # share of the learning rate that each block has of that of the one behind it
_THIN_DECAY = 0.7  # likewise, where blocks have lost neurons
_FRESH = 100.0  # times the learning rate


@dataclass(frozen=True, slots=True)
class Pair:
    """A teacher and its student.

    Attributes:
        teacher: the checkpoint.
        student: of the student's preprocessing and name: its own checkpoint, or the teacher's where
            it was cut out of it.
        model: transformers' own of the student, which is trained and saved.
        towers: of the teacher and of the student.
        parameters: numbers of the teacher, as far as its space needs them, and of the student.
        shortened: whether the student is the first of the blocks that the teacher's space needs,
            as wide as they are.
        origin: the teacher's model, where a student with thinner MLPs was cut out of it.
    """

    teacher: Checkpoint
    student: Checkpoint
    model: nn.Module
    towers: tuple[TappedTower, TappedTower]
    parameters: tuple[int, int]
    shortened: bool
    origin: nn.Module | None = None

    @property
    def spaces(self) -> tuple[EmbeddingSpace, EmbeddingSpace]:
        """What is kept, of the teacher and of the student."""
        return self.towers[0].spaces[0], self.towers[1].spaces[0]

    def settled(self, options: DistillingOptions) -> DistillingOptions:
        """The options, those weights said that are usual for such a student."""
        headed = self.towers[0].head is not None
        return options.settled(shortened=self.shortened, headed=headed)

    def task(
        self,
        images: list[LabelledImage],
        validation: list[LabelledImage],
        options: DistillingOptions,
    ) -> Distillation:
        """What the loop works on.

        Args:
            images: to learn from.
            validation: to tell by how good a state is.
            options: how; of weights that are not said, those that are usual.
        """
        options = self.settled(options)
        layers = self._layers(options)
        sides = [
            TaughtSide(
                tower,
                TrainingImages(images, one.preprocess, options.augmentation, options.seed),
                TrainingImages(validation, one.preprocess),
                own,
            )
            for tower, one, own in zip(
                self.towers, (self.teacher, self.student), layers, strict=True
            )
        ]
        shares = self._shares() if self.shortened else {}
        return Distillation(sides[0], sides[1], self.model, options, shares)

    def _shares(self) -> dict[str, float]:
        """Of a shortened student: the earlier a block, the more it is good as it is.

        Its last norm follows blocks that none followed in the teacher, and has all to learn.
        """
        depth, norm = self.spaces[1].layer, self.towers[1].norm
        decay = _DECAY if self.origin is None else _THIN_DECAY
        fresh = set() if norm is None else {id(one) for one in norm.parameters()}
        found = {}
        for name, parameter in self.model.named_parameters():
            block = _block_of(name, self.student)
            if id(parameter) in fresh:
                found[name] = _FRESH
            elif block is not None:
                found[name] = layer_share(block + 1, depth, decay)
            elif "embeddings" in name:
                found[name] = layer_share(0, depth, decay)
        return found

    def _layers(self, options: DistillingOptions) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Whose tokens are compared; none where the two do not see the same patches."""
        theirs, ours = self.spaces
        seen = [
            (tower.prefix, tower.side, one.image_size)
            for tower, one in zip(self.towers, (self.teacher, self.student), strict=True)
        ]
        if not options.tokens or seen[0] != seen[1]:
            return (), ()
        if self.shortened:  # the blocks before are good as they are
            return (theirs.layer,), (ours.layer,)
        return matched(theirs.layer, ours.layer), tuple(range(1, ours.layer + 1))


def matched(deepest: int, layers: int) -> tuple[int, ...]:
    """Whose tokens of the teacher's blocks 1..deepest each block of a student's learns to make.

    Args:
        deepest: the last block that the teacher's space needs.
        layers: how many the student has, at most as many.

    Returns:
        (layers,) numbers, evenly spaced, the deepest last.
    """
    return tuple(round((number + 1) * deepest / layers) for number in range(layers))


def make_pair(
    teacher: Checkpoint, student: Checkpoint | None, cut: Cut, options: DistillingOptions
) -> Pair:
    """Load a teacher, and load a student or cut one out of it.

    Args:
        teacher: the checkpoint to learn from.
        student: the checkpoint that learns; ``None`` cuts one out of the teacher.
        cut: what is left of the teacher then.
        options: how it is taught.

    Raises:
        InputError: a space that the teacher has not, or a cut that it does not allow.
        CheckpointError: one is damaged or incomplete.
    """
    wanted = _kept_space(teacher, options)
    if student is None:
        cut = check_cut(teacher, cut, wanted.layer)
    elif cut != Cut():
        raise InputError(
            "layers, width and mlp_ratio cut a student out of the teacher, and one is given: leave "
            "these out, or the student"
        )
    learns = student or teacher
    cut_short = (cut.layers != wanted.layer, cut.width == teacher.dim)
    shortened = student is None and all(cut_short)
    headed = _has_head(teacher, options) and learns.family.classifier_class is not None
    options.settled(shortened=shortened, headed=headed)  # which tells if anything is to be learned
    theirs = _load(teacher, teacher, headed=headed)
    if student is None:
        model = cut_student(theirs, teacher, cut, wanted.layer)
        source, depth, width = teacher, int(cut.layers or 0), int(cut.width or 0)
    else:
        model = _load(student, teacher, headed=headed)
        source, depth, width = student, student.depth, student.dim
        _check_pooling(student, wanted)
    kept = EmbeddingSpace(depth, wanted.pooling, width)
    towers = (
        _tower(teacher, theirs, wanted, headed=headed),
        _tower(source, model, kept, headed=headed),
    )
    towers[1].recompute = options.recompute
    if options.coarse:
        _admit_coarse(towers[0], teacher, theirs, headed=headed)
        _check_coarse(towers[1], source)
    model.train().requires_grad_(True)
    towers[1].watch(_body(source, model, headed=headed))
    counts = _count(theirs, teacher, wanted.layer), _count(model, source, depth)
    origin = None if cut.mlp_ratio is None else theirs
    return Pair(teacher, source, model, towers, counts, shortened, origin)


def _admit_coarse(
    tower: TappedTower, checkpoint: Checkpoint, model: nn.Module, *, headed: bool
) -> None:
    """Let a teacher see images of another side: its positions are worked out for each anew."""
    _check_coarse(tower, checkpoint)
    tower.watch(_body(checkpoint, model, headed=headed))


def _check_coarse(tower: TappedTower, checkpoint: Checkpoint) -> None:
    if tower.rotates:
        raise InputError(
            f"{checkpoint.name!r} tells positions by rotations, which are worked out for one side "
            "of images: leave out --coarse"
        )


def _body(checkpoint: Checkpoint, model: nn.Module, *, headed: bool) -> nn.Module:
    return model.get_submodule(checkpoint.family.body) if headed else model


def _kept_space(teacher: Checkpoint, options: DistillingOptions) -> EmbeddingSpace:
    names = () if options.space is None else (options.space,)
    space = teacher.select(names)[0]
    if space.pooling == "proj" and options.space is None:
        space = teacher.select(teacher.family.default_spaces(teacher.depth))[0]
    if space.pooling == "proj":
        raise InputError(
            f"{space.name} is compared with texts, which a student would not be: name a space such "
            f"as {teacher.family.default_spaces(teacher.depth)[0]}"
        )
    if space.layer < 1:
        raise InputError(
            f"{space.name} is made by no block, of which a student could have fewer: name a space "
            f"of layer 1 to {teacher.depth}"
        )
    return space


def _check_pooling(student: Checkpoint, wanted: EmbeddingSpace) -> None:
    if wanted.pooling == "cls" and not student.family.has_cls:
        raise InputError(
            f"{student.name!r} has no class token, by which {wanted.name} is made: name a space "
            f"such as mean@{wanted.layer}"
        )


def _has_head(teacher: Checkpoint, options: DistillingOptions) -> bool:
    return bool(teacher.labels) and options.logits > 0


def _load(checkpoint: Checkpoint, teacher: Checkpoint, *, headed: bool) -> nn.Module:
    """A model, with a head for the teacher's labels where answers are compared."""
    if not headed:
        return load_model(checkpoint, checkpoint.family.tower_class)
    if checkpoint is teacher:
        return load_model(checkpoint, str(checkpoint.architecture))
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(checkpoint.directory, local_files_only=True)
    config.id2label = dict(enumerate(teacher.labels))
    config.label2id = {label: number for number, label in enumerate(teacher.labels)}
    name = str(checkpoint.family.classifier_class)
    return load_model(checkpoint, name, config=config, fresh=("classifier.",))


def _tower(
    checkpoint: Checkpoint, model: nn.Module, space: EmbeddingSpace, *, headed: bool
) -> TappedTower:
    family, prefix = checkpoint.family, checkpoint.family.prefix(checkpoint.config)
    return TappedTower(
        _body(checkpoint, model, headed=headed),
        family=family,
        spaces=[space],
        preprocess=checkpoint.preprocess,
        image_size=checkpoint.image_size,
        prefix=prefix,
        head=Head(head_linears(model), family.head_input, prefix) if headed else None,
    ).eval()


def _count(model: nn.Module, checkpoint: Checkpoint, deepest: int) -> int:
    """Parameters that a space of a layer needs: the embeddings and the blocks up to it."""
    count = 0
    for name, parameter in model.named_parameters():
        block = _block_of(name, checkpoint)
        inside = "embeddings" in name if block is None else block < deepest
        count += parameter.numel() if inside else 0
    return count


def _block_of(name: str, checkpoint: Checkpoint) -> int | None:
    """Which block a parameter is of, from 0; ``None`` for those of none."""
    _, found, rest = f".{name}".rpartition(f".{checkpoint.family.blocks}.")
    return int(rest.partition(".")[0]) if found else None
