"""Lines of two images' cosines over the layers, as SVG for a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vitrail.search.comparison.layers import LayerSimilarity

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 12, 34


class LayerLine(NamedTuple):
    """A line of a drawing: which pooling it is of, and its points."""

    pooling: str
    points: str
    usual: str


class LayerDrawing(NamedTuple):
    """Where all of it lies: lines, and numbers beside the axes with their places."""

    lines: tuple[LayerLine, ...]
    across: tuple[tuple[str, float], ...]
    up: tuple[tuple[str, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    foot: int = HEIGHT - _BOTTOM


def draw_layers(layers: Sequence[LayerSimilarity]) -> LayerDrawing:
    """A line for each pooling, and one of what is usual there."""
    values = [one.cosine for one in layers]
    values += [one.usual for one in layers if not math.isnan(one.usual)]
    low = max(-1.0, math.floor(10 * min(values)) / 10)
    numbers = sorted({one.layer for one in layers})
    span = max(1, numbers[-1] - numbers[0])

    def place(layer: int, value: float) -> str:
        x = _LEFT + (layer - numbers[0]) / span * (WIDTH - _LEFT - _RIGHT)
        return f"{x:.1f},{_height(value, low):.1f}"

    lines = []
    for pooling in sorted({one.pooling for one in layers}):
        own = [one for one in layers if one.pooling == pooling]
        usual = [place(one.layer, one.usual) for one in own if not math.isnan(one.usual)]
        points = [place(one.layer, one.cosine) for one in own]
        lines.append(LayerLine(pooling, " ".join(points), " ".join(usual)))
    steps = [low + (1 - low) * step / 5 for step in range(6)]
    return LayerDrawing(
        tuple(lines),
        tuple((str(n), float(place(n, 1).partition(",")[0])) for n in numbers),
        tuple((f"{value:.2f}", _height(value, low)) for value in steps),
    )


def _height(value: float, low: float) -> float:
    share = (value - low) / max(1 - low, 1e-9)
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)
