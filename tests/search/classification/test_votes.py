"""Votes of the nearest: scikit-learn's own by another way, and never one's own copies."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from tests.search.classification.made import clusters, with_copies
from vitrail.search.classification import votes
from vitrail.search.classification.probabilities import negative_log_likelihood
from vitrail.search.classification.votes import TAU, Voting, learn_voting, nearest, vote


@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_vote_is_scikit_learns(k: int) -> None:
    """Its k-NN with the same weights, once the vote that is shared by all is taken out."""
    known, asked = clusters(150, spread=0.8), clusters(40, spread=0.8, seed=1).rows
    near = nearest(asked, known, k)
    model = KNeighborsClassifier(
        n_neighbors=k, weights=lambda far: np.exp((1 - far) / TAU), metric="cosine"
    ).fit(known.rows, known.targets)
    prior = known.counts / len(known)
    ours = (np.exp(vote(near, known, k)) * (k + 1) - prior) / k
    np.testing.assert_allclose(ours, model.predict_proba(asked), atol=2e-4)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    known = clusters(90)
    whole = nearest(known.rows, known, 7, groups=known.groups)
    monkeypatch.setattr(votes, "_BLOCK", 300)
    done: list[int] = []
    parts = nearest(known.rows, known, 7, groups=known.groups, on_rows=lambda n, _: done.append(n))
    assert (whole.places == parts.places).all()
    assert done[-1] == 90
    assert len(done) > 10


def test_neither_an_image_nor_its_copies_vote_about_it() -> None:
    known = with_copies(clusters(30), times=3)
    near = nearest(known.rows, known, 89, groups=known.groups)
    there = np.isfinite(near.cosines)
    assert (known.groups[near.places] != known.groups[:, None])[there].all()
    assert (there.sum(axis=1) == 87).all()
    itself = nearest(known.rows, known, 89, ids=known.ids)
    found = np.isfinite(itself.cosines)
    assert (known.ids[itself.places] != known.ids[:, None])[found].all()
    assert (found.sum(axis=1) == 89 - 0 * found.sum(axis=1)).all()


def test_copies_do_not_make_it_look_better() -> None:
    """Labels at random, each image there three times: nothing can be told, and so it says."""
    known = clusters(60, spread=5.0)
    random = np.random.default_rng(0)
    copied = with_copies(known, times=3)
    shuffled = random.integers(0, 4, 60)[copied.groups % 60]
    told = learn_voting(
        type(copied)(copied.ids, copied.rows, shuffled, copied.classes, copied.groups, copied.alone)
    )[1]
    right = (told.probabilities.argmax(axis=1) == shuffled).mean()
    assert right < 0.45


def test_learning_tells_clusters_apart_and_is_sure_of_it() -> None:
    known = clusters(200, spread=0.2)
    voting, told = learn_voting(known)
    assert (told.probabilities.argmax(axis=1) == known.targets).mean() > 0.97
    assert negative_log_likelihood(told.probabilities, known.targets) < 0.2
    assert voting.k in votes.VOTERS
    probabilities = voting.probabilities(known.rows, known.ids)
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_equal_cosines_come_by_place() -> None:
    known = with_copies(clusters(12, classes=2), times=2)
    near = nearest(known.rows[:1], known, 2)
    assert near.places.tolist() == [[0, 12]]
    assert Voting(known, 2, 1.0).classes == known.classes
