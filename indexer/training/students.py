"""Students cut out of their teacher: fewer blocks, narrower ones; they begin with its weights."""

from __future__ import annotations

import copy
import re
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
    """

    layers: int | None = None
    width: int | None = None


def check_cut(teacher: Checkpoint, cut: Cut, deepest: int) -> Cut:
    """A cut with all its numbers.

    Args:
        teacher: what is cut.
        cut: as it was asked for.
        deepest: the last block that the teacher's space needs.

    Raises:
        InputError: it is none, more than there is, or a width that its heads do not divide.
    """
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
    if (layers, width) == (teacher.depth, teacher.dim):
        raise InputError(
            f"a student of {layers} blocks and width {width} is as large as {teacher.name!r}; "
            f"give --layers or --width, or --student"
        )
    return Cut(layers, width)


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
    config = _smaller_config(teacher, checkpoint, layers, width)
    student = type(teacher)(config).eval()
    named = _Slicing(teacher, checkpoint, width)
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            parameter.copy_(named.weight(name, parameter.shape))
        _settle_norm(student, checkpoint, reaches_end=deepest == checkpoint.depth)
    return student


def _smaller_config(teacher: Any, checkpoint: Checkpoint, layers: int, width: int) -> Any:
    config = copy.deepcopy(teacher.config)
    share = width / checkpoint.dim
    config.num_hidden_layers, config.hidden_size = layers, width
    config.num_attention_heads = round(config.num_attention_heads * share)
    if getattr(config, "intermediate_size", None) is not None:
        config.intermediate_size = round(config.intermediate_size * share)
    for name in ("out_features", "out_indices", "stage_names"):  # of the blocks there were
        vars(config).pop(name, None)
        vars(config).pop(f"_{name}", None)
    return config


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

    def __init__(self, teacher: nn.Module, checkpoint: Checkpoint, width: int) -> None:
        self._weights = dict(teacher.named_parameters())
        self._place = re.compile(rf"((?:^|\.){re.escape(checkpoint.family.blocks)}\.)(\d+)(?=\.)")
        self._dim, self._width = checkpoint.dim, width
        self._side = self._dim // int(checkpoint.config.get("num_attention_heads", 12))
        self._tokens = _largest(self._written(), width)
        self._heads: dict[str, Tensor] = {}
        self._inner: dict[str, Tensor] = {}

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
            return self._head_channels(name) if inside and (into or out) else self._tokens
        if old == 2 * self._dim and new == 2 * self._width:  # a head of class token and mean
            return torch.cat([self._tokens, self._tokens + self._dim])
        return self._inner_channels(name, old, new)

    def _block_of(self, name: str) -> str:
        match = self._place.search(name)
        return name[: match.end()] if match else ""

    def _of_block(self, name: str) -> dict[str, Tensor]:
        start = f"{self._block_of(name)}."
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
        block = self._block_of(name)
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
        block = self._block_of(name)
        if not block:  # such as a pooler of SigLIP's, which no space is made by
            return torch.arange(new)
        if block not in self._inner:
            last = [
                one
                for key, one in self._of_block(name).items()
                if one.ndim == 2 and one.shape[0] == self._dim and one.shape[1] != self._dim
            ][-1]
            kept = round(last.shape[1] * new / old)
            self._inner[block] = _largest(last.detach().float().pow(2).sum(dim=0), kept)
        chosen = self._inner[block]
        return chosen if len(chosen) == new else torch.cat([chosen, chosen + old // 2])


def _largest(values: Tensor, count: int) -> Tensor:
    """Places of the largest, in order."""
    return values.topk(count).indices.sort().values
