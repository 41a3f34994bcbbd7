from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.calibration.samples import pairs_of, random_rows
from vitrail.search.calibration import pairs
from vitrail.search.calibration.pairs import (
    PairSample,
    sample_pairs,
    usable_labels,
    without_copies,
)


@given(st.integers(2, 70), st.integers(1, 90), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_pair_is_met_once_whatever_the_blocks(count: int, block: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_BLOCK", block)
        rows = random_rows(count, seed=seed)
        labels = np.random.default_rng(seed).integers(-1, 3, count)
        sample = sample_pairs([rows, -rows], labels)
    upper = np.triu_indices(count, 1)
    expected = (rows @ rows.T)[upper]
    assert np.sort(pairs_of(sample)) == pytest.approx(np.sort(expected), abs=1e-6)
    assert (sample.counts == 1).all()
    shared = (labels[upper[0]] == labels[upper[1]]) & (labels[upper[0]] >= 0)
    assert sample.of_one_label.sum() == shared.sum()


def test_of_many_pairs_the_near_ones_are_all_kept_and_the_others_stand_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pairs, "KEPT", 4000)
    spaces = [random_rows(600, seed=1), random_rows(600, dim=8, seed=2)]
    sample = sample_pairs(spaces)
    upper = np.triu_indices(600, 1)
    truth = np.stack([(rows @ rows.T)[upper] for rows in spaces], 1)
    assert len(sample.scores) < 6000
    assert sample.pairs == pytest.approx(len(truth))
    for weights in ([1, 0], [0, 1], [0.5, 0.5]):
        total, own = truth @ weights, sample.scores @ np.array(weights, np.float32)
        for share in (0.5, 0.1, 0.01):
            least = np.quantile(total, 1 - share)
            told = sample.counts[own >= least].sum() / sample.pairs
            assert told == pytest.approx(share, rel=0.25)
    for column in range(2):  # of the nearest in a space none is left to chance
        least = np.quantile(truth[:, column], 0.9997)
        assert (sample.scores[:, column] >= least).sum() == (truth[:, column] >= least).sum()


def test_copies_are_left_out_as_long_as_they_are_few() -> None:
    rows = random_rows(60)
    copied = np.concatenate([rows, rows[:10]])
    sample = sample_pairs([copied])
    kept = without_copies(sample, np.array([0.999], np.float32), len(copied))
    assert sample.pairs - kept.pairs == 10
    assert pairs_of(kept).max() < 0.999
    alike = random_rows(60, leaning=1000)  # all pairs are as near as copies: it is no sign of one
    sample = sample_pairs([alike])
    assert without_copies(sample, np.array([0.99], np.float32), 60) is sample


def test_a_copy_is_near_in_every_space() -> None:
    rows = random_rows(40)
    rows[1] = rows[0]
    sample = sample_pairs([rows, random_rows(40, seed=5)])
    least = np.array([0.999, 0.999], np.float32)
    assert without_copies(sample, least, 40).pairs == sample.pairs


def scored(values: list[float]) -> PairSample:
    scores = np.sort(np.array(values, np.float32))[:, None]
    return PairSample(scores, np.ones(len(scores), np.float32), np.zeros(len(scores), np.bool_))


def test_copies_that_a_space_parts_from_different_images_are_left_out_further_down() -> None:
    different = [0.6 - 0.02 * n for n in range(20)]
    copies = [0.8, 0.82, 0.84, 0.86, 0.9, 0.95]
    half, most = np.array([0.88], np.float32), np.array([0.78], np.float32)
    kept = without_copies(scored(different + copies), half, 40, most)
    assert pairs_of(kept).max() == pytest.approx(0.6)
    known = without_copies(scored(different + copies), half, 40)
    assert known.pairs == kept.pairs + 4, "nearer than half of the planted ones are two alone"
    # where far fewer pairs are nearer, nothing tells copies from different images
    falling = [0.9, 0.84, 0.8, 0.77, 0.76, 0.75, 0.74, 0.72, 0.71, 0.7, 0.69, 0.685]
    told = without_copies(scored(different + falling), half, 40, most)
    assert pairs_of(told).max() == pytest.approx(0.84)
    # and an image that has several copies has none
    several = without_copies(scored(different + copies * 9), half, 20, most)
    assert pairs_of(several).max() == pytest.approx(0.86)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.floats(-1, 1), st.floats(-1, 1))
def test_what_is_left_out_is_the_nearest(values: list[float], one: float, other: float) -> None:
    half, most = np.array([max(one, other)], np.float32), np.array([min(one, other)], np.float32)
    sample = scored(values)
    kept = pairs_of(without_copies(sample, half, 30, most))
    assert np.array_equal(kept, pairs_of(sample)[: len(kept)])
    assert kept.size == len(values) or (pairs_of(sample)[len(kept) :] >= most).all()


def test_labels_that_nearly_all_share_are_none() -> None:
    assert usable_labels(["a", "a", "a", "a", "b"]) is None
    assert usable_labels([None, "", None]) is None
    numbers = usable_labels(["a", None, "b", "a", "", "c"])
    assert numbers is not None
    assert numbers.tolist() == [0, -1, 1, 0, -1, 2]
