"""Colours of opened pictures, for several tests."""

from __future__ import annotations

from vitrail.indexer.images.opening import open_image

Colour = tuple[int, int, int]


def colour_of(data: bytes, at: tuple[int, int] = (0, 0)) -> Colour:
    pixel = open_image(data).image.getpixel(at)
    assert isinstance(pixel, tuple)
    return (int(pixel[0]), int(pixel[1]), int(pixel[2]))


def close(one: Colour, other: Colour, tolerance: int = 4) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))
