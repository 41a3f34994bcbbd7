"""A conversion held to the forward pass of the file that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrail.indexer.encoders.families import Family
from vitrail.indexer.encoders.foreign.operations import Values
from vitrail.indexer.errors import CheckpointError

if TYPE_CHECKING:
    from vitrail.indexer.encoders.foreign.conversion import ForeignModel

TOLERANCE = 1e-5
"""How far, of the largest value, a conversion's tokens may lie from the file's own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a file's own forward pass makes of one image of noise.

    Attributes:
        pixels: (1, S, S, c) normalised values.
        tokens: (1, t, d) after the final LayerNorm.
        logits: (1, classes), or ``None`` without a head.
    """

    pixels: Values
    tokens: Values
    logits: Values | None


def reference(model: ForeignModel, config: Mapping[str, Any], name: str) -> Reference:
    """Run a file's own forward pass, and see that it has a use for all that is in the file.

    Args:
        model: as it lies in the file.
        config: config.json's part about the tower.
        name: the checkpoint, for messages.

    Raises:
        CheckpointError: the file lacks something, or has more than its config says.
    """
    size = config.get("image_size", 224)
    side = int(size[0] if isinstance(size, list) else size)
    shape = (1, side, side, int(config.get("num_channels", 3)))
    pixels = np.random.default_rng(0).standard_normal(shape)
    tokens = model.tokens(pixels)
    logits = model.logits(tokens) if model.has_head else None
    if left := model.unread():
        raise CheckpointError(
            f"{name!r} has {left[0]} among its weights ({len(left)} of that kind), which a model "
            f"of its config has no place for: give the config.json that belongs to it"
        )
    return Reference(pixels, tokens, logits)


def check_parity(
    expected: Reference, made: Path, class_name: str, family: Family, name: str
) -> float:
    """Hold a conversion, as transformers loads it, to the file's own forward pass.

    Args:
        expected: what that made.
        made: the conversion's folder.
        class_name: transformers' class of it.
        family: of the tower.
        name: the checkpoint, for messages.

    Returns:
        The largest difference of a token or logit, as a share of the largest value.

    Raises:
        CheckpointError: it cannot be loaded, or computes something else.
    """
    import torch

    from vitrail.indexer.encoders.libraries import LOADING
    from vitrail.indexer.encoders.torch_encoder import load_class

    # In float64 both, so that what is left is a mistake, and not rounding.
    with LOADING:
        model = load_class(made, class_name, name).double()
    headed = expected.logits is not None
    body = model.get_submodule(family.body) if headed else model
    values = torch.from_numpy(np.ascontiguousarray(expected.pixels.transpose(0, 3, 1, 2)))
    with torch.inference_mode():
        pairs = [(expected.tokens, body(values).last_hidden_state.numpy())]
        if expected.logits is not None:
            pairs.append((expected.logits, model(values).logits.numpy()))
    off = max(_difference(own, ours) for own, ours in pairs)
    if not off <= TOLERANCE:
        raise CheckpointError(
            f"{name!r} computes something else once it is converted (off by {off:.1e} of its "
            f"largest value, where {TOLERANCE:.0e} is allowed), so nothing was kept: its weights "
            f"are of another kind than its config.json says; convert it where it was made, to "
            f"safetensors"
        )
    return off


def _difference(own: Values, ours: Values) -> float:
    if own.shape != ours.shape:
        return float("inf")
    return float(np.abs(own - ours).max() / max(1.0, float(np.abs(own).max())))
