"""Numbers of things, in words."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 image``, ``1,204 images``, ``2 copies``.

    Args:
        count: how many.
        one: what one of them is called.
        many: what several are called; the first with an s if not given.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
