"""How many parts of a quantised model go back to floating point, try after try."""

from __future__ import annotations

_FIRST = 3  # parts, where none is too few


def rungs(count: int) -> tuple[int, ...]:
    """How many of some parts are reverted, in turn: none, 3, 6, 12 and so on, and at last all.

    Doubling keeps the tries few, for each of them asks the images that judge once more.

    Args:
        count: parts that can be reverted.
    """
    found, step = [0], _FIRST
    while step < count:
        found.append(step)
        step *= 2
    return (*found, count) if count else (0,)
