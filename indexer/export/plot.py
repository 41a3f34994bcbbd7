"""A certificate as an SVG: how far vectors moved, and what searches still find."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from vitrail.indexer.export.certificate import Certificate, SpaceMeasure

_WIDTH = 760
_ROW, _TOP, _FOOT = 34, 96, 62
_LEFT, _MIDDLE, _PANEL = 110, 450, 270  # where panels begin, and how wide each is
_NEAR, _FAR = -8.0, 0.0  # powers of ten of 1 - cosine
_INK, _MUTED, _GRID = "#222", "#666", "#ddd"
# Okabe and Ito's, which colour-blind people tell apart.
_MEDIAN, _LEAST, _KEPT, _COPIES, _FLOOR = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
_FONT = "font-family='system-ui, sans-serif' font-size='13'"


def draw(certificate: Certificate) -> str:
    """The plot: a row for each space; on the left its cosines, on the right its searches."""
    rows = list(certificate.spaces.items())
    height = _TOP + _ROW * len(rows) + _FOOT
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img' "
        f"{_FONT} fill='{_INK}'>",
        f"<title>{escape(_title(certificate))}</title>",
        f"<rect width='{_WIDTH}' height='{height}' fill='white'/>",
        _text(24, 28, _title(certificate), "font-weight='600' font-size='15'"),
        _text(24, 48, _verdict(certificate), f"fill='{_MUTED}'"),
        *_left_axis(height),
        *_right_axis(rows, height),
    ]
    for number, (name, one) in enumerate(rows):
        parts += _row(_TOP + _ROW * number + _ROW / 2, name, one, certificate, rows)
    return "\n".join([*parts, *_legend(height), "</svg>", ""])


def _title(certificate: Certificate) -> str:
    name = certificate.source.checkpoint.rstrip("/").rpartition("/")[2]
    return f"{name} in {certificate.precision} ({certificate.target}) against its source"


def _verdict(certificate: Certificate) -> str:
    told = f"{certificate.images} images, {certificate.copies} altered copies"
    if certificate.failed:
        return f"falls short; {told}"
    return f"certified; {told}"


def _row(
    y: float,
    name: str,
    one: SpaceMeasure,
    certificate: Certificate,
    rows: list[tuple[str, SpaceMeasure]],
) -> Iterator[str]:
    floor, low = certificate.floor, _lowest(rows)
    weight = "font-weight='600'" if one.searched else ""
    yield _text(_LEFT - 14, y + 4, name, f"text-anchor='end' {weight}")
    yield _line(_LEFT, y, _LEFT + _PANEL, y)
    yield _line(_MIDDLE, y, _MIDDLE + _PANEL, y)
    least, median = _distance(one.least), _distance(one.median)
    yield f"<line x1='{least:.1f}' x2='{median:.1f}' y1='{y}' y2='{y}' stroke='{_LEAST}' " + (
        "stroke-width='3'/>"
    )
    yield _dot(least, y, _LEAST)
    yield _dot(median, y, _MEDIAN)
    if not one.derived:
        yield _tick(_distance(floor.median), y)
    yield _ring(_share(one.copies_before, low), y, _COPIES)
    yield _dot(_share(one.copies, low), y, _COPIES)
    yield _dot(_share(one.overlap, low), y, _KEPT)
    if one.searched:
        yield _tick(_share(floor.overlap, low), y)


def _left_axis(height: int) -> Iterator[str]:
    yield _text(_LEFT, _TOP - 22, "1 − cosine to the source's vector", f"fill='{_MUTED}'")
    for power in range(int(_NEAR), int(_FAR) + 1, 2):
        x = _distance(1 - 10.0**power)
        yield _line(x, _TOP - 8, x, height - _FOOT)
        label = f"10<tspan dy='-5' font-size='9'>{power}</tspan>" if power else "1"
        yield (
            f"<text x='{x:.1f}' y='{height - _FOOT + 18}' text-anchor='middle' fill='{_MUTED}'>"
            f"{label}</text>"
        )


def _right_axis(rows: list[tuple[str, SpaceMeasure]], height: int) -> Iterator[str]:
    low = _lowest(rows)
    yield _text(_MIDDLE, _TOP - 22, "share of searches' answers", f"fill='{_MUTED}'")
    for step in range(5):
        value = low + (1 - low) * step / 4
        x = _share(value, low)
        yield _line(x, _TOP - 8, x, height - _FOOT)
        told = f"{value:.1%}" if low > 0.9 else f"{value:.0%}"
        yield _text(x, height - _FOOT + 18, told, f"text-anchor='middle' fill='{_MUTED}'")


def _legend(height: int) -> Iterator[str]:
    y, x = height - 18, 24.0
    for colour, told in (
        (_MEDIAN, "median image"),
        (_LEAST, "worst image"),
        (_KEPT, "ten nearest kept"),
        (_COPIES, "copies found (ring: by the source)"),
        (_FLOOR, "floor"),
    ):
        yield _tick(x, y - 4) if colour == _FLOOR else _dot(x, y - 4, colour)
        yield _text(x + 12, y, told)
        x += 34 + 6.8 * len(told)


def _lowest(rows: list[tuple[str, SpaceMeasure]]) -> float:
    """Where the axis of shares begins: a twentieth below all that is drawn, or so."""
    shown = (min(one.overlap, one.copies, one.copies_before) for _, one in rows)
    least = min(shown, default=0.0)
    return max(0.0, min(0.95, math.floor(least * 10 - 0.25) / 10))


def _distance(cosine: float) -> float:
    power = math.log10(max(1 - cosine, 10.0**_NEAR))
    return _LEFT + (min(power, _FAR) - _NEAR) / (_FAR - _NEAR) * _PANEL


def _share(value: float, low: float) -> float:
    return _MIDDLE + max(0.0, value - low) / (1 - low) * _PANEL


def _dot(x: float, y: float, colour: str) -> str:
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='5' fill='{colour}'/>"


def _ring(x: float, y: float, colour: str) -> str:
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='7' fill='none' stroke='{colour}' stroke-width='2'/>"
    )


def _tick(x: float, y: float) -> str:
    return (
        f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y - 9:.1f}' y2='{y + 9:.1f}' stroke='{_FLOOR}' "
        "stroke-width='2'/>"
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{_GRID}'/>"


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(text)}</text>"
