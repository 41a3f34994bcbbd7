"""A tower quantised once, of which some parts can be given floating point again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.graph_encoder import VectorGraph


class Int8Model(Protocol):
    """Weights in 8 bits throughout; what layers are given as well, but where that is reverted."""

    @property
    def groups(self) -> Sequence[str]:
        """The parts that can be reverted, such as ``blocks.3.mlp``, in the graph's order."""

    def graph(self, reverted: Sequence[str]) -> VectorGraph:
        """Ready to run with some groups in floating point, as the export will be run here."""

    def save(self, folder: Path, reverted: Sequence[str]) -> tuple[str, ...]:
        """Write the runtime's files; their names, the one that is read first in front.

        Raises:
            OSError: the disk is full or refuses.
        """


@dataclass(frozen=True, slots=True)
class CalibrationImages:
    """What steps are chosen on.

    Attributes:
        images: (n, S, S, 3) uint8, of the user's, as the encoder is given them.
        on_image: called with the number of each image that is looked at, and may raise.
    """

    images: NDArray[np.uint8]
    on_image: Callable[[int], None] = lambda _: None
