from __future__ import annotations

import numpy as np

from tests.search.maps.samples import unit
from vitrail.search.joining import joined


def test_cosines_of_joined_rows_are_the_weighted_sums() -> None:
    rows = {"a": unit(5, 7, seed=1), "b": unit(5, 3, seed=2)}
    weights = {"a": 0.7, "b": 0.3}
    both = joined(rows, weights)
    expected = 0.7 * rows["a"] @ rows["a"].T + 0.3 * rows["b"] @ rows["b"].T
    np.testing.assert_allclose(both @ both.T, expected, atol=1e-6)
