"""Embedding spaces: which layer, pooled how, of what width; and those derived from stored ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from vitrail.indexer.errors import InputError

Pooling = Literal["cls", "mean", "gem", "proj"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
GEM_P = 3.0
GEM_FLOOR = 1e-6  # of a number, whose powers have to be real
_DEEPEST = 9999  # the last layer that a name can tell
_NAME = re.compile(r"(?P<pooling>[a-z]{1,20})@(?P<layer>[0-9]{1,4})")
_DERIVED = re.compile(r"(?P<base>[a-z]{1,20}@[0-9]{1,4})/w(?P<cut>[1-9][0-9]{0,4})?")


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """One vector space of an encoder.

    Attributes:
        layer: 0 is the patch embedding, 1..L the blocks; L is taken after the final LayerNorm.
        pooling: ``cls`` the class token, ``mean`` the mean of the patch tokens, ``gem`` their
            generalised mean with p = 3 (Radenović et al., 2018), ``proj`` the image's embedding
            that an image-text checkpoint compares with those of texts.
        dim: width of the vectors.
    """

    layer: int
    pooling: Pooling
    dim: int

    @property
    def name(self) -> str:
        """The name users write, such as ``cls@12``."""
        return f"{self.pooling}@{self.layer}"


def is_space_name(name: object) -> bool:
    """Whether a text can be a space's name, and so be part of a file's name."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def whitened_name(base: str, cut: int | None = None) -> str:
    """The name of what is derived from a stored space by whitening: ``gem@9/w``, ``gem@9/w128``.

    Args:
        base: name of the stored space.
        cut: how many directions are kept, where not all are.
    """
    return f"{base}/w{cut or ''}"


def base_of(name: str) -> str | None:
    """The stored space that a derived one is worked out from; ``None`` for a stored one."""
    match = _DERIVED.fullmatch(name)
    return match["base"] if match else None


def parse_whitened(text: str) -> tuple[str, int | None]:
    """Read ``gem@9`` or ``gem@9/w`` as (``gem@9``, ``None``), and ``gem@9/w128`` with its cut.

    Raises:
        InputError: it names neither a stored space nor a whitened one.
    """
    name = text.strip()
    if is_space_name(name):
        return name, None
    match = _DERIVED.fullmatch(name)
    if match is None:
        raise InputError(
            f"{text!r} names no space to whiten: give a stored one such as gem@9, or what comes of "
            "it, gem@9/w or gem@9/w128"
        )
    return match["base"], int(match["cut"]) if match["cut"] else None


def file_stem(name: str) -> str:
    """A space's name as part of a file's, in which no slash can be."""
    return name.replace("/", "~")


def space_of(name: str, dim: int) -> EmbeddingSpace:
    """The space of a name that some encoder has, such as a fingerprint's.

    Raises:
        InputError: it is no name of a space.
    """
    return parse_space(name, depth=_DEEPEST, dim=dim, projected=dim)


def parse_space(
    text: str, *, depth: int, dim: int, has_cls: bool = True, projected: int | None = None
) -> EmbeddingSpace:
    """Read ``cls@12`` for an encoder of ``depth`` blocks and width ``dim``.

    Args:
        text: the name.
        depth: blocks of the encoder.
        dim: width of its tokens.
        has_cls: whether it has a class token.
        projected: width of the embedding that texts are compared with; ``None`` where the encoder
            has none.

    Raises:
        InputError: the name is malformed, or the encoder has no such layer, token or embedding.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None or match["pooling"] not in POOLINGS:
        raise InputError(
            f"{text!r} is not an embedding space: write POOLING@LAYER with POOLING one of "
            f"{', '.join(POOLINGS)} and LAYER 0..{depth}, for example mean@{depth}"
        )
    layer = int(match["layer"])
    if layer > depth:
        raise InputError(f"space {text!r} asks for layer {layer}, but this encoder has 0..{depth}")
    pooling = match["pooling"]
    if pooling == "cls" and not has_cls:
        raise InputError(
            f"space {text!r} needs a class token, which this encoder lacks; use mean@{layer}"
        )
    if pooling == "proj":
        dim = _projected(text, layer, depth, projected)
    return EmbeddingSpace(layer=layer, pooling=pooling, dim=dim)  # type: ignore[arg-type]


def _projected(text: str, layer: int, depth: int, projected: int | None) -> int:
    """The width of the embedding that texts are compared with."""
    if projected is None:
        raise InputError(
            f"space {text!r} is what texts are compared with, and this encoder has no text tower; "
            f"use mean@{layer}"
        )
    if layer != depth and depth != _DEEPEST:
        raise InputError(f"space {text!r} is made of the last layer alone; write proj@{depth}")
    return projected


def parse_weights(text: str, known: Iterable[str]) -> dict[str, float]:
    """Read ``cls@12:0.7,cls@6:0.3`` into weights that sum to 1; a lone name weighs 1.

    Raises:
        InputError: an unknown space, a weight that is no positive number, or a space named twice.
    """
    names = list(known)
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition(":")
        if name not in names:
            raise InputError(
                f"space {name!r} is not in this collection, which has {', '.join(names)}"
            )
        if name in weights:
            raise InputError(f"space {name!r} is named twice in {text!r}")
        try:
            value = float(weight) if weight else 1.0
        except ValueError:
            value = -1.0
        if not 0 < value < float("inf"):
            raise InputError(f"weight {weight!r} of space {name!r} must be a number above 0")
        weights[name] = value
    total = sum(weights.values())
    return {name: value / total for name, value in weights.items()}
