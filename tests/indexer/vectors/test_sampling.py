from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.vectors.sampling import evenly_spaced


@given(st.integers(0, 5000), st.integers(1, 300))
def test_samples_are_different_rows_from_the_first_to_the_last(count: int, most: int) -> None:
    rows = evenly_spaced(count, most)
    assert rows.dtype == np.int64
    assert len(rows) == min(most, count)
    assert rows[:1].tolist() == [0][:count], "the first one"
    if len(rows) > 1:
        assert rows[-1] == count - 1
        steps = np.diff(rows)
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


def test_few_rows_are_all_taken() -> None:
    assert evenly_spaced(3, 64).tolist() == [0, 1, 2]
    assert evenly_spaced(0, 64).tolist() == []
