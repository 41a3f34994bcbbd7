"""The identity of an encoder's vectors: plain data, which catalog and segments keep."""

from __future__ import annotations

import hashlib
import json
import operator
from dataclasses import dataclass, field
from typing import Any

from vitrail.indexer.spaces import is_space_name

_WIDEST = 1 << 16


class _Digested:
    """Where a digest stays that was worked out once: each question asks for it several times."""

    __slots__ = ("_digest",)
    _digest: str


@dataclass(frozen=True, slots=True)
class Fingerprint(_Digested):
    """What decides a vector's value: weights, preprocessing and spaces (not runtime or precision).

    Attributes:
        checkpoint: the name it was loaded by, for people; not part of the digest.
        weights: sha256 (hex) of the weight file's content.
        preprocess: the checkpoint's preprocessing as plain JSON types.
        spaces: names and dims, in order, such as ``(("cls@12", 768),)``.
        settings: sha256 (hex) of what the checkpoint's config says of how the weights are used;
            ``None`` in what was written before that was noted. Not part of the digest, by which
            files are known.
        variant: of which certified sibling of the encoder this is told, for people, such as
            ``int8 openvino export 3f2a91bc04``; ``None`` of the encoder itself. Not part of the
            digest: what is certified makes vectors that may stand for the encoder's own.
        doubt: of an export, why it stands for itself alone, for people; kept nowhere.

    Raises:
        ValueError: a space has no name of one, which would become part of a file's name, or no
            width of a vector.
    """

    checkpoint: str
    weights: str
    preprocess: dict[str, Any]
    spaces: tuple[tuple[str, int], ...]
    settings: str | None = None
    variant: str | None = None
    doubt: str = field(default="", compare=False)

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
        try:
            return self._digest
        except AttributeError:
            parts = [self.weights, self.preprocess, [list(space) for space in self.spaces]]
            found = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
            object.__setattr__(self, "_digest", found)
            return found

    def agrees(self, other: Fingerprint) -> bool:
        """Whether vectors of both can be compared, as far as both tell."""
        settings = {self.settings, other.settings} - {None}
        return self.digest == other.digest and len(settings) < 2

    def difference(self, other: Fingerprint) -> str:
        """What sets one that does not agree apart from another, for a message."""
        if self.digest != other.digest:
            return f"{self.describe()}, which cannot be compared with those of {other.describe()}"
        return (
            f"{self.describe()}, whose config.json says otherwise now how its weights are used "
            "(activation, heads, norms or the like)"
        )

    def to_json(self) -> str:
        """One line of JSON; ``from_json`` reads it back."""
        told = {
            "checkpoint": self.checkpoint,
            "weights": self.weights,
            "preprocess": self.preprocess,
            "spaces": [list(space) for space in self.spaces],
        }
        if self.settings is not None:
            told["settings"] = self.settings
        if self.variant is not None:
            told["variant"] = self.variant
        return json.dumps(told, sort_keys=True)

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
            settings, variant = raw.get("settings"), raw.get("variant")
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"no encoder is told: {error!r}") from error
        texts = all(
            isinstance(text, str) for text in (checkpoint, weights, settings or "", variant or "")
        )
        if not texts or not isinstance(preprocess, dict):
            raise ValueError("no encoder is told: checkpoint, weights and preprocess are mixed up")
        return cls(checkpoint, weights, preprocess, spaces, settings, variant)

    def describe(self) -> str:
        """Short text for messages: checkpoint, first digits of the digest, spaces."""
        names = ", ".join(name for name, _ in self.spaces)
        told = f"{self.checkpoint} [{self.digest[:10]}; {names}]"
        if self.doubt:
            return f"{told}, an export that {self.doubt}"
        return told if self.variant is None else f"{told}, a certified {self.variant}"
