"""The linear probe is scikit-learn's, and what is told of it was held out."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.search.classification.made import clusters, with_copies
from vitrail.indexer.errors import InputError
from vitrail.search.classification import probe as probes
from vitrail.search.classification.probabilities import negative_log_likelihood, softmax
from vitrail.search.classification.probe import STRENGTHS, fit_probe, learn_probe


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_one_fit_is_scikit_learns(classes: int) -> None:
    known, asked = clusters(120, classes, spread=0.9), clusters(30, classes, seed=3).rows
    ours = fit_probe(known.rows, known.targets, known.classes, 0.1)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    theirs.fit(known.rows.astype(np.float64), known.targets)
    np.testing.assert_allclose(ours.probabilities(asked), theirs.predict_proba(asked), atol=2e-3)


def test_the_strength_is_the_one_that_scikit_learn_chooses() -> None:
    """LogisticRegressionCV over the same folds and strengths, by likelihood at temperature 1."""
    known = clusters(160, 3, spread=3.0)
    fold_of = known.folds()
    splits = [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(5)]
    scaled = StandardScaler().fit_transform(known.rows.astype(np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LogisticRegressionCV(
            Cs=list(STRENGTHS), cv=splits, scoring="neg_log_loss", max_iter=500
        ).fit(scaled, known.targets)
    ours, _ = learn_probe(known)
    there = STRENGTHS.index(float(np.ravel(theirs.C_)[0]))
    # ours is judged after the temperature, which may move it by a step
    assert abs(STRENGTHS.index(ours.strength) - there) <= 1


def test_held_out_probabilities_are_of_images_that_took_no_part() -> None:
    known = clusters(100, 2, dim=100, spread=6.0)
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 100)
    told = learn_probe(replace(known, targets=labels))[1].probabilities
    fitted = fit_probe(known.rows, labels, known.classes, 10.0).probabilities(known.rows)
    assert (fitted.argmax(axis=1) == labels).mean() > 0.8  # it can learn them by heart,
    assert (told.argmax(axis=1) == labels).mean() < 0.65  # and is not told to know them


def test_copies_in_another_fold_would_have_given_it_away() -> None:
    known = clusters(60, 2, dim=100, spread=6.0)
    random = np.random.default_rng(2)
    copied = with_copies(known, 3)
    labels = random.integers(0, 2, 60)[copied.groups % 60]
    grouped = learn_probe(replace(copied, targets=labels))[1].probabilities
    leaky = learn_probe(replace(copied, targets=labels, groups=np.arange(len(copied))))[1]
    assert (leaky.probabilities.argmax(axis=1) == labels).mean() > 0.75
    assert (grouped.argmax(axis=1) == labels).mean() < 0.65


def test_the_temperature_improves_on_what_scikit_learn_says() -> None:
    known = clusters(240, 4, spread=1.5)
    learned, told = learn_probe(known)
    raw = np.empty_like(told.probabilities)
    fold_of = known.folds()
    for fold in range(5):
        own = fold_of == fold
        fitted = fit_probe(known.rows[~own], known.targets[~own], known.classes, 10.0)
        raw[own] = softmax(fitted.scores(known.rows[own]))
    assert negative_log_likelihood(told.probabilities, known.targets) < negative_log_likelihood(
        raw, known.targets
    )
    assert learned.temperature > 0


def test_a_label_that_the_other_folds_lack_is_unlikely_and_breaks_nothing() -> None:
    rows = clusters(30, 2).rows
    fitted = fit_probe(rows, np.arange(30) % 2, ("a", "b", "absent"), 0.1)
    shares = fitted.probabilities(rows)
    assert (shares[:, 2] < 1e-6).all()
    one = fit_probe(rows, np.zeros(30, np.int64), ("a", "b"), 0.1).probabilities(rows)
    assert (one[:, 0] > 0.999).all()


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'vitrail\[analysis\]'.*--by knn"):
        learn_probe(clusters())
