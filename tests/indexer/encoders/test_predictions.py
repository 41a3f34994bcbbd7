from __future__ import annotations

import numpy as np
import pytest

from vitrail.indexer.encoders.predictions import top_labels
from vitrail.indexer.errors import InputError


def test_best_labels_come_first_with_softmax_probabilities() -> None:
    logits = np.log(np.array([[0.1, 0.7, 0.2]], dtype=np.float32))
    (row,) = top_labels(logits, ("a", "b", "c"), k=2)
    assert [label for label, _ in row] == ["b", "c"]
    np.testing.assert_allclose([score for _, score in row], [0.7, 0.2], rtol=1e-5)


def test_large_logits_do_not_overflow() -> None:
    (row,) = top_labels(np.array([[1e4, 0.0]], dtype=np.float32), ("a", "b"))
    assert row == (("a", 1.0), ("b", 0.0))


def test_labels_must_fit() -> None:
    with pytest.raises(InputError, match="do not fit 1 labels"):
        top_labels(np.zeros((1, 2), dtype=np.float32), ("a",))
