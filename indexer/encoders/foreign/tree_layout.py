"""Transformers' own tree of names, as its Flax and TensorFlow classes filled it.

Linear weights are kernels of (in, out), convolutions of (height, width, in, out); LayerNorm's
scale is ``scale`` in Flax and ``gamma`` in Keras. The forward pass reads the file so, and knows
nothing of the names that the weights are given: it is what these are held to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitrail.indexer.encoders.families import Family
from vitrail.indexer.encoders.foreign.arrays import Array, Arrays
from vitrail.indexer.encoders.foreign.operations import (
    Values,
    activation,
    attended,
    normalised,
    patches,
    silu,
)
from vitrail.indexer.errors import CheckpointError

FAMILIES = ("vit", "deit", "dinov2")
"""Model types that have a forward pass here."""
_LEAVES = {"kernel": "weight", "scale": "weight", "gamma": "weight", "beta": "bias"}
_HEADS = ("classifier", "cls_classifier", "distillation_classifier")


def renamed(name: str, array: Array) -> tuple[str, Array]:
    """A weight's name and value in a PyTorch checkpoint.

    Args:
        name: dotted, as in the file.
        array: of any shape.
    """
    stem, _, leaf = name.rpartition(".")
    if leaf == "kernel":
        array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
    return f"{stem}.{_LEAVES.get(leaf, leaf)}".lstrip("."), np.ascontiguousarray(array)


@dataclass(frozen=True)
class TreeModel:
    """A ViT, DeiT or DINOv2 as it lies in a file.

    Attributes:
        arrays: what the file holds.
        family: of the model.
        config: config.json's part about the tower.
        what: the checkpoint, for messages.
    """

    arrays: Arrays
    family: Family
    config: Mapping[str, Any]
    what: str

    @property
    def prefix(self) -> str:
        """What the tower's names begin with: the model's name where a head lies beside it."""
        inner = f"{self.family.body}."
        return inner if any(name.startswith(inner) for name in self.arrays) else ""

    @property
    def has_head(self) -> bool:
        """Whether a classification head is in the file."""
        return any(f"{head}.kernel" in self.arrays for head in _HEADS)

    def weights(self) -> dict[str, Array]:
        """All weights under PyTorch's names; a tower alone has no prefix.

        Raises:
            CheckpointError: the file lacks what was told to be in it.
        """
        drop = "" if self.has_head else self.prefix
        return dict(
            renamed(name.removeprefix(drop), self.arrays.stored(name)) for name in self.arrays
        )

    def tokens(self, pixels: Values) -> Values:
        """(n, S, S, c) normalised values to the (n, t, d) tokens after the final LayerNorm.

        Raises:
            CheckpointError: the file lacks a weight, or has it in another shape.
        """
        tokens = self._embedded(pixels)
        for layer in range(self._number("num_hidden_layers", 12)):
            name = f"encoder.layer.{layer}"
            tokens = self._dinov2(name, tokens) if self._is_dinov2 else self._vit(name, tokens)
        return self._norm("layernorm", tokens)

    def logits(self, tokens: Values) -> Values:
        """(n, classes) of the head, from (n, t, d) tokens.

        Raises:
            CheckpointError: the file lacks a weight, or has it in another shape.
        """
        if self._is_dinov2:
            read = np.concatenate([tokens[:, 0], tokens[:, 1:].mean(axis=1)], axis=-1)
            return self._linear("classifier", read, inside=False)
        if "cls_classifier.kernel" in self.arrays:  # DeiT with its teacher
            pair = [self._linear(_HEADS[i + 1], tokens[:, i], inside=False) for i in (0, 1)]
            return (pair[0] + pair[1]) / 2
        return self._linear("classifier", tokens[:, 0], inside=False)

    def unread(self) -> list[str]:
        """Names of weights that the forward pass had no use for, and that the config tells not of.

        The pooler and the mask token are of no use here, and may lie in any file.
        """
        idle = ("pooler.", "embeddings.mask_token")
        names = (name.removeprefix(self.prefix) for name in self.arrays.unread())
        return [name for name in names if not name.startswith(idle)]

    @property
    def _is_dinov2(self) -> bool:
        return self.family.model_type == "dinov2"

    @property
    def _width(self) -> int:
        return self._number("hidden_size", 768)

    def _number(self, key: str, usual: int) -> int:
        value = self.config.get(key, usual)
        return int(value[0] if isinstance(value, list) else value)

    def _embedded(self, pixels: Values) -> Values:
        side, channels = self._number("patch_size", 16), pixels.shape[-1]
        place = f"{self.prefix}embeddings"
        projection = f"{place}.patch_embeddings.projection"
        kernel = self.arrays.shaped(f"{projection}.kernel", side, side, channels, self._width)
        made = patches(pixels, side) @ kernel.reshape(-1, self._width)
        made = made + self.arrays.shaped(f"{projection}.bias", self._width)
        lead = ["cls_token", "distillation_token"][: 2 if self.family.extra_tokens else 1]
        first = [self.arrays.shaped(f"{place}.{name}", 1, 1, self._width) for name in lead]
        tokens = np.concatenate([*(np.repeat(f, len(pixels), axis=0) for f in first), made], axis=1)
        places = self.arrays.shaped(f"{place}.position_embeddings", 1, *tokens.shape[1:])
        return tokens + places

    def _vit(self, name: str, tokens: Values) -> Values:
        tokens = tokens + self._attention(name, self._norm(f"{name}.layernorm_before", tokens))
        inner = self._norm(f"{name}.layernorm_after", tokens)
        inner = self._linear(f"{name}.intermediate.dense", inner)
        return tokens + self._linear(f"{name}.output.dense", self._activated(inner))

    def _dinov2(self, name: str, tokens: Values) -> Values:
        made = self._attention(name, self._norm(f"{name}.norm1", tokens))
        tokens = tokens + made * self._vector(f"{name}.layer_scale1.lambda1")
        inner = self._norm(f"{name}.norm2", tokens)
        if self.config.get("use_swiglu_ffn"):
            gate, value = np.split(self._linear(f"{name}.mlp.weights_in", inner), 2, axis=-1)
            made = self._linear(f"{name}.mlp.weights_out", silu(gate) * value)
        else:
            inner = self._activated(self._linear(f"{name}.mlp.fc1", inner))
            made = self._linear(f"{name}.mlp.fc2", inner)
        return tokens + made * self._vector(f"{name}.layer_scale2.lambda1")

    def _attention(self, name: str, tokens: Values) -> Values:
        heads = self._number("num_attention_heads", 12)
        parts = [
            self._linear(f"{name}.attention.attention.{part}", tokens)
            for part in ("query", "key", "value")
        ]
        query, key, value = (part.reshape(*part.shape[:2], heads, -1) for part in parts)
        mixed = attended(query, key, value).reshape(tokens.shape)
        return self._linear(f"{name}.attention.output.dense", mixed)

    def _activated(self, values: Values) -> Values:
        return activation(str(self.config.get("hidden_act", "gelu")), self.what)(values)

    def _norm(self, name: str, tokens: Values) -> Values:
        usual = 1e-6 if self._is_dinov2 else 1e-12
        keras = f"{self.prefix}{name}.gamma" in self.arrays
        scale, shift = ("gamma", "beta") if keras else ("scale", "bias")
        return normalised(
            tokens,
            self._vector(f"{name}.{scale}"),
            self._vector(f"{name}.{shift}"),
            float(self.config.get("layer_norm_eps", usual)),
        )

    def _vector(self, name: str) -> Values:
        return self.arrays.shaped(f"{self.prefix}{name}", self._width)

    def _linear(self, name: str, values: Values, *, inside: bool = True) -> Values:
        place = f"{self.prefix}{name}" if inside else name
        kernel = self.arrays.stored(f"{place}.kernel")
        if kernel.ndim != 2 or kernel.shape[0] != values.shape[-1]:
            raise CheckpointError(
                f"{self.arrays.what} has {place}.kernel of the shape {kernel.shape}, and its "
                f"config means ({values.shape[-1]}, ...): give the config.json that belongs to it"
            )
        made: Values = values @ kernel.astype(np.float64)
        if f"{place}.bias" in self.arrays:  # query, key and value may have none
            made = made + self.arrays.shaped(f"{place}.bias", kernel.shape[1])
        return made
