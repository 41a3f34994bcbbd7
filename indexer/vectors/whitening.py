"""Whitening: rows moved to their mean and stretched along their principal axes.

Raw features of a ViT lie in a narrow cone: most of a cosine is what all images have in common. With
the mean taken away and each principal direction divided by its spread, a cosine tells differences.
A multiple of the mean eigenvalue is added to every one before (PCA whitening with shrinkage; Jégou
and Chum, 2012). So directions that hardly vary, of which the rows tell little, are not blown up,
and the few that are far wider than the others are narrowed without being made like them: in these
lies what kinds of images have in common, and rankings of whole kinds need it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import too_few

Floats = NDArray[np.float32]
_Doubles = NDArray[np.float64]
# Mean eigenvalues that are added. docs/layers.md has the figures: with 1 copies are found as well,
# and the kinds of 140 photographs worse than raw; with 16 both are better than raw.
SHRINKAGE = 16.0
_BLOCK = 4096  # rows that are transformed together
_META = "vitrail"
_NOWHERE = 1e-9  # length below which a row lies at the mean, and points nowhere


def least_rows(dim: int) -> int:
    """How many rows of ``dim`` columns are needed to fit: fewer tell too little of the spread."""
    return max(32, dim // 4)


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """What is done to a row: ``normalise((row - mean) @ matrix)``.

    Attributes:
        mean: (dim,) float32.
        matrix: (dim, d) float32, its columns the principal directions over their spread, widest
            first.
    """

    mean: Floats
    matrix: Floats

    @property
    def dim(self) -> int:
        """Columns of the rows that it takes."""
        return len(self.mean)

    @property
    def width(self) -> int:
        """Columns of the rows that it gives."""
        return int(self.matrix.shape[1])

    def apply(self, rows: Floats) -> Floats:
        """(n, dim) float32 rows to (n, width) float32 unit rows.

        The sums are in double precision, so that a row gives the same whichever rows are beside
        it. A row at the mean itself points nowhere, and is given the first direction.
        """
        given = np.asarray(rows)
        moved = np.empty((len(given), self.width), np.float32)
        mean, matrix = self.mean.astype(np.float64), self.matrix.astype(np.float64)
        for first in range(0, len(given), _BLOCK):
            block = (given[first : first + _BLOCK] - mean) @ matrix
            lengths = np.linalg.norm(block, axis=1, keepdims=True)
            nowhere = lengths[:, 0] < _NOWHERE
            block[nowhere], lengths[nowhere] = np.eye(1, self.width), 1
            moved[first : first + _BLOCK] = block / lengths
        return moved

    def lengths(self, rows: Floats) -> _Doubles:
        """How far (n, dim) float32 rows lie from the mean, (n,) float64: 1 is one spread."""
        matrix = self.matrix.astype(np.float64)
        moved = (np.asarray(rows, np.float64) - self.mean) @ matrix
        lengths: _Doubles = np.linalg.norm(moved, axis=1)
        return lengths

    def to_bytes(self, told: Mapping[str, object]) -> bytes:
        """A safetensors file, with what is told of it (plain JSON types); ``read`` reads it."""
        from safetensors.numpy import save

        # All in one text: the order of several would be another each time.
        meta = {_META: json.dumps(told, sort_keys=True)}
        data: bytes = save({"mean": self.mean, "matrix": self.matrix}, meta)
        return data

    @classmethod
    def read(cls, data: bytes) -> tuple[Whitening, dict[str, object]]:
        """What ``to_bytes`` wrote, and what was told of it.

        Raises:
            ValueError: it is something else, or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            told = json.loads(header["__metadata__"][_META])
            mean, matrix = arrays["mean"], arrays["matrix"]
        except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"it is no transform of a space ({error})") from error
        fits = mean.ndim == 1 and matrix.ndim == 2 and len(mean) == len(matrix) > 0
        sound = fits and np.isfinite(mean).all() and np.isfinite(matrix).all()
        if not sound or not 0 < matrix.shape[1] <= len(mean) or not isinstance(told, dict):
            raise ValueError("it is no transform of a space: its mean and matrix do not fit")
        if mean.dtype != np.float32 or matrix.dtype != np.float32:
            raise ValueError("it is no transform of a space: its numbers are no float32")
        return cls(mean, matrix), told


@dataclass(slots=True, eq=False)
class Moments:
    """Count, mean and scatter of rows, block by block, in bounded memory.

    Blocks are merged as Chan, Golub and LeVeque (1979) do it, which loses nothing to the mean.

    Args:
        dim: columns of a row.

    Attributes:
        count: rows taken in.
    """

    dim: int
    count: int = 0
    _mean: _Doubles = field(init=False)
    _scatter: _Doubles = field(init=False)

    def __post_init__(self) -> None:
        self._mean = np.zeros(self.dim)
        self._scatter = np.zeros((self.dim, self.dim))

    def add(self, rows: Floats) -> None:
        """Take in (n, dim) float32 rows."""
        if not len(rows):
            return
        block = np.asarray(rows, np.float64)
        mean = block.mean(axis=0)
        block -= mean
        total = self.count + len(block)
        apart = mean - self._mean
        self._scatter += block.T @ block
        self._scatter += np.outer(apart, apart) * (self.count * len(block) / total)
        self._mean += apart * (len(block) / total)
        self.count = total

    def whitening(self, cut: int | None = None, *, shrinkage: float = SHRINKAGE) -> Whitening:
        """The whitening of these rows.

        Args:
            cut: how many directions to keep, the widest ones; ``None`` is all.
            shrinkage: mean eigenvalues that are added to each, above 0.

        Raises:
            InputError: there are too few rows, they do not differ, or ``cut`` is out of reach.
        """
        self._check(cut)
        spreads, directions = np.linalg.eigh(self._scatter / self.count)
        spreads, directions = np.maximum(spreads[::-1], 0), directions[:, ::-1]
        if spreads[0] < _NOWHERE**2:
            raise InputError(
                f"the {self.count:,} images do not differ in this space, so that nothing can be "
                "whitened; index others beside them"
            )
        # A direction is as good as its opposite: the larger entry shall be positive.
        largest = np.abs(directions).argmax(axis=0)
        signs = np.sign(directions[largest, np.arange(self.dim)])
        matrix = directions * signs / np.sqrt(spreads + shrinkage * spreads.mean())
        kept = np.ascontiguousarray(matrix[:, :cut], np.float32)
        return Whitening(self._mean.astype(np.float32), kept)

    def _check(self, cut: int | None) -> None:
        least = least_rows(self.dim)
        if self.count < least:
            raise InputError(
                f"{too_few(self.count, 'image')} to whiten a space of {self.dim:,} dimensions: "
                f"{least:,} are needed; index more first"
            )
        most = min(self.dim, self.count - 1)
        if cut is not None and not 1 <= cut <= most:
            raise InputError(
                f"{cut:,} dimensions cannot be kept of {self.dim:,} with {self.count:,} images; "
                f"ask for 1 to {most:,}"
            )
