"""Tables of what was told, as scikit-learn has them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from vitrail.search.classification.assessment import Assessment


@pytest.fixture
def made() -> Assessment:
    random = np.random.default_rng(0)
    targets = np.concatenate([np.arange(4), random.integers(0, 4, 96)])
    told = random.dirichlet(np.ones(4), 100)
    told[np.arange(60), targets[:60]] += 1
    return Assessment(
        ("a", "b", "c", "d"), np.arange(100) + 5, targets, told / told.sum(axis=1, keepdims=True)
    )


def test_the_table_is_scikit_learns(made: Assessment) -> None:
    theirs = precision_recall_fscore_support(made.targets, made.predicted, zero_division=np.nan)
    rows = made.rows()
    np.testing.assert_allclose([row.precision for row in rows], theirs[0])
    np.testing.assert_allclose([row.recall for row in rows], theirs[1])
    assert [row.images for row in rows] == theirs[3].tolist()
    assert (made.confusion == confusion_matrix(made.targets, made.predicted)).all()
    assert made.accuracy.mean == pytest.approx((made.predicted == made.targets).mean())


def test_cells_hold_each_image_once(made: Assessment) -> None:
    cells = [made.cell(i, j) for i in range(4) for j in range(4)]
    assert sorted(np.concatenate(cells).tolist()) == made.ids.tolist()
    assert [len(cell) for cell in cells] == made.confusion.ravel().tolist()
    own = made.cell(0, 0)
    sure = made.probabilities[own - 5, 0]
    assert (np.diff(sure) <= 0).all()


def test_what_is_not_told_counts_as_missed(made: Assessment) -> None:
    shy = Assessment(made.classes, made.ids, made.targets, made.probabilities, 0.7)
    assert 0 < shy.answered.sum() < 100
    assert shy.confusion.sum() == shy.answered.sum()
    assert shy.accuracy.mean > made.accuracy.mean
    assert all(a.recall <= b.recall for a, b in zip(shy.rows(), made.rows(), strict=True))
    mute = Assessment(made.classes, made.ids, made.targets, made.probabilities, 1.0)
    assert np.isnan(mute.accuracy.mean)
    assert all(np.isnan(row.precision) and row.recall == 0 for row in mute.rows())
