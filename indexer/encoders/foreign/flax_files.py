"""Flax's msgpack files: nested maps of arrays, as ``flax.serialization.to_bytes`` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.foreign.arrays import Array, as_float32
from vitrail.indexer.encoders.foreign.packages import check_packages
from vitrail.indexer.errors import CheckpointError
from vitrail.indexer.wording import in_one_line

# Flax's own numbers of what msgpack has no types for.
_ARRAY, _COMPLEX, _SCALAR = 1, 2, 3
_CHUNKED = "__msgpack_chunked_array__"


def read_flax(files: Sequence[Path]) -> dict[str, Array]:
    """The arrays of Flax files, under their paths joined by dots.

    Args:
        files: a file, or its shards.

    Raises:
        CheckpointError: one is broken off or no such file, or a package is missing.
    """
    found: dict[str, Array] = {}
    for path in files:
        what = str(path)
        check_packages(what, "msgpack", "ml_dtypes")
        tree = _unpacked(path)
        if not isinstance(tree, dict) or not tree:
            raise CheckpointError(f"{what} is msgpack, but holds no tree of weights: {_AGAIN}")
        if set(tree) == {"params"} and isinstance(tree["params"], dict):  # variables as a whole
            tree = tree["params"]
        for name, value in _leaves(tree, ""):
            found[name] = as_float32(name, value, what)
    return found


_AGAIN = "download it again, or give another checkpoint"


def _unpacked(path: Path) -> Any:
    import msgpack

    try:
        return msgpack.unpackb(path.read_bytes(), ext_hook=_extended, raw=False)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, LookupError, RecursionError, msgpack.UnpackException) as error:
        raise CheckpointError(
            f"{path} is broken off or no Flax msgpack file ({in_one_line(error, 80) or 'cut'}): "
            f"{_AGAIN}"
        ) from None


def _extended(code: int, data: bytes) -> Any:
    if code == _ARRAY:
        return _array(data)
    if code == _SCALAR:
        return _array(data)[()]
    if code == _COMPLEX:
        raise ValueError("a complex number among the weights")
    raise ValueError(f"the extension type {code}, which Flax does not write")


def _array(data: bytes) -> NDArray[Any]:
    import ml_dtypes
    import msgpack

    shape, kind, buffer = msgpack.unpackb(data, raw=True)
    name = kind.decode("ascii")
    dtype = np.dtype(ml_dtypes.bfloat16) if name in ("bfloat16", "V2") else np.dtype(name)
    if dtype.hasobject:
        raise ValueError("objects among the weights")
    return np.frombuffer(buffer, dtype=dtype).reshape(tuple(shape))


def _leaves(tree: dict[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}".replace("/", ".")
        if not isinstance(value, dict):
            yield name, value
        elif _CHUNKED in value:
            yield name, _joined(value, name)
        else:
            yield from _leaves(value, f"{name}.")


def _joined(value: dict[str, Any], name: str) -> NDArray[Any]:
    """An array of more than 2^30 bytes, which Flax writes in parts."""
    try:
        chunks = _in_order(value["chunks"])
        shape = tuple(int(side) for side in _in_order(value["shape"]))
        return np.concatenate(chunks).reshape(shape)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(
            f"{name} is stored in parts that do not fit together ({in_one_line(error, 80)}): "
            f"{_AGAIN}"
        ) from None


def _in_order(parts: dict[str, Any]) -> list[Any]:
    return [parts[str(number)] for number in range(len(parts))]
