"""What an encoder is, whichever runtime it has."""

from __future__ import annotations

import hashlib
import json
import operator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.images.preprocess import Preprocess
from vitrail.indexer.spaces import EmbeddingSpace, is_space_name

_WIDEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What decides a vector's value: weights, preprocessing and spaces (not runtime or precision).

    Attributes:
        checkpoint: the name it was loaded by, for people; not part of the digest.
        weights: sha256 (hex) of the weight file's content.
        preprocess: the checkpoint's preprocessing as plain JSON types.
        spaces: names and dims, in order, such as ``(("cls@12", 768),)``.

    Raises:
        ValueError: a space has no name of one, which would become part of a file's name, or no
            width of a vector.
    """

    checkpoint: str
    weights: str
    preprocess: dict[str, Any]
    spaces: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.spaces]
        wrong = [name for name in names if not is_space_name(name)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no name of an embedding space, such as cls@12")
        if not names or len({*names}) < len(names):
            raise ValueError(f"the embedding spaces {names} are none, or one of them twice")
        widths = [dim for _, dim in self.spaces if not 0 < dim <= _WIDEST]
        if widths:
            raise ValueError(f"{widths[0]} is no width of a vector, 1 to {_WIDEST:,}")

    @property
    def digest(self) -> str:
        """Sha256 (hex) over weights, preprocessing and spaces."""
        parts = [self.weights, self.preprocess, [list(space) for space in self.spaces]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """One line of JSON; ``from_json`` reads it back."""
        return json.dumps(
            {
                "checkpoint": self.checkpoint,
                "weights": self.weights,
                "preprocess": self.preprocess,
                "spaces": [list(space) for space in self.spaces],
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> Fingerprint:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            raw = json.loads(text)
            checkpoint, weights, preprocess = raw["checkpoint"], raw["weights"], raw["preprocess"]
            spaces = tuple((name, operator.index(dim)) for name, dim in raw["spaces"])
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"no encoder is told: {error!r}") from error
        texts = isinstance(checkpoint, str) and isinstance(weights, str)
        if not texts or not isinstance(preprocess, dict):
            raise ValueError("no encoder is told: checkpoint, weights and preprocess are mixed up")
        return cls(checkpoint, weights, preprocess, spaces)

    def describe(self) -> str:
        """Short text for messages: checkpoint, first digits of the digest, spaces."""
        names = ", ".join(name for name, _ in self.spaces)
        return f"{self.checkpoint} [{self.digest[:10]}; {names}]"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One batch's result.

    Attributes:
        vectors: space name -> (n, dim) float32, rows L2-normalised.
        logits: (n, classes) float32 from the checkpoint's head, or ``None``.
    """

    vectors: dict[str, NDArray[np.float32]]
    logits: NDArray[np.float32] | None


class Encoder(Protocol):
    """Images to vectors; all spaces in one forward pass."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Identity of the vectors it makes."""

    @property
    def spaces(self) -> tuple[EmbeddingSpace, ...]:
        """The spaces it computes, in the fingerprint's order."""

    @property
    def preprocess(self) -> Preprocess:
        """How pixels are made for it."""

    @property
    def image_size(self) -> int:
        """S, the side of its square input in pixels."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Class names of the head when it was loaded with ``classify=True``, else ``None``."""

    @property
    def runtime(self) -> str:
        """For people, such as ``openvino f32 (CPU)``."""

    def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
        """Embed a batch.

        Args:
            pixels: (n, S, S, 3) uint8, RGB, made by ``vitrail.indexer.images.preprocess``.

        Raises:
            MemoryError: the batch does not fit; the caller may halve it and try again.
        """
