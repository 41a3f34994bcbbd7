"""Which layers of a quantised model go back to floating point: as few as will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def fewest_reverted(
    groups: Sequence[str],
    worth: Callable[[Sequence[str]], float],
    holds: Callable[[Sequence[str]], bool],
) -> tuple[str, ...]:
    """The groups to revert, those that help most first, until what is wanted holds.

    Each group is tried alone once. How many of the best are needed is then found by halving, for
    more of them hardly ever does worse.

    Args:
        groups: names of what can be reverted.
        worth: how good the model is with some of them reverted; more is better.
        holds: whether it is good enough.

    Returns:
        Empty where nothing need be reverted; all of them where even that does not do.
    """
    if not groups or holds(()):
        return ()
    alone = {group: worth((group,)) for group in groups}
    ranked = sorted(groups, key=lambda group: -alone[group])
    fails, does = 0, len(ranked)
    while does - fails > 1:
        middle = (fails + does) // 2
        if holds(ranked[:middle]):
            does = middle
        else:
            fails = middle
    return tuple(ranked[:does])
