"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> int:
    """So many where the long tests run too; otherwise the share that the profile takes of them."""
    return max(2, count * settings().max_examples // 100)
