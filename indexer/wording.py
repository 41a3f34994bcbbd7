"""Words for people: numbers of things, and what errors of libraries say."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 image``, ``1,204 images``, ``2 copies``.

    Args:
        count: how many.
        one: what one of them is called.
        many: what several are called; the first with an s if not given.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def too_few(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun, and that it does not do: ``1 image is too few``.

    Args:
        count: how many.
        one: what one of them is called.
        many: what several are called; the first with an s if not given.
    """
    return f"{counted(count, one, many)} {'is' if count == 1 else 'are'} too few"


def first_line(error: BaseException, most: int = 160) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines() or [""]
    return _cut(lines[0], most) or type(error).__name__


def in_one_line(error: BaseException, most: int = 200) -> str:
    """All that an error says, in one line and at some length, or its kind where it says nothing."""
    return _cut(str(error), most) or type(error).__name__


def _cut(text: str, most: int) -> str:
    return " ".join(text.split())[:most].rstrip(".: ")
