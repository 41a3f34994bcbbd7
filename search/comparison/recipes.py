"""Two recipes side by side: what of the one is otherwise in the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ORDER = (
    *("task", "prompt", "negative_prompt", "checkpoint", "model", "lora"),
    *("scheduler", "sampler", "steps", "guidance", "seed"),
)
_LEFT_OUT = ("versions",)  # of libraries: of little interest, and long


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """One entry of two recipes.

    Attributes:
        name: of the entry.
        first: its value in the first, of plain JSON types; ``None`` where it lacks it.
        second: its value in the second.
    """

    name: str
    first: Any
    second: Any

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return bool(self.first == self.second)


def compare_recipes(
    first: Mapping[str, Any] | None, second: Mapping[str, Any] | None
) -> tuple[RecipeDifference, ...]:
    """Every entry that either recipe has; those that differ first.

    Args:
        first: recipe of plain JSON types; ``None`` of an image that has none.
        second: likewise.
    """
    ours, theirs = dict(first or {}), dict(second or {})
    names = [
        name
        for name in {**ours, **theirs}
        if name not in _LEFT_OUT and (_told(ours.get(name)) or _told(theirs.get(name)))
    ]
    found = [RecipeDifference(name, ours.get(name), theirs.get(name)) for name in names]
    rank = {name: place for place, name in enumerate(_ORDER)}
    return tuple(sorted(found, key=lambda one: (one.same, rank.get(one.name, len(rank)))))


def _told(value: Any) -> bool:
    """Whether there is anything to say: a seed of 0 is something, an empty list is not."""
    return value not in (None, "", [], {})
