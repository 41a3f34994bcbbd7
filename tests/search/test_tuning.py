from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vitrail.search.measures import average_precisions, folds, knn_hits
from vitrail.search.tuning import (
    Candidate,
    Measured,
    Tuned,
    _chosen,
    copies_task,
    labels_task,
    tune,
)

Floats = NDArray[np.float32]
COUNT, KINDS, DIM = 120, 4, 16


def unit(rows: NDArray[np.float64]) -> Floats:
    made: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def cluster(signal: float, seed: int, labels: NDArray[np.int64]) -> Floats:
    """Rows of which each label's lie about a point of its own, the more so the more signal."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((KINDS, DIM))
    return unit(signal * centres[labels] + rng.standard_normal((len(labels), DIM)))


@pytest.fixture(scope="module")
def labels() -> NDArray[np.int64]:
    return np.arange(COUNT) % KINDS


@pytest.fixture(scope="module")
def rows(labels: NDArray[np.int64]) -> dict[str, Floats]:
    """One space tells the labels, one hardly does, one does so behind what all images share."""
    hidden = cluster(0.8, 2, labels).astype(np.float64)
    shared = np.zeros(DIM)
    shared[0] = 8
    noise = np.zeros((COUNT, DIM))
    noise[:, 1] = 8 * np.random.default_rng(5).standard_normal(COUNT)
    return {
        "cls@3": cluster(0.9, 0, labels),
        "cls@2": cluster(0.1, 1, labels),
        "mean@1": unit(hidden + shared + noise),
    }


@pytest.fixture(scope="module")
def tuned(rows: dict[str, Floats], labels: NDArray[np.int64]) -> Tuned:
    return tune(labels_task(rows, labels, folds(labels, 5, 0), 5))


def named(tuned: Tuned) -> dict[str, tuple[float, float]]:
    return {m.candidate.name: (m.first.mean, m.precision.mean) for m in tuned.singles}


def test_the_space_that_tells_the_labels_wins(tuned: Tuned) -> None:
    found = named(tuned)
    assert set(found) == {"cls@3", "cls@3/w", "cls@2", "cls@2/w", "mean@1", "mean@1/w"}
    assert found["cls@3"][0] > 0.8 > 0.5 > found["cls@2"][0]
    assert dict(tuned.winner.candidate.weights).keys() & {"cls@3", "cls@3/w"}
    assert tuned.winner.worth.mean() >= max(m.worth.mean() for m in tuned.singles) - 1e-12


def test_whitening_finds_what_all_had_in_common(tuned: Tuned) -> None:
    found = named(tuned)
    assert found["mean@1/w"][0] > found["mean@1"][0] + 0.1


def test_what_is_chosen_on_other_folds_is_no_better_than_the_best(tuned: Tuned) -> None:
    best = max(float(m.worth.mean()) for m in (*tuned.singles, *tuned.mixtures))
    assert float(tuned.honest.worth.mean()) <= best + 1e-12
    assert len(tuned.honest.firsts) == COUNT


def test_measures_are_those_of_the_other_folds(
    rows: dict[str, Floats], labels: NDArray[np.int64]
) -> None:
    """By hand: each fold asks what is in the four others."""
    fold_of = folds(labels, 5, 0)
    space = rows["cls@3"]
    firsts, precisions = np.empty(COUNT), np.empty(COUNT)
    for fold in range(5):
        asked, known = fold_of == fold, fold_of != fold
        scores = space[asked] @ space[known].T
        firsts[asked] = knn_hits(scores, labels[asked], labels[known], 5)
        same = labels[asked][:, None] == labels[known][None]
        precisions[asked] = average_precisions(scores, same)
    (one,) = tune(labels_task({"cls@3": space}, labels, fold_of, 5), mixes=False).singles[:1]
    every = {
        m.candidate.name: m for m in tune(labels_task({"cls@3": space}, labels, fold_of, 5)).singles
    }
    assert one.candidate.name in every
    assert np.array_equal(every["cls@3"].firsts, firsts)
    assert np.allclose(every["cls@3"].precisions, precisions)


def test_whitening_is_fitted_without_the_fold_that_asks(
    rows: dict[str, Floats], labels: NDArray[np.int64]
) -> None:
    """Another image in a fold changes nothing that the fold's others are answered."""
    fold_of = folds(labels, 5, 0)
    first, *others = np.flatnonzero(fold_of == 0)
    known, elsewhere = fold_of != 0, fold_of == 1
    changed = {"mean@1": rows["mean@1"].copy()}
    changed["mean@1"][first] = -changed["mean@1"][first]
    before = labels_task(rows, labels, fold_of, 5).scores("mean@1/w")
    after = labels_task(changed, labels, fold_of, 5).scores("mean@1/w")
    assert np.array_equal(before[others][:, known], after[others][:, known])
    both = elsewhere.nonzero()[0], (fold_of > 1).nonzero()[0]
    assert not np.allclose(before[np.ix_(*both)], after[np.ix_(*both)], atol=1e-3)


def test_too_few_rows_are_not_whitened(labels: NDArray[np.int64]) -> None:
    few = np.arange(32) % 4
    rows = {"cls@1": cluster(0.9, 0, few)}
    found = tune(labels_task(rows, few, folds(few, 5, 0), 3))
    assert [m.candidate.name for m in found.singles] == ["cls@1"]
    assert not found.mixtures


def test_a_space_in_which_images_do_not_differ_is_measured_raw_alone(
    labels: NDArray[np.int64],
) -> None:
    rows = {"cls@1": np.repeat(unit(np.ones((1, DIM))), COUNT, axis=0)}
    found = tune(labels_task(rows, labels, folds(labels, 5, 0), 5))
    assert [m.candidate.name for m in found.singles] == ["cls@1"]


def test_a_mixture_has_to_be_surely_better(labels: NDArray[np.int64]) -> None:
    twice = cluster(0.9, 0, labels)
    found = tune(labels_task({"cls@1": twice, "cls@2": twice}, labels, folds(labels, 5, 0), 5))
    assert len(found.winner.candidate.weights) == 1
    # Two halves of what tells them are surely better together.
    rows = {"cls@1": cluster(0.5, 0, labels), "cls@2": cluster(0.5, 1, labels)}
    mixed = tune(labels_task(rows, labels, folds(labels, 5, 0), 5))
    assert len(mixed.winner.candidate.weights) > 1
    assert mixed.winner.worth.mean() > mixed.singles[0].worth.mean()


def test_of_equals_the_one_that_a_collection_has_wins(labels: NDArray[np.int64]) -> None:
    twice = cluster(0.9, 0, labels)
    task = labels_task({"cls@1": twice, "cls@2": twice}, labels, folds(labels, 5, 0), 5)
    for known in ("cls@1", "cls@2"):
        found = tune(task, mixes=False, known=[known])
        raw = [m.candidate.name for m in found.singles if "/" not in m.candidate.name]
        assert raw[0] == known


def test_copies_find_their_originals() -> None:
    rng = np.random.default_rng(0)
    originals = unit(rng.standard_normal((60, DIM)))
    own = np.repeat(np.arange(20) * 3, 2)
    near = unit(originals[own] + 0.05 * rng.standard_normal((40, DIM)))
    far = unit(rng.standard_normal((40, DIM)))
    task = copies_task(
        {"cls@1": near, "cls@2": far},
        {"cls@1": originals, "cls@2": originals},
        own,
        folds(np.zeros(60, np.int64), 5, 0),
    )
    found = named(tune(task))
    assert found["cls@1"] == pytest.approx((1.0, 1.0))
    assert found["cls@2"][0] < 0.2
    # One over the rank of the original.
    ranks = (-(far @ originals.T)).argsort(axis=1).argsort(axis=1)[np.arange(40), own] + 1
    assert found["cls@2"][1] == pytest.approx((1 / ranks).mean())


@pytest.mark.parametrize("shared", [0.0, 2.0])
def test_copies_of_one_image_count_for_as_many_as_they_tell(shared: float) -> None:
    """Many draws of twenty images: how far the means lie apart is what the intervals say."""
    means, widths = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        originals = unit(rng.standard_normal((20, DIM)))
        own = np.repeat(np.arange(20), 6)
        apart = 0.7 * rng.standard_normal((120, DIM))
        apart += shared * rng.standard_normal((20, 1))[own] * rng.standard_normal((20, DIM))[own]
        copies = unit(originals[own] + apart)
        fold_of = folds(np.zeros(20, np.int64), 5, 0)
        task = copies_task({"cls@1": copies}, {"cls@1": originals}, own, fold_of)
        found = tune(task, mixes=False, whitens=False).singles[0]
        assert len(found.firsts) == 20
        means.append(found.first.mean)
        widths.append((found.first.high - found.first.low) / (2 * 1.96))
    assert 0.7 < np.mean(widths) / np.std(means) < 1.5


def test_a_mixture_counts_where_its_spaces_are_best_without_the_fold_that_is_measured() -> None:
    """Six spaces, of which the fifth and the sixth change places with the folds."""
    count = 100
    names = [f"cls@{i}" for i in range(1, 7)]
    firsts = np.tile(np.linspace(0.9, 0.5, 6)[:, None], (1, count))
    firsts[5, :50], firsts[4, :50] = 0.9, 0.1
    singles = [
        Measured(Candidate(((name, 1.0),)), row, row)
        for name, row in zip(names, firsts, strict=True)
    ]
    pair = Candidate((("cls@5", 0.5), ("cls@1", 0.5)))
    mixture = Measured(pair, np.ones(count), np.ones(count))
    without = np.arange(count) < 50
    assert _chosen(singles, [mixture], ~without) is mixture
    assert _chosen(singles, [mixture], without) is not mixture


def test_names_are_what_the_command_line_takes() -> None:
    from vitrail.indexer.spaces import parse_weights

    thirds = tuple((name, 1 / 3) for name in ("gem@12/w", "mean@12/w", "mean@11/w"))
    name = Candidate(thirds).name
    assert len(name) <= 40
    assert parse_weights(name, ["gem@12/w", "mean@12/w", "mean@11/w"]) == pytest.approx(
        dict(thirds)
    )
    assert Candidate((("gem@9", 1.0),)).name == "gem@9"
