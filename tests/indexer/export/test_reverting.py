"""Which layers go back to floating point: as few as will do."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.export.reverting import fewest_reverted

HELP = st.lists(st.integers(0, 50), min_size=1, max_size=24)


@given(HELP, st.integers(0, 1300))
def test_no_fewer_of_the_best_would_do(helps: list[int], wanted: int) -> None:
    groups = [f"blocks.{n}.mlp" for n in range(len(helps))]
    worth = dict(zip(groups, helps, strict=True))
    tried: list[tuple[str, ...]] = []

    def total(some: Sequence[str]) -> float:
        tried.append(tuple(some))
        return sum(worth[one] for one in some)

    found = fewest_reverted(groups, total, lambda some: total(some) >= wanted)
    best = sorted(helps, reverse=True)
    needed = next((n for n in range(len(best) + 1) if sum(best[:n]) >= wanted), len(best))
    assert len(found) == needed
    assert len({*found}) == len(found)
    assert sum(worth[one] for one in found) == sum(best[:needed])
    assert len(tried) <= 1 + len(groups) + len(groups).bit_length() + 1, "each costs a compilation"


def test_nothing_is_tried_where_it_holds_as_it_is() -> None:
    def worth(some: Sequence[str]) -> float:
        raise AssertionError(some)

    assert fewest_reverted(["a", "b"], worth, lambda some: not some) == ()
    assert fewest_reverted([], worth, lambda _: False) == ()
