"""How many layers go back to floating point, try after try."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.export.reverting import rungs


@given(st.integers(0, 2000))
def test_the_tries_are_few_and_end_with_all(count: int) -> None:
    found = rungs(count)
    assert found[0] == 0
    assert found[-1] == count
    assert [*found] == sorted({*found})
    assert len(found) <= 2 + count.bit_length(), "each asks the images that judge once more"


def test_three_come_first_and_then_twice_as_many() -> None:
    assert rungs(18) == (0, 3, 6, 12, 18)
    assert rungs(12) == (0, 3, 6, 12)
    assert rungs(2) == (0, 2)
