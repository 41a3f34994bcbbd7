"""Google's layout of ViT in NumPy archives: its names, its shapes, and a forward pass of them.

Heads are an axis of their own: query, key and value are (width, heads, d), the output is
(heads, d, width). Older files number a block's parts through, later ones by kind.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vitrail.indexer.encoders.foreign.arrays import Array, Arrays
from vitrail.indexer.encoders.foreign.operations import (
    Values,
    activation,
    attended,
    normalised,
    patches,
)
from vitrail.indexer.errors import CheckpointError

_BLOCK = re.compile(r"Transformer/encoderblock_(\d+)/")
_POSITIONS = ("Transformer/posembed_input/pos_embedding", "pos_embedding")
_EPSILON = 1e-6
_ACTIVATION = "gelu_pytorch_tanh"  # what flax.linen's gelu is unless it is told otherwise


@dataclass(frozen=True)
class GoogleModel:
    """A ViT as it lies in an archive.

    Attributes:
        arrays: what the archive holds, below the image model.
        what: the checkpoint, for messages.
    """

    arrays: Arrays
    what: str

    @cached_property
    def depth(self) -> int:
        """Number of blocks.

        Raises:
            CheckpointError: one is missing among them.
        """
        found = {int(match[1]) for name in self.arrays if (match := _BLOCK.match(name))}
        if not found or found != set(range(len(found))):
            raise CheckpointError(
                f"{self.arrays.what} lacks a block among Transformer/encoderblock_0 to _"
                f"{max(found, default=0)}: download it again"
            )
        return len(found)

    @property
    def has_head(self) -> bool:
        """Whether a head is in the archive that reads the class token as it is."""
        return "head/kernel" in self.arrays and "pre_logits/kernel" not in self.arrays

    def config(self) -> dict[str, Any]:
        """What transformers' config.json says of such a model.

        Raises:
            CheckpointError: the archive lacks what tells it, or is of another kind of ViT.
        """
        self._check_kind()
        side, _, channels, width = self._shape("embedding/kernel", 4)
        grid = self._grid
        config: dict[str, Any] = {
            "architectures": ["ViTForImageClassification" if self.has_head else "ViTModel"],
            "model_type": "vit",
            "hidden_size": width,
            "num_hidden_layers": self.depth,
            "num_attention_heads": self._shape(f"{self._attention(0)}/query/kernel", 3)[1],
            "intermediate_size": self._shape(f"{self._mlp(0)}/Dense_0/kernel", 2)[1],
            "hidden_act": _ACTIVATION,
            "layer_norm_eps": _EPSILON,
            "image_size": grid * side,
            "patch_size": side,
            "num_channels": channels,
            "qkv_bias": True,
        }
        if self.has_head:
            classes = self._shape("head/kernel", 2)[1]
            config["id2label"] = {str(number): f"LABEL_{number}" for number in range(classes)}
            config["label2id"] = {label: int(key) for key, label in config["id2label"].items()}
        return config

    def weights(self) -> dict[str, Array]:
        """All weights under PyTorch's names.

        Raises:
            CheckpointError: the archive lacks one.
        """
        prefix = "vit." if self.has_head else ""
        places = self.arrays.stored(self._positions)
        if not self._places_cls:
            places = np.pad(places, ((0, 0), (1, 0), (0, 0)))
        found = {
            "embeddings.cls_token": self.arrays.stored("cls"),
            "embeddings.position_embeddings": places,
            "embeddings.patch_embeddings.projection.weight": self.arrays.stored(
                "embedding/kernel"
            ).transpose(3, 2, 0, 1),
            "embeddings.patch_embeddings.projection.bias": self.arrays.stored("embedding/bias"),
            **self._norm_weights("layernorm", "Transformer/encoder_norm"),
        }
        for layer in range(self.depth):
            found |= self._block_weights(layer)
        if "pre_logits/kernel" in self.arrays:
            found |= self._dense_weights("pooler.dense", "pre_logits")
        found = {f"{prefix}{name}": array for name, array in found.items()}
        if self.has_head:
            found |= self._dense_weights("classifier", "head")
        return {name: np.ascontiguousarray(array) for name, array in found.items()}

    def tokens(self, pixels: Values) -> Values:
        """(n, S, S, c) normalised values to the (n, t, d) tokens after the final LayerNorm.

        Raises:
            CheckpointError: the archive lacks a weight.
        """
        kernel = self._value("embedding/kernel")
        made = patches(pixels, kernel.shape[0]) @ kernel.reshape(-1, kernel.shape[-1])
        made = made + self._value("embedding/bias")
        first = np.repeat(self._value("cls"), len(pixels), axis=0)
        places = self._value(self._positions)
        if self._places_cls:
            tokens = np.concatenate([first, made], axis=1) + places
        else:
            tokens = np.concatenate([first, made + places], axis=1)
        for layer in range(self.depth):
            tokens = self._block(layer, tokens)
        return self._norm("Transformer/encoder_norm", tokens)

    def logits(self, tokens: Values) -> Values:
        """(n, classes) of the head, from (n, t, d) tokens.

        Raises:
            CheckpointError: the archive lacks a weight.
        """
        return self._dense("head", tokens[:, 0])

    def unread(self) -> list[str]:
        """Names of weights that the forward pass had no use for.

        A head behind ``pre_logits`` is left out: transformers' ViT has no place for it.
        """
        idle = ("pre_logits/", "head/")
        return [name for name in self.arrays.unread() if not name.startswith(idle)]

    def _check_kind(self) -> None:
        if any(name.startswith("conv_root/") for name in self.arrays):
            raise CheckpointError(
                f"{self.arrays.what} is a hybrid of ResNet and ViT, which transformers' ViT is "
                f"not: give a plain ViT, such as ViT-B_16.npz"
            )
        if "cls" not in self.arrays:
            raise CheckpointError(
                f"{self.arrays.what} lacks cls, the class token, which transformers' ViT wants "
                f"(its head reads all patches): give a ViT with a class token"
            )

    @cached_property
    def _grid(self) -> int:
        """Patches a side; the class token may have a position, or none."""
        count = self._shape(self._positions, 3)[1]
        for number in (count - 1, count):
            if (side := math.isqrt(number)) ** 2 == number and side:
                return side
        raise CheckpointError(
            f"{self.arrays.what} has {count} positions, which are no square grid of patches: give "
            f"a ViT of square images"
        )

    @cached_property
    def _positions(self) -> str:
        return next((name for name in _POSITIONS if name in self.arrays), _POSITIONS[0])

    @property
    def _places_cls(self) -> bool:
        """Whether the class token has a position; big_vision places the patches alone."""
        return self._shape(self._positions, 3)[1] == self._grid**2 + 1

    def _place(self, layer: int) -> str:
        return f"Transformer/encoderblock_{layer}"

    def _attention(self, layer: int) -> str:
        return self._first(
            layer, "MultiHeadDotProductAttention_1", "MultiHeadDotProductAttention_0"
        )

    def _mlp(self, layer: int) -> str:
        return self._first(layer, "MlpBlock_3", "MlpBlock_0")

    def _second_norm(self, layer: int) -> str:
        return self._first(layer, "LayerNorm_2", "LayerNorm_1")

    def _first(self, layer: int, old: str, new: str) -> str:
        place = f"{self._place(layer)}/{old}/"
        is_old = any(name.startswith(place) for name in self.arrays)
        return f"{self._place(layer)}/{old if is_old else new}"

    def _shape(self, name: str, axes: int) -> tuple[int, ...]:
        shape = self.arrays.stored(name).shape
        if len(shape) != axes:
            raise CheckpointError(
                f"{self.arrays.what} has {name} of the shape {shape}, and a ViT's has {axes} axes: "
                f"give one of Google's ViT archives"
            )
        return shape

    def _value(self, name: str) -> Values:
        return self.arrays.stored(name).astype(np.float64)

    def _block(self, layer: int, tokens: Values) -> Values:
        attention, mlp = self._attention(layer), self._mlp(layer)
        inner = self._norm(f"{self._place(layer)}/LayerNorm_0", tokens)
        query, key, value = (
            np.einsum("ntw,whd->nthd", inner, self._value(f"{attention}/{part}/kernel"))
            + self._value(f"{attention}/{part}/bias")
            for part in ("query", "key", "value")
        )
        mixed = attended(query, key, value)
        made = np.einsum("nthd,hdw->ntw", mixed, self._value(f"{attention}/out/kernel"))
        tokens = tokens + made + self._value(f"{attention}/out/bias")
        inner = self._dense(f"{mlp}/Dense_0", self._norm(self._second_norm(layer), tokens))
        return tokens + self._dense(f"{mlp}/Dense_1", activation(_ACTIVATION, self.what)(inner))

    def _norm(self, name: str, tokens: Values) -> Values:
        return normalised(
            tokens, self._value(f"{name}/scale"), self._value(f"{name}/bias"), _EPSILON
        )

    def _dense(self, name: str, values: Values) -> Values:
        made: Values = values @ self._value(f"{name}/kernel") + self._value(f"{name}/bias")
        return made

    def _block_weights(self, layer: int) -> dict[str, Array]:
        attention, target = self._attention(layer), f"encoder.layer.{layer}"
        width = self.arrays.stored("embedding/kernel").shape[-1]
        found = {
            **self._norm_weights(f"{target}.layernorm_before", f"{self._place(layer)}/LayerNorm_0"),
            **self._norm_weights(f"{target}.layernorm_after", self._second_norm(layer)),
            **self._dense_weights(f"{target}.intermediate.dense", f"{self._mlp(layer)}/Dense_0"),
            **self._dense_weights(f"{target}.output.dense", f"{self._mlp(layer)}/Dense_1"),
        }
        for part in ("query", "key", "value"):
            name = f"{target}.attention.attention.{part}"
            kernel = self.arrays.stored(f"{attention}/{part}/kernel")
            found[f"{name}.weight"] = kernel.reshape(width, -1).T
            found[f"{name}.bias"] = self.arrays.stored(f"{attention}/{part}/bias").reshape(-1)
        out = f"{target}.attention.output.dense"
        found[f"{out}.weight"] = self.arrays.stored(f"{attention}/out/kernel").reshape(-1, width).T
        found[f"{out}.bias"] = self.arrays.stored(f"{attention}/out/bias")
        return found

    def _norm_weights(self, target: str, name: str) -> dict[str, Array]:
        return {
            f"{target}.weight": self.arrays.stored(f"{name}/scale"),
            f"{target}.bias": self.arrays.stored(f"{name}/bias"),
        }

    def _dense_weights(self, target: str, name: str) -> dict[str, Array]:
        return {
            f"{target}.weight": self.arrays.stored(f"{name}/kernel").T,
            f"{target}.bias": self.arrays.stored(f"{name}/bias"),
        }
