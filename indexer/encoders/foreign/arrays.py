"""The arrays of a weight file under its own names, and which of them were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import CheckpointError

Array = NDArray[np.float32]


class Arrays:
    """What a file holds; it remembers what was read, so that what was not can be told.

    Args:
        what: the file, for messages.
        found: name in the file -> array of any shape.
    """

    def __init__(self, what: str, found: Mapping[str, Array]) -> None:
        self.what = what
        self._found = dict(found)
        self._read: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def stored(self, name: str) -> Array:
        """An array as it is stored.

        Raises:
            CheckpointError: the file lacks it.
        """
        if name not in self._found:
            raise CheckpointError(
                f"{self.what} lacks {name}: it is broken off, or of another model than its config "
                f"says; download it again"
            )
        self._read.add(name)
        return self._found[name]

    def shaped(self, name: str, *shape: int) -> NDArray[np.float64]:
        """An array of a shape, such as (width,) or (1, 1, width), to compute with.

        Raises:
            CheckpointError: the file lacks it, or has it in another shape.
        """
        found = self.stored(name)
        if found.shape != shape:
            raise CheckpointError(
                f"{self.what} has {name} of the shape {found.shape}, and its config means "
                f"{shape}: give the config.json that belongs to it"
            )
        return found.astype(np.float64)

    def unread(self) -> list[str]:
        """The names of what was not asked for, in order."""
        return sorted(set(self._found) - self._read)


def as_float32(name: str, value: object, what: str) -> Array:
    """A weight as float32, from any number that weights are stored in.

    Args:
        name: of the weight, for messages.
        value: what a file has under that name.
        what: the file, for messages.

    Raises:
        CheckpointError: it is no array of floating-point numbers.
    """
    array = np.asarray(value)
    floating = np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"
    if not floating:
        raise CheckpointError(
            f"{what} has {name} as {array.dtype}, and weights are floating-point numbers: give a "
            f"checkpoint that is not quantised, nor an optimiser's state"
        )
    return np.ascontiguousarray(array, dtype=np.float32)
