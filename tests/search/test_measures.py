from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.search.measures import (
    average_precisions,
    clustered_interval,
    copy_hits,
    folds,
    interval,
    knn_hits,
    mean_interval,
    paired_interval,
)

INF = np.inf


def test_average_precision_by_hand() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, -INF]], np.float32)
    relevant = np.array([[True, False, True, False], [True, False, False, True]])
    # relevant at ranks 1 and 3: (1/1 + 2/3) / 2; at rank 3 alone, as the other is left out: 1/3
    assert average_precisions(scores, relevant) == pytest.approx([5 / 6, 1 / 3])
    none = average_precisions(scores, np.zeros((2, 4), bool))
    assert np.isnan(none).all()


def test_average_precision_of_a_perfect_and_of_the_worst_ranking() -> None:
    scores = np.array([[4, 3, 2, 1]], np.float32)
    assert average_precisions(scores, np.array([[1, 1, 0, 0]], bool)) == pytest.approx([1.0])
    # at ranks 3 and 4: (1/3 + 2/4) / 2
    assert average_precisions(scores, np.array([[0, 0, 1, 1]], bool)) == pytest.approx([5 / 12])


@settings(max_examples=50, deadline=None)
@given(count=st.integers(2, 40), seed=st.integers(0, 2**32 - 1))
def test_average_precision_as_its_definition_has_it(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(count).astype(np.float32)
    relevant = rng.random(count) < 0.4
    relevant[rng.integers(count)] = True
    shares = [relevant[scores >= scores[i]].mean() for i in range(count) if relevant[i]]
    assert average_precisions(scores[None], relevant[None]) == pytest.approx([np.mean(shares)])


def test_the_vote_of_the_nearest_by_hand() -> None:
    known = np.array([0, 1, 1, 0, 2])
    scores = np.array(
        [
            [0.9, 0.8, 0.7, 0.1, 0.0],  # 0, 1, 1
            [0.9, 0.1, 0.8, 0.0, 0.7],  # 0, 1, 2: a tie, and 0 is the nearest
            [-INF, 0.8, 0.1, 0.2, 0.9],  # 2, 1, 0: likewise
            [-INF, -INF, -INF, 0.5, -INF],  # 0 alone may vote
        ],
        np.float32,
    )
    assert knn_hits(scores, np.array([1, 0, 2, 0]), known, 3).tolist() == [1, 1, 1, 1]
    assert knn_hits(scores, np.array([0, 1, 1, 1]), known, 3).tolist() == [0, 0, 0, 0]
    assert knn_hits(scores, np.array([0, 0, 2, 0]), known, 1).tolist() == [1, 1, 1, 1]


def test_a_label_that_no_known_row_has_is_never_met() -> None:
    scores = np.array([[0.5, 0.4]], np.float32)
    assert knn_hits(scores, np.array([7]), np.array([0, 1]), 2).tolist() == [0]


def test_copies_by_hand() -> None:
    scores = np.array([[0.9, 0.8], [0.9, 0.8], [0.7, 0.7]], np.float32)
    before = scores.copy()
    assert copy_hits(scores, np.array([0, 1, 0])).tolist() == [1, 0, 0]
    assert np.array_equal(scores, before)


def test_intervals_by_hand() -> None:
    # Wilson's for 8 of 10: 0.4902 to 0.9433
    found = interval(np.array([1.0] * 8 + [0.0] * 2))
    assert (found.mean, found.low, found.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert interval(np.ones(5)).high == 1
    assert interval(np.zeros(5)).low == 0
    assert interval(np.ones(5)).low == pytest.approx(0.5655, abs=1e-4)
    assert found.meets(interval(np.ones(5)))
    assert not interval(np.ones(1000)).meets(interval(np.zeros(1000)))
    assert mean_interval(np.array([0.5, 1.0]), 4) == clustered_interval(np.array([0.5, 1.0]), 4)
    assert mean_interval(np.array([0.5, 1.0])) == interval(np.array([0.5, 1.0]))


def test_intervals_of_pairs_by_hand() -> None:
    apart = paired_interval(np.array([0.9, 0.7, 0.2]), np.array([0.5, 0.6, 0.1]))
    half = 1.959964 * np.std([0.4, 0.1, 0.1], ddof=1) / np.sqrt(3)
    assert (apart.mean, apart.high) == pytest.approx((0.2, 0.2 + half))
    # of hits, as if one more had been won and one lost: of 4 + 2 pairs 3 are won and 1 is lost
    apart = paired_interval(np.array([1.0, 1, 0, 1]), np.array([0.0, 1, 0, 0]))
    half = 1.959964 * np.sqrt((4 / 6 - (2 / 6) ** 2) / 6)
    assert (apart.mean, apart.low) == pytest.approx((0.5, 2 / 6 - half))
    assert apart.high == pytest.approx(2 / 6 + half)


@pytest.mark.parametrize("n", [1, 2, 10, 100, 1000])
def test_that_all_pairs_agree_does_not_say_that_no_others_differ(n: int) -> None:
    hits = (np.arange(n) % 2).astype(np.float64)
    same = paired_interval(hits, hits)
    assert same.mean == 0
    assert same.low == pytest.approx(-same.high)
    # the rule of three: by 95% no more than 3 of n differ
    assert 0.8 * 3 / (n + 2) < same.high <= min(1.0, 6 / np.sqrt(n))
    shifted = paired_interval(np.full(n, 0.8), np.full(n, 0.5))
    assert shifted.low < 0.3 < shifted.high


@given(
    pairs=st.lists(
        st.tuples(*[st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))] * 2),
        min_size=1,
        max_size=40,
    )
)
def test_bounds_of_pairs_hold_the_mean_and_what_can_be(pairs: list[list[float]]) -> None:
    ours, theirs = np.array(pairs, np.float64).T
    found, other = paired_interval(ours, theirs), paired_interval(theirs, ours)
    assert -1 <= found.low <= found.mean <= found.high <= 1
    assert found.low < found.high
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low))


@pytest.mark.parametrize("won", [0.01, 0.05, 0.3])
def test_intervals_of_rare_differences_hold_the_truth(won: float) -> None:
    """60 images, of which some are won and half as many lost."""
    random, held, rounds = np.random.default_rng(2), 0, 1500
    for draws in random.random((rounds, 60)):
        found = paired_interval((draws < won) * 1.0, (draws > 1 - won / 2) * 1.0)
        held += found.low <= won / 2 <= found.high
    assert held >= 0.93 * rounds


def test_of_answers_about_one_image_no_more_is_made_than_they_tell() -> None:
    alike = np.repeat([1.0, 0.0], [8, 2])
    found, single = clustered_interval(alike, 4), interval(alike)
    assert (found.low, found.high) == pytest.approx((single.low, single.high), abs=0.06)
    assert found.low <= single.low < single.high <= found.high
    assert clustered_interval(np.ones(5), 4) == interval(np.ones(5))
    assert clustered_interval(np.zeros(5), 4) == interval(np.zeros(5))


def test_intervals_of_copies_hold_where_those_of_single_answers_do_not() -> None:
    """40 images of six copies each; how often a copy is found is the image's own."""
    random = np.random.default_rng(1)
    truth, each, held, naive = 0.9, 6, 0, 0
    for _ in range(300):
        hits = random.random((40, each)) < random.beta(1.8, 0.2, (40, 1))
        found = clustered_interval(hits.mean(axis=1), each)
        single = interval(hits.reshape(-1).astype(np.float64))
        held += found.low <= truth <= found.high
        naive += single.low <= truth <= single.high
    assert held >= 0.93 * 300
    assert naive < 0.85 * 300


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    count=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_folds_are_even_and_spread_each_label(labels: list[int], count: int, seed: int) -> None:
    given_labels = np.array(labels)
    chosen = folds(given_labels, count, seed)
    assert np.array_equal(chosen, folds(given_labels, count, seed))
    assert np.ptp(np.bincount(chosen, minlength=count)) <= 1
    for label in np.unique(given_labels):
        assert np.ptp(np.bincount(chosen[given_labels == label], minlength=count)) <= 1
