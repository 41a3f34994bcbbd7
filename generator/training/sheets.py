"""Sheets of images and loss curves: what a run looks like while it goes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from vitrail.indexer.errors import InputError

_CAPTION_HEIGHT = 22
_LETTERS = 16


def draw_sheet(
    rows: Sequence[tuple[str, Sequence[Image.Image]]], *, columns: int = 8, scale: int = 1
) -> Image.Image:
    """Return one RGB image with a captioned cell per row, its images side by side.

    Args:
        rows: caption and images, all images of one size.
        columns: cells from left to right.
        scale: whole factor by which the images are enlarged, nearest neighbour.

    Raises:
        InputError: there is nothing to draw.
    """
    if not rows:
        raise InputError("a sheet needs at least one image")
    width, height = (side * scale for side in rows[0][1][0].size)
    cell_width = max(len(images) for _, images in rows) * width + 4
    cell_height = height + _CAPTION_HEIGHT + 4
    lines = -(-len(rows) // columns)
    sheet = Image.new("RGB", (cell_width * min(columns, len(rows)), cell_height * lines), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (caption, images) in enumerate(rows):
        left, top = index % columns * cell_width, index // columns * cell_height
        for place, image in enumerate(images):
            enlarged = image.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (left + place * width, top))
        pen.multiline_text(
            (left + 2, top + height), _wrap(caption, cell_width // 6), "black", spacing=0
        )
    return sheet


def _wrap(caption: str, letters: int) -> str:
    lines = [""]
    for word in caption.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters and len(lines) < 2:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(line[:letters] for line in lines)


def draw_losses(logs: Sequence[Path], target: Path) -> None:
    """Write a PNG with the loss of each stage against its step.

    Args:
        logs: the stages' ``loss.csv``; missing ones are left out.
        target: the PNG to write.

    Raises:
        InputError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the loss curve needs matplotlib: pip install 'vitrail[train]'") from error
    found = [log for log in logs if log.exists()]
    figure = Figure(figsize=(4.5 * max(1, len(found)), 3.2), layout="constrained")
    axes = figure.subplots(1, max(1, len(found)), squeeze=False)[0]
    for axis, log in zip(axes, found, strict=False):
        steps, losses = _read_losses(log)
        axis.plot(steps, losses, linewidth=0.6, alpha=0.4)
        axis.plot(steps, _smooth(losses), linewidth=1.4)
        axis.set(title=log.parent.name, xlabel="step", ylabel="loss", yscale="log")
    figure.savefig(target, dpi=90)


def _read_losses(log: Path) -> tuple[list[int], list[float]]:
    # A resumed run writes the steps after its checkpoint again: the later line counts.
    by_step: dict[int, float] = {}
    with open(log, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            by_step[int(line["step"])] = float(line["loss"])
    return sorted(by_step), [by_step[step] for step in sorted(by_step)]


def _smooth(values: Sequence[float], keep: float = 0.9) -> list[float]:
    smoothed, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        smoothed.append(total / weight)
    return smoothed
