"""Which parts of an int8 export go back to floating point, and when that is asked at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vitrail.indexer.encoders.base import Encoded
from vitrail.service.operations.export_search import LayerSearch


class Parts:
    """Implements ``Int8Model``: rows turned away by an angle for each part that is in int8.

    Args:
        turns: part -> radians.
        rows: (n, 2) float32, the source's.
    """

    runtime = "by hand"

    def __init__(self, turns: dict[str, float], rows: NDArray[np.float32]) -> None:
        self.turns, self.rows = turns, rows
        self.asked: list[tuple[str, ...]] = []
        self.angle, self.begin = 0.0, 0
        self.groups = [*turns]

    def graph(self, reverted: Sequence[str]) -> Parts:
        self.asked.append(tuple(reverted))
        self.angle = sum(turn for part, turn in self.turns.items() if part not in reverted)
        self.begin = 0
        return self

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        rows = self.rows[self.begin : self.begin + len(pixels)]
        self.begin += len(pixels)
        c, s = np.cos(self.angle), np.sin(self.angle)
        return [np.asarray(rows @ np.array([[c, s], [-s, c]]), np.float32)]

    def save(self, folder: Path, reverted: Sequence[str]) -> tuple[str, ...]:
        raise AssertionError(folder, reverted)


@pytest.mark.parametrize(
    ("turn", "count", "counts"),
    [
        (0.0, 6, [0, 3, 6, 8]),  # even with all in int8 the search's own images are content
        (0.3, 6, [0, 6, 8]),  # with three reverted they are not
        (0.3, 8, [0, 8]),  # nor with six; all of them come last, whatever they say
    ],
)
def test_what_falls_short_on_the_search_s_own_images_is_passed_over(
    turn: float, count: int, counts: list[int]
) -> None:
    angles = np.linspace(0, 6, 40, dtype=np.float32)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    worst = [f"blocks.{n}.mlp" for n in (5, 1, 6, 2, 7, 0, 3, 4)][:count]
    turns = dict.fromkeys((f"blocks.{n}.mlp" for n in range(8)), 0.0)
    turns |= {part: turn + 0.001 * (9 - place) for place, part in enumerate(worst)}
    model = Parts(turns, rows)
    told: list[tuple[int, int]] = []
    search = LayerSearch(
        np.zeros((40, 1, 1, 3), np.uint8),
        ["s"],
        ["s"],
        dict,
        lambda done, total: told.append((done, total)),
    )

    class Source:
        def encode(self, pixels: NDArray[np.uint8]) -> Encoded:
            return Encoded({"s": rows[: len(pixels)]}, None)

    steps = search.steps(model, Source())  # type: ignore[arg-type]
    assert next(steps) == ()
    assert not model.asked, "nothing is tried before the certificate has fallen short"
    found = [(), *steps]
    assert [len(some) for some in found] == counts
    for some in found[1:-1]:
        assert [*some] == worst[: len(some)], "those that help most, first"
    assert told == [(n, 8) for n in range(1, 9)]
