"""What a ViT is made of, in NumPy and float64; shared by the layouts that are read."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import CheckpointError

Values = NDArray[np.float64]

_erf = np.frompyfunc(math.erf, 1, 1)


def patches(pixels: Values, side: int) -> Values:
    """(n, S, S, c) values to (n, patches, side * side * c), row by row, channels last."""
    n, height, width, channels = pixels.shape
    rows, columns = height // side, width // side
    cut = pixels[:, : rows * side, : columns * side]
    cut = cut.reshape(n, rows, side, columns, side, channels).transpose(0, 1, 3, 2, 4, 5)
    return cut.reshape(n, rows * columns, side * side * channels)


def normalised(tokens: Values, scale: Values, shift: Values, floor: float) -> Values:
    """LayerNorm over the last axis of (n, t, d); ``scale`` and ``shift`` are (d,)."""
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + floor)
    made: Values = centred / spread * scale + shift
    return made


def attended(query: Values, key: Values, value: Values) -> Values:
    """Softmax attention of (n, t, heads, d) each; the same shape."""
    scores = np.einsum("nqhd,nkhd->nhqk", query, key) / math.sqrt(query.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed: Values = np.einsum("nhqk,nkhd->nqhd", weights, value)
    return mixed


def activation(name: str, what: str) -> Callable[[Values], Values]:
    """An activation by the name that configs have for it.

    Args:
        name: such as ``gelu``.
        what: the checkpoint, for messages.

    Raises:
        CheckpointError: it is unknown.
    """
    if name not in _ACTIVATIONS:
        raise CheckpointError(
            f"{what} has the activation {name!r} in its config.json, and a conversion knows "
            f"{', '.join(_ACTIVATIONS)}: convert it where it was made, to safetensors"
        )
    return _ACTIVATIONS[name]


def _gelu(x: Values) -> Values:
    errors: Values = np.asarray(_erf(x / math.sqrt(2.0)), np.float64)
    return x * 0.5 * (1.0 + errors)


def _gelu_tanh(x: Values) -> Values:
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def silu(x: Values) -> Values:
    """X times its logistic function, (...) to the same shape."""
    return x / (1.0 + np.exp(-x))


def _relu(x: Values) -> Values:
    return np.maximum(x, 0.0)


def _quick_gelu(x: Values) -> Values:
    return x / (1.0 + np.exp(-1.702 * x))


_ACTIVATIONS: dict[str, Callable[[Values], Values]] = {
    "gelu": _gelu,
    "gelu_pytorch_tanh": _gelu_tanh,
    "gelu_new": _gelu_tanh,
    "quick_gelu": _quick_gelu,
    "relu": _relu,
    "silu": silu,
    "swish": silu,
}
