"""A plot of how good each layer is, as an SVG file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.files.durability import write_text
from vitrail.indexer.paths import at_home

if TYPE_CHECKING:
    from vitrail.search.tuning import Measured
    from vitrail.service.operations.tuning import Tuning

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 168, 56, 52
# Okabe and Ito's, which colour-blind people tell apart.
_COLOURS = {"cls": "#0072B2", "mean": "#009E73", "gem": "#D55E00"}
_TITLES = {
    "labels": "5-NN accuracy by layer, {images} images with {kinds} labels",
    "copies": "Copy recall@1 by layer, {images} images",
}
_STYLE = "font-family='system-ui, sans-serif' font-size='13' fill='#222'"


def write_plot(made: Tuning, path: Path) -> None:
    """Draw a line for each pooling, raw and whitened, with the winner named.

    Raises:
        OSError: the disk is full or refuses.
    """
    write_text(os.path.abspath(at_home(path)), draw(made))


def draw(made: Tuning) -> str:
    """The plot as SVG."""
    series = _series(made.tuned.singles)
    values = [one.first.mean for points in series.values() for _, one in points]
    layers = [layer for points in series.values() for layer, _ in points]
    frame = _Frame(max(layers), min(values), max(values))
    title = _TITLES[made.by].format(images=made.images, kinds=made.kinds)
    winner = made.tuned.winner
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img'>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='white'/>",
        f"<text x='{_LEFT}' y='24' {_STYLE} font-weight='600'>{escape(title)}</text>",
        f"<text x='{_LEFT}' y='43' {_STYLE} fill-opacity='.75'>best: "
        f"{escape(winner.candidate.name)}, {winner.first.mean:.1%} "
        f"(95%: {winner.first.low:.1%} to {winner.first.high:.1%})</text>",
        *frame.axes(),
    ]
    for number, ((pooling, whitened), points) in enumerate(sorted(series.items())):
        parts += frame.line(pooling, points, whitened=whitened, number=number)
    return "\n".join([*parts, "</svg>", ""])


def _series(singles: Sequence[Measured]) -> dict[tuple[str, bool], list[tuple[int, Measured]]]:
    """(pooling, whether whitened) -> (layer, its measures), by layer."""
    found: dict[tuple[str, bool], list[tuple[int, Measured]]] = {}
    for one in singles:
        base, _, whitened = one.candidate.name.partition("/")
        pooling, _, layer = base.partition("@")
        found.setdefault((pooling, bool(whitened)), []).append((int(layer), one))
    return {key: sorted(points, key=lambda p: p[0]) for key, points in found.items()}


class _Frame:
    """Where values are drawn.

    Args:
        deepest: layer.
        low: least value.
        high: greatest value.
    """

    def __init__(self, deepest: int, low: float, high: float) -> None:
        self._deepest = deepest
        self._low = max(0.0, int(low * 20) / 20)
        self._high = min(1.0, int(high * 20 + 1) / 20)

    def _x(self, layer: int) -> float:
        span = max(1, self._deepest - 1)
        return _LEFT + (layer - 1) / span * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        share = (value - self._low) / max(0.05, self._high - self._low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def axes(self) -> list[str]:
        """Lines for every twentieth or tenth, and a number for each layer."""
        steps = round((self._high - self._low) * 20)
        every = 1 if steps <= 8 else 2
        parts = []
        for step in range(0, steps + 1, every):
            value = self._low + step / 20
            y = self._y(value)
            parts += [
                f"<line x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}' "
                "stroke='#ddd'/>",
                f"<text x='{_LEFT - 8}' y='{y + 4:.1f}' {_STYLE} text-anchor='end'>"
                f"{value:.0%}</text>",
            ]
        parts += [
            f"<text x='{self._x(layer):.1f}' y='{_HEIGHT - _BOTTOM + 20}' {_STYLE} "
            f"text-anchor='middle'>{layer}</text>"
            for layer in range(1, self._deepest + 1)
            if self._deepest <= 16 or layer % 2 == 0
        ]
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        foot = f"<text x='{middle}' y='{_HEIGHT - 12}' {_STYLE} text-anchor='middle'>layer</text>"
        return [*parts, foot]

    def line(
        self, pooling: str, points: Sequence[tuple[int, Measured]], *, whitened: bool, number: int
    ) -> list[str]:
        """A line with a dot for each layer, and its entry in the legend."""
        colour = _COLOURS.get(pooling, "#555555")
        dashes = " stroke-dasharray='6 4'" if whitened else ""
        where = [(self._x(layer), self._y(one.first.mean)) for layer, one in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        y = _TOP + 8 + 24 * number
        left = _WIDTH - _RIGHT + 14
        stroke = f"fill='none' stroke='{colour}' stroke-width='2'{dashes}"
        return [
            f"<polyline points='{path}' {stroke}/>",
            *(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in where),
            f"<line x1='{left}' x2='{left + 30}' y1='{y}' y2='{y}' {stroke}/>",
            f"<text x='{left + 38}' y='{y + 4}' {_STYLE}>{escape(pooling)}"
            f"{' whitened' if whitened else ''}</text>",
        ]
