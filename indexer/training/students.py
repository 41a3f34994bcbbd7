"""Students cut out of their teacher: fewer blocks, narrower or thinner ones, with its weights."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vitrail.indexer.encoders.checkpoints import Checkpoint
from vitrail.indexer.errors import InputError

# Which side of these weights are heads; all other sides of the tokens' width are the tokens'.
_INTO_HEADS = re.compile(r"\.(query|key|value|q_proj|k_proj|v_proj)\.(weight|bias)$")
_OUT_OF_HEADS = re.compile(r"\.(attention\.output\.dense|o_proj|out_proj)\.weight$")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a teacher.

    Attributes:
        layers: number of blocks; ``None`` for all up to the layer that is kept.
        width: of the tokens; ``None`` for the teacher's.
        mlp_ratio: how many times as wide as the tokens the MLP within a block is (4 in most ViTs);
            ``None`` for the teacher's.
    """

    layers: int | None = None
    width: int | None = None
    mlp_ratio: int | None = None


def check_cut(teacher: Checkpoint, cut: Cut, deepest: int) -> Cut:
    """A cut with all its numbers.

    Args:
        teacher: what is cut.
        cut: as it was asked for.
        deepest: the last block that the teacher's space needs.

    Raises:
        InputError: it is none, more than there is, or a width that its heads do not divide.
    """
    _check_ratio(teacher, cut)
    heads = int(teacher.config.get("num_attention_heads", 12))
    side = teacher.dim // heads
    layers, width = cut.layers or deepest, cut.width or teacher.dim
    if not 1 <= layers <= deepest:
        raise InputError(
            f"a student of {layers} blocks cannot be cut out of the {deepest} that "
            f"{teacher.name!r} has up to that layer; give 1 to {deepest}"
        )
    if not side <= width <= teacher.dim or width % side:
        raise InputError(
            f"a student of width {width} cannot be cut out of {teacher.name!r}, whose heads are "
            f"{side} wide; give a multiple of that, to {teacher.dim}"
        )
    if (layers, width) == (teacher.depth, teacher.dim) and cut.mlp_ratio is None:
        raise InputError(
            f"a student of {layers} blocks and width {width} is as large as {teacher.name!r}; "
            f"give --layers, --mlp-ratio or --width, or --student"
        )
    return Cut(layers, width, cut.mlp_ratio)


def _check_ratio(teacher: Checkpoint, cut: Cut) -> None:
    if cut.mlp_ratio is None:
        return
    there = mlp_ratio(teacher)
    if not 1 <= cut.mlp_ratio < there:
        most = math.ceil(there) - 1
        fewer = f"give 1 to {most}" if most > 1 else "give 1" if most else "leave --mlp-ratio out"
        raise InputError(
            f"MLPs {cut.mlp_ratio} times as wide as the tokens cannot be cut out of those of "
            f"{teacher.name!r}, which are {there:g} times as wide; {fewer}"
        )


def mlp_ratio(checkpoint: Checkpoint) -> float:
    """How many times as wide as the tokens the MLPs within its blocks are."""
    config = checkpoint.config
    ratio = config.get("mlp_ratio")
    if ratio is None:
        ratio = config.get("intermediate_size", 4 * checkpoint.dim) / checkpoint.dim
    return float(ratio)


def cut_student(teacher: nn.Module, checkpoint: Checkpoint, cut: Cut, deepest: int) -> nn.Module:
    """A smaller model of the same class, with those of the teacher's weights that count most.

    Of the blocks the first are kept: each is given what it was given in the teacher, where one
    behind a gap would be given what it never learned to read. Of the tokens' channels those are
    kept that blocks write most to, of heads and of the channels within a block those with the
    largest weights (magnitude pruning, in whole channels).

    Args:
        teacher: transformers' model of the checkpoint, with its head or without.
        checkpoint: the teacher's.
        cut: with all its numbers, as of ``check_cut``.
        deepest: the last block that the teacher's space needs.
    """
    layers, width = cut.layers or deepest, cut.width or checkpoint.dim
    config = _smaller_config(teacher, checkpoint, layers, cut)
    student = type(teacher)(config).eval()
    named = _Slicing(teacher, checkpoint, width)
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            parameter.copy_(named.weight(name, parameter.shape))
        _settle_norm(student, checkpoint, reaches_end=deepest == checkpoint.depth)
    return student


def keep_neurons(
    teacher: nn.Module, checkpoint: Checkpoint, student: nn.Module, kept: Mapping[str, Tensor]
) -> Tensor:
    """Give blocks of a student other neurons of its teacher's than those with the largest weights.

    Args:
        teacher: that the student was cut out of, as of ``cut_student``.
        checkpoint: the teacher's.
        student: is changed.
        kept: by the name of a block, the places of its MLP's neurons in order, as many as the
            student's has.

    Returns:
        The places of the tokens' channels that the student has, in order.
    """
    width = int(_of_images(student.config).hidden_size)
    named = _Slicing(teacher, checkpoint, width, kept)
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            if named.block_of(name) in kept:
                parameter.copy_(named.weight(name, parameter.shape))
    return named.tokens


def mlp_outputs(model: nn.Module, checkpoint: Checkpoint) -> dict[str, str]:
    """By the name of each block, that of the linear map by which its MLP ends."""
    named = _Slicing(model, checkpoint, checkpoint.dim)
    names = {named.block_of(name) for name, _ in model.named_parameters()}
    return {block: named.mlp_output(block) for block in sorted(names) if block}


def _of_images(config: Any) -> Any:
    """The tower's part of a config, which classifiers of SigLIP and CLIP have beside a text's."""
    return getattr(config, "vision_config", config)


def _smaller_config(teacher: Any, checkpoint: Checkpoint, layers: int, cut: Cut) -> Any:
    whole = copy.deepcopy(teacher.config)
    config = _of_images(whole)
    width = cut.width or checkpoint.dim
    share = width / checkpoint.dim
    config.num_hidden_layers, config.hidden_size = layers, width
    config.num_attention_heads = round(config.num_attention_heads * share)
    if getattr(config, "intermediate_size", None) is not None:
        config.intermediate_size = round(config.intermediate_size * share)
    if cut.mlp_ratio is not None and hasattr(config, "mlp_ratio"):
        config.mlp_ratio = cut.mlp_ratio
    elif cut.mlp_ratio is not None:
        config.intermediate_size = cut.mlp_ratio * width
    for name in ("out_features", "out_indices", "stage_names"):  # of the blocks there were
        vars(config).pop(name, None)
        vars(config).pop(f"_{name}", None)
    return whole


def _settle_norm(student: nn.Module, checkpoint: Checkpoint, *, reaches_end: bool) -> None:
    """A norm that followed later blocks begins as one that changes directions the least."""
    family = checkpoint.family
    inner = family.body if "ImageClassification" in type(student).__name__ else ""
    norm = student.get_submodule(f"{inner}.{family.norm}".lstrip("."))
    if not reaches_end and isinstance(norm, nn.LayerNorm):
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)


class _Slicing:
    """The teacher's weights by the student's names, cut to the student's shapes."""

    def __init__(
        self,
        teacher: nn.Module,
        checkpoint: Checkpoint,
        width: int,
        kept: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._weights = dict(teacher.named_parameters())
        self._place = re.compile(rf"((?:^|\.){re.escape(checkpoint.family.blocks)}\.)(\d+)(?=\.)")
        self._dim, self._width = checkpoint.dim, width
        self._side = self._dim // int(checkpoint.config.get("num_attention_heads", 12))
        self.tokens = _largest(self._written(), width)
        self._heads: dict[str, Tensor] = {}
        self._inner: dict[str, Tensor] = dict(kept or {})

    def weight(self, name: str, shape: torch.Size) -> Tensor:
        """The teacher's weight of a name of the student's, in the student's shape."""
        found: Tensor = self._weights[name]
        for axis, (old, new) in enumerate(zip(found.shape, shape, strict=True)):
            if old != new:
                found = found.index_select(axis, self._chosen(name, axis, old, new))
        return found

    def _chosen(self, name: str, axis: int, old: int, new: int) -> Tensor:
        if old == self._dim:
            into = _INTO_HEADS.search(name) is not None and axis == 0
            out = _OUT_OF_HEADS.search(name) is not None and axis == 1
            inside = self._place.search(name) is not None
            return self._head_channels(name) if inside and (into or out) else self.tokens
        if old == 2 * self._dim and new == 2 * self._width:  # a head of class token and mean
            return torch.cat([self.tokens, self.tokens + self._dim])
        return self._inner_channels(name, old, new)

    def block_of(self, name: str) -> str:
        """The name of the block that a weight is of; empty where it is of none."""
        match = self._place.search(name)
        return name[: match.end()] if match else ""

    def mlp_output(self, block: str) -> str:
        """The name of the linear map by which a block's MLP ends."""
        return [
            key.removesuffix(".weight")
            for key, one in self._of_block(f"{block}.").items()
            if one.ndim == 2 and one.shape[0] == self._dim and one.shape[1] != self._dim
        ][-1]

    def _of_block(self, name: str) -> dict[str, Tensor]:
        start = f"{self.block_of(name)}."
        return {key: one for key, one in self._weights.items() if key.startswith(start)}

    def _written(self) -> Tensor:
        """How much blocks write to each channel of the tokens."""
        total = torch.zeros(self._dim)
        for name, one in self._weights.items():
            writes = one.ndim == 2 and one.shape[0] == self._dim and not _INTO_HEADS.search(name)
            if writes and self._place.search(name):
                total += one.detach().float().pow(2).sum(dim=1)
        return total

    def _head_channels(self, name: str) -> Tensor:
        block = self.block_of(name)
        if block not in self._heads:
            out = next(
                one for key, one in self._of_block(name).items() if _OUT_OF_HEADS.search(key)
            )
            power = out.detach().float().pow(2).sum(dim=0).reshape(-1, self._side).sum(dim=1)
            heads = _largest(power, self._width // self._side)
            inside = torch.arange(self._side)
            self._heads[block] = (heads[:, None] * self._side + inside).flatten()
        return self._heads[block]

    def _inner_channels(self, name: str, old: int, new: int) -> Tensor:
        """Channels within a block, the same for what goes in and what comes out.

        Where two halves go in (a gate and what it lets through), they are parted alike.
        """
        block = self.block_of(name)
        if not block:  # such as a pooler of SigLIP's, which no space is made by
            return torch.arange(new)
        if block not in self._inner:
            last = self._weights[f"{self.mlp_output(block)}.weight"]
            kept = round(last.shape[1] * new / old)
            self._inner[block] = _largest(last.detach().float().pow(2).sum(dim=0), kept)
        chosen = self._inner[block]
        return chosen if len(chosen) == new else torch.cat([chosen, chosen + old // 2])


def _largest(values: Tensor, count: int) -> Tensor:
    """Places of the largest, in order."""
    return values.topk(count).indices.sort().values
