"""Query vectors of a user's own making: checked, and made what the indexes take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.spaces import base_of

Floats = NDArray[np.float32]
_LENGTH = 1e-3  # how far from 1 a vector's length may be; half precision rounds that much


def query_rows(
    vectors: ArrayLike | Mapping[str, ArrayLike],
    dims: Mapping[str, int],
    wanted: Mapping[str, float] | None = None,
) -> dict[str, Floats]:
    """Query vectors by space, each (m, dim) float32 of length 1.

    Args:
        vectors: space name -> (dim,) or (m, dim) floats of length 1; or just such an array, where
            the question concerns one space. For a derived one give those of its base, from which
            they are worked out, or its own under its own name.
        dims: the collection's spaces and their widths.
        wanted: the spaces that are asked about; ``None`` is all of them.

    Raises:
        InputError: an unknown space, another shape, numbers that are no floats, NaN or infinity,
            or a row whose length is not 1.
    """
    if not isinstance(vectors, Mapping):
        vectors = {_only_space(dims, wanted): vectors}
    unknown = [name for name in vectors if name not in dims]
    if unknown:
        raise InputError(
            f"vectors are given for the space {unknown[0]!r}, but this collection has "
            f"{', '.join(dims)}"
        )
    return {name: _unit_rows(given, dims[name], name) for name, given in vectors.items()}


def background_rows(
    background: ArrayLike | Mapping[str, ArrayLike] | None, dims: Mapping[str, int]
) -> dict[str, Floats] | None:
    """Rows to compare hits with, by space; ``None`` stays that.

    Args:
        background: as ``vectors`` of ``query_rows``.
        dims: the collection's spaces and their widths.

    Raises:
        InputError: as ``query_rows``, and that it is the background.
    """
    if background is None:
        return None
    try:
        return query_rows(background, dims)
    except InputError as error:
        raise InputError(f"of the background, {error}") from error


def _only_space(dims: Mapping[str, int], wanted: Mapping[str, float] | None) -> str:
    asked = dims if wanted is None else wanted
    names = list({base_of(name) or name: None for name in asked})  # as an encoder gives them
    if len(names) != 1:
        raise InputError(
            "an array alone does not say which space it is of, and the question concerns "
            f"{', '.join(names)}; give a dict of space name -> array"
        )
    return names[0]


def _unit_rows(given: Any, dim: int, space: str) -> Floats:
    rows = _floats(given, space)
    if rows.ndim == 1:
        rows = rows[None]
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InputError(
            f"the array for space {space} has shape {np.shape(given)}, where ({dim},) or (m, {dim})"
            " is expected"
        )
    unusable = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(unusable):
        raise InputError(
            f"row {unusable[0]} for space {space} holds NaN or infinite numbers; mend what made it"
        )
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    wrong = np.flatnonzero(np.abs(lengths - 1) > _LENGTH)
    if len(wrong):
        remedy = "divide it by its length" if lengths[wrong[0]] else "it points nowhere"
        raise InputError(
            f"row {wrong[0]} for space {space} has length {float(lengths[wrong[0], 0]):.6g}, but "
            f"scores are cosines only of length 1; normalise it: {remedy}"
        )
    return np.ascontiguousarray(rows / lengths, np.float32)


def _floats(given: Any, space: str) -> NDArray[np.floating[Any]]:
    try:
        array = np.asarray(given)
    except Exception as error:  # ragged lists, and tensors that are elsewhere or want gradients
        raise InputError(
            f"what is given for space {space} makes no array ({error}); give (m, dim) float32"
        ) from error
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"the array for space {space} holds {array.dtype}, where floats are expected; give "
            "what embed made, or float32"
        )
    return array
