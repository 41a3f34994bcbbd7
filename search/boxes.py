"""A part of an image as a user names it: a corner and a size, in pixels or in percent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vitrail.indexer.errors import InputError

_FORM = "give x,y,w,h in pixels, such as 40,20,300,200, or in percent, such as 10%,10%,50%,50%"
_PIXELS = re.compile(r"\s*\d{1,9}\s*")
_PERCENT = re.compile(r"\s*\d{1,3}(?:\.\d{1,9})?\s*%\s*")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of an upright image.

    Attributes:
        x: left edge, from the left.
        y: upper edge, from the top.
        width: of it.
        height: of it.
        percent: whether these are percent of the image's width and height; otherwise pixels.

    Raises:
        InputError: it is empty, or begins outside of every image.
    """

    x: float
    y: float
    width: float
    height: float
    percent: bool = False

    def __post_init__(self) -> None:
        # a comparison that is also false for NaN
        if not (self.x >= 0 and self.y >= 0 and self.width > 0 and self.height > 0):
            raise InputError(f"the box {self} holds no part of any image; {_FORM}")

    def __str__(self) -> str:
        unit = "%" if self.percent else ""
        return ",".join(f"{one:g}{unit}" for one in (self.x, self.y, self.width, self.height))

    @classmethod
    def of(cls, given: BoxLike) -> Box:
        """The box that a text or four numbers of pixels name.

        Raises:
            InputError: they name none.
        """
        if isinstance(given, Box):
            return given
        if isinstance(given, str):
            return _parsed(given)
        try:
            numbers = [float(one) for one in given]
        except (TypeError, ValueError):
            numbers = []
        if len(numbers) != 4 or not all(one.is_integer() for one in numbers):
            raise InputError(f"{given!r} is no box; {_FORM}")
        x, y, width, height = numbers
        return cls(x, y, width, height)

    def within(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right and bottom edge in whole pixels, the last two not part of it.

        Args:
            size: (width, height) of the image in pixels.

        Raises:
            InputError: it reaches beyond the image.
        """
        width, height = (100.0, 100.0) if self.percent else size
        if self.x + self.width > width or self.y + self.height > height:
            raise InputError(
                f"the box {self} reaches beyond the image of {size[0]} x {size[1]} pixels; give "
                f"x,y,w,h with x + w at most {_bound(size[0], self)} and y + h at most "
                f"{_bound(size[1], self)}"
            )
        left, right = _edges(self.x, self.width, size[0] / width, size[0])
        top, bottom = _edges(self.y, self.height, size[1] / height, size[1])
        return left, top, right, bottom


BoxLike: TypeAlias = Box | str | Sequence[float]
"""A box, its text, or x, y, width and height in pixels."""


def _parsed(text: str) -> Box:
    parts = text.split(",")
    percent = len(parts) == 4 and all(map(_PERCENT.fullmatch, parts))
    if not percent and not (len(parts) == 4 and all(map(_PIXELS.fullmatch, parts))):
        raise InputError(f"{text!r} is no box; {_FORM}")
    x, y, width, height = (float(part.replace("%", "")) for part in parts)
    return Box(x, y, width, height, percent=percent)


def _bound(length: int, box: Box) -> str:
    return "100%" if box.percent else str(length)


def _edges(start: float, length: float, scale: float, most: int) -> tuple[int, int]:
    """First and last edge in pixels, at least one apart."""
    low = min(round(start * scale), most - 1)
    return low, max(low + 1, min(most, round((start + length) * scale)))
