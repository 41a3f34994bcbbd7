"""What the user's decisions come to: pairs that are the same or are not, and what stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from vitrail.indexer.catalog.decisions import KEEP, SAME, Decision, standing

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions as they hold, of contents by their hashes.

    Attributes:
        same: pairs, the lesser hash first, that are the same image.
        apart: pairs that are none.
        kept: contents that stay, whatever they are copies of.
    """

    same: frozenset[Pair] = frozenset()
    apart: frozenset[Pair] = frozenset()
    kept: frozenset[str] = frozenset()

    def says(self, one: str, other: str) -> bool | None:
        """Whether two contents are the same image; ``None`` where nothing was decided."""
        pair = pair_of(one, other)
        if pair in self.same:
            return True
        return False if pair in self.apart else None


def pair_of(one: str, other: str) -> Pair:
    """Two contents as a pair, whichever is named first."""
    return (one, other) if one <= other else (other, one)


def settle(decisions: Iterable[Decision]) -> Decided:
    """What holds after all of them: of each pair the last that is not undone."""
    pairs: dict[Pair, str] = {}
    kept: set[str] = set()
    for decision in standing(decisions):
        if decision.kind == KEEP:
            kept.update(decision.contents)
        else:
            pairs |= dict.fromkeys(combinations(decision.contents, 2), decision.kind)
    same = frozenset(pair for pair, kind in pairs.items() if kind == SAME)
    return Decided(same, frozenset(pairs.keys() - same), frozenset(kept))
