"""A checkpoint's model made ready to learn: its head, what is frozen, low-rank weights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recomputed

from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.encoders.torch_encoder import head_linears, load_model
from vitrail.indexer.encoders.tower import Head, Tower, embed_tokens
from vitrail.indexer.encoders.weights import read_object
from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import EmbeddingSpace
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.schedules import layer_share
from vitrail.indexer.training.tasks import ParameterGroup

INSTALL = "pip install 'vitrail[train]'"


class TrainableTower(Tower):
    """A tower whose embedding step may learn too, and which may recompute its blocks.

    Attributes:
        learns_embeddings: whether the embedding step is gone through, or kept as a constant.
        recompute: forget each block's activations and work them out again on the way back.
    """

    learns_embeddings = False
    recompute = False

    def watch(self, model: nn.Module) -> None:
        """Take the embeddings of a model, which are to learn."""
        self.embeddings = model.get_submodule("embeddings")
        self.learns_embeddings = True

    def _embedded(self, values: Tensor) -> Tensor:
        if not self.learns_embeddings:
            return super()._embedded(values)
        tokens = embed_tokens(self.embeddings, values)
        result: Tensor = tokens if self.before is None else self.before(tokens)
        return result

    def _block(self, block: nn.Module, tokens: Tensor) -> Tensor:
        if not (self.recompute and self.training and torch.is_grad_enabled()):
            return super()._block(block, tokens)
        result: Tensor = recomputed(super()._block, block, tokens, use_reentrant=False)
        return result


class ProbingHead(Head):
    """A head that learns beside the tower, which learns nothing from it."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, t, d) tokens to (n, classes) logits."""
        return super().forward(tokens.detach())


@dataclass(slots=True)
class Trainee:
    """A model that learns.

    Attributes:
        checkpoint: that it was.
        model: transformers' own, which is saved in the end.
        tower: the same weights as one graph from uint8 pixels to vectors and logits.
        classes: what the head tells; empty where it has none.
        space: of the vectors.
        lora: peft's hold on the low-rank weights; ``None`` without.
    """

    checkpoint: Checkpoint
    model: nn.Module
    tower: TrainableTower
    classes: tuple[str, ...]
    space: EmbeddingSpace
    lora: Any = None

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return self.checkpoint.depth

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by their names in the model."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}

    def groups(self, layer_decay: float, head_rate: float) -> list[ParameterGroup]:
        """The same as they learn alike: by layer, and with weight decay or without."""
        found: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for name, parameter in self.trained().items():
            found.setdefault((self.layer_of(name), parameter.ndim > 1), []).append(parameter)
        return [
            ParameterGroup(
                name=_LAYER.get(layer - self.depth, f"block {layer}") if layer else "embeddings",
                parameters=tuple(parameters),
                share=head_rate
                if layer > self.depth + 1
                else layer_share(min(layer, self.depth), self.depth, layer_decay),
                decays=decays,
            )
            for (layer, decays), parameters in sorted(found.items(), key=lambda one: one[0])
        ]

    def layer_of(self, name: str) -> int:
        """The layer of a parameter: 0 the embeddings, then the blocks, the norm and the head."""
        family = self.checkpoint.family
        body = f"{family.body}." if self.classes else ""
        if body and not name.startswith(body):
            return self.depth + 2
        inner = name.removeprefix(body)
        if match := re.match(rf"{re.escape(family.blocks)}\.(\d+)\.", inner):
            return int(match[1]) + 1
        early = ("embeddings.", f"{family.before}." if family.before else "embeddings.")
        return 0 if inner.startswith(early) else self.depth + 1

    def merge(self) -> None:
        """Add the low-rank weights to the blocks' own, for good; harmless where there are none."""
        if self.lora is not None:
            self.lora.merge_and_unload()
            self.lora = None


_LAYER = {1: "norm", 2: "head"}


def check_head(checkpoint: Checkpoint, options: FinetuningOptions) -> bool:
    """Whether the trained model has a head.

    Raises:
        InputError: transformers has none for such a checkpoint, and the objective needs one.
    """
    family = checkpoint.family
    whole = read_object(checkpoint.directory / "config.json").get("model_type")
    has_head = family.classifier_class is not None and family.combined in (None, whole)
    if not has_head and options.objective != "contrastive":
        raise InputError(
            f"{checkpoint.name!r} is a {family.name} tower, for which transformers has no "
            "classification head: train it by --objective contrastive"
        )
    return has_head


def build_trainee(
    checkpoint: Checkpoint, classes: Sequence[str], options: FinetuningOptions
) -> Trainee:
    """The model of a checkpoint with a new head, which tells nothing yet.

    Args:
        checkpoint: where its weights are.
        classes: names of the labels, in order.
        options: what learns, and how.

    Raises:
        CheckpointError: the checkpoint is damaged or incomplete.
        InputError: blocks to freeze, a space or low-rank weights that it cannot have.
    """
    has_head = check_head(checkpoint, options)
    space = trained_space(checkpoint, options)
    model = _with_head(checkpoint, classes) if has_head else _headless(checkpoint)
    names = tuple(classes) if has_head else ()
    body = model.get_submodule(checkpoint.family.body) if has_head else model
    lora = _freeze(checkpoint, model, body, options)
    tower = _tower(checkpoint, model, body, space, options, has_head=has_head)
    return Trainee(checkpoint, model, tower, names, space, lora)


def trained_space(checkpoint: Checkpoint, options: FinetuningOptions) -> EmbeddingSpace:
    """The space of the vectors that training moves, or measures at least.

    Raises:
        InputError: there is no such space, or nothing that makes it learns.
    """
    usual = checkpoint.family.default_spaces(checkpoint.depth)[0]
    (space,) = checkpoint.select([options.space or usual])
    if space.pooling == "proj":
        raise InputError(
            f"{space.name} is compared with texts, and training would part the two: name a space "
            f"such as {usual}"
        )
    if options.freeze > checkpoint.depth:
        raise InputError(
            f"{options.freeze} blocks cannot stay as they are where {checkpoint.name!r} has "
            f"{checkpoint.depth}"
        )
    if options.contrasts and options.freeze and space.layer <= options.freeze:
        raise InputError(
            f"nothing that makes {space.name} would learn where {options.freeze} blocks stay as "
            "they are: freeze fewer, or name a later space"
        )
    return space


def _with_head(checkpoint: Checkpoint, classes: Sequence[str]) -> nn.Module:
    from transformers import AutoConfig

    name = str(checkpoint.family.classifier_class)
    config = AutoConfig.from_pretrained(checkpoint.directory, local_files_only=True)
    config.id2label = dict(enumerate(classes))
    config.label2id = {label: number for number, label in enumerate(classes)}
    model = load_model(checkpoint, name, config=config, fresh=("classifier.",))
    for linear in head_linears(model):
        for parameter in linear.parameters():
            nn.init.zeros_(parameter)  # all labels alike, whatever the seed
    return model


def _headless(checkpoint: Checkpoint) -> nn.Module:
    return load_model(checkpoint, checkpoint.family.tower_class)


def _freeze(
    checkpoint: Checkpoint, model: nn.Module, body: nn.Module, options: FinetuningOptions
) -> Any:
    """Let learn what is to; returns peft's hold on low-rank weights."""
    family = checkpoint.family
    heads = [p for linear in head_linears(model) for p in linear.parameters()]
    lora = None
    if options.lora:
        lora = _low_rank(checkpoint, model, body, options)
    else:
        model.requires_grad_(not options.head_only)
        if options.freeze:
            body.get_submodule("embeddings").requires_grad_(False)
            if family.before:
                body.get_submodule(family.before).requires_grad_(False)
            for block in list(body.get_submodule(family.blocks).children())[: options.freeze]:
                block.requires_grad_(False)
    for parameter in heads:
        parameter.requires_grad_(True)
    return lora


def _low_rank(
    checkpoint: Checkpoint, model: nn.Module, body: nn.Module, options: FinetuningOptions
) -> Any:
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise InputError(f"low-rank weights need peft, which is not installed: {INSTALL}") from (
            error
        )
    blocks = body.get_submodule(checkpoint.family.blocks)
    prefix = next(name for name, module in model.named_modules() if module is blocks)
    targets = [
        f"{prefix}.{name}"
        for name, module in blocks.named_modules()
        if isinstance(module, nn.Linear) and int(name.partition(".")[0]) >= options.freeze
    ]
    if not targets:
        raise InputError(f"all {checkpoint.depth} blocks stay as they are: freeze fewer")
    config = LoraConfig(r=options.lora, lora_alpha=options.lora, target_modules=targets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        return LoraModel(model, config, "default")


def _tower(
    checkpoint: Checkpoint,
    model: nn.Module,
    body: nn.Module,
    space: EmbeddingSpace,
    options: FinetuningOptions,
    *,
    has_head: bool,
) -> TrainableTower:
    family, head = checkpoint.family, None
    prefix = family.prefix(checkpoint.config)
    if has_head:
        kind = ProbingHead if options.objective == "contrastive" else Head
        head = kind(head_linears(model), family.head_input, prefix)
    tower = TrainableTower(
        body,
        family=family,
        spaces=[space],
        preprocess=checkpoint.preprocess,
        image_size=checkpoint.image_size,
        prefix=prefix,
        head=head,
    )
    tower.recompute = options.recompute
    if any(p.requires_grad for p in body.get_submodule("embeddings").parameters()):
        tower.watch(body)
    return tower
