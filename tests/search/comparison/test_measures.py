"""What measures of two sets are, whatever the sets: bounds, symmetry, copies, lost diversity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.examples import examples
from vitrail.search.comparison.frechet import FeatureMoments, endless_distance, frechet_distance
from vitrail.search.comparison.kernel import kernel_distance, kernel_sums
from vitrail.search.comparison.manifold import by_chance, manifolds, measure
from vitrail.search.comparison.modes import find_modes
from vitrail.search.comparison.sets import MEASURES, compare_rows
from vitrail.search.comparison.sufficiency import FEWEST, needed_for_frechet
from vitrail.search.comparison.vendi import vendi_estimate, vendi_score
from vitrail.search.joining import joined

Doubles = NDArray[np.float64]
SEEDS = st.integers(0, 10_000)


def rows(seed: int, count: int, dim: int = 8, spread: float = 0.5) -> Doubles:
    random = np.random.default_rng(seed)
    made = spread * random.standard_normal((count, dim)) + np.eye(dim)[0]
    unit: Doubles = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


@settings(max_examples=examples(30), deadline=None)
@given(SEEDS, st.integers(12, 60), st.integers(12, 60))
def test_distances_are_symmetric_and_shares_are_shares(seed: int, n: int, m: int) -> None:
    a, b = rows(seed, n), rows(seed + 1, m, spread=0.8)
    one, other = FeatureMoments(a), FeatureMoments(b)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one), abs=1e-12)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    sums = kernel_sums(a, b)
    assert sums.distance == pytest.approx(sums.swapped().distance, abs=1e-12)
    told = measure(a, b, 3, rounds=2)
    back = measure(b, a, 3, rounds=2)
    assert told.precision.value == back.recall.value
    for share in (told.precision, told.recall, told.coverage):
        assert 0 <= share.low <= share.value + 1e-12
        assert share.value <= share.high + 1e-12 <= 1 + 2e-12


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS, st.integers(5, 40), st.integers(5, 40))
def test_influence_is_what_leaving_an_image_out_does(seed: int, n: int, m: int) -> None:
    a, b = rows(seed, n), rows(seed + 1, m)
    sums = kernel_sums(a, b)
    row = seed % n
    without = kernel_sums(np.delete(a, row, axis=0), b).distance
    assert sums.influence[row] == pytest.approx(sums.distance - without, abs=1e-9)


@settings(max_examples=examples(20), deadline=None)
@given(SEEDS, st.permutations(range(40)))
def test_the_order_of_images_changes_no_number(seed: int, order: list[int]) -> None:
    a, b = rows(seed, 40), rows(seed + 1, 50)
    assert kernel_sums(a[order], b).distance == pytest.approx(kernel_sums(a, b).distance)
    assert vendi_score(a[order]) == pytest.approx(vendi_score(a))
    ours, theirs = manifolds(a, b), manifolds(a[order], b)
    assert np.array_equal(theirs.held, ours.held[order])
    assert np.array_equal(theirs.covered, ours.covered)


def test_a_set_of_copies_has_all_shares_and_its_own_place_in_balls() -> None:
    b = rows(3, 80).astype(np.float32)
    found = manifolds(b.copy(), b)
    assert found.held.all()
    assert found.covered.all()
    assert frechet_distance(FeatureMoments(b), FeatureMoments(b)) == pytest.approx(0, abs=1e-9)


def test_lost_diversity_shows_in_recall_and_coverage_and_not_in_precision() -> None:
    whole = rows(5, 1200, spread=1.0)
    centre = whole.mean(axis=0)
    narrow = whole[np.argsort(-(whole @ centre))[:200]]
    other = rows(6, 200, spread=1.0)
    told = measure(narrow, other)
    assert told.precision.value > 0.9
    assert told.recall.value < 0.75
    assert told.coverage.value < by_chance(5) - 0.1
    assert vendi_score(narrow) < vendi_score(other)
    # a kernel of degree 1 would see the means alone; this one sees the variances as well
    moved = narrow - narrow.mean(axis=0) + other.mean(axis=0)
    assert kernel_sums(moved, other).distance > 0


def test_sets_alike_have_no_distance_that_chance_does_not_explain() -> None:
    a, b = rows(1, 300), rows(2, 300)
    plain, endless = endless_distance(a, b)
    assert endless.low == 0 or endless.value < plain / 3
    assert plain > 0.005  # what few images do
    kernel = kernel_distance(a, b)
    assert kernel.low <= 0 <= kernel.high
    told = measure(a, b)
    assert told.coverage.value == pytest.approx(by_chance(5), abs=0.04)
    assert told.density.value == pytest.approx(1, abs=0.15)


def test_the_extrapolation_is_that_by_a_line_through_smaller_sets() -> None:
    a, b = rows(1, 1200), rows(2, 1200, spread=0.65)
    sizes = np.linspace(300, 1200, 10).astype(int)
    random = np.random.default_rng(0)
    values = []
    for size in sizes:
        drawn = [x[random.choice(1200, size, replace=False)] for x in (a, b)]
        values.append(frechet_distance(FeatureMoments(drawn[0]), FeatureMoments(drawn[1])))
    _, intercept = np.polyfit(1 / sizes, values, 1)
    _, endless = endless_distance(a, b)
    assert endless.value == pytest.approx(intercept, rel=0.1)
    assert endless.low < intercept < endless.high


def test_the_vendi_score_counts_kinds() -> None:
    kinds = np.eye(6)[np.arange(60) % 6]
    assert vendi_score(kinds) == pytest.approx(6)
    assert vendi_score(np.repeat(kinds[:1], 9, axis=0)) == pytest.approx(1)
    halves = vendi_estimate(kinds, 30)
    assert halves.value == pytest.approx(6, rel=0.1)
    assert halves.low <= halves.value <= halves.high


def test_what_there_are_too_few_images_for_is_refused_with_how_many_it_needs() -> None:
    few = compare_rows(rows(0, 20), rows(1, 100), {"x": 1.0})
    assert [one.name for one in few.measures] == list(MEASURES)
    assert all(one.estimate is None for one in few.measures)
    assert few["kernel"].needed == FEWEST
    assert few["kernel"].refusal == "needs 30 images of each set; there are 20"
    assert few["vendi_a"].refusal == few["vendi_b"].refusal == few["kernel"].refusal
    some = compare_rows(rows(0, 40, dim=64), rows(1, 40, dim=64), {"x": 1.0})
    assert some["frechet"].needed == needed_for_frechet(64) == 71
    assert some["frechet"].estimate is None
    assert some["kernel"].estimate is not None
    wide = np.linalg.qr(np.random.default_rng(0).standard_normal((64, 64))).Q[:40]
    assert compare_rows(wide, wide, {"x": 1.0})["vendi_a"].needed >= 3 * 40
    assert needed_for_frechet(384) == 430


def test_sets_of_different_sizes_are_measured_at_the_size_of_the_smaller() -> None:
    told = compare_rows(rows(0, 100), rows(1, 300), {"x": 1.0})
    assert told["coverage"].images == (100, 100)
    assert told["kernel"].images == (100, 300)
    assert told["vendi_b"].images == (0, 300)
    vendi_a, vendi_b = told["vendi_a"].estimate, told["vendi_b"].estimate
    assert vendi_a
    assert vendi_b
    assert vendi_a.value == pytest.approx(vendi_b.value, rel=0.2)
    assert vendi_b.high - vendi_b.low < vendi_a.high - vendi_a.low
    assert told.found
    assert told.found.cosines.shape == (100, 300)


def test_weights_mix_spaces_as_scores_do() -> None:
    spaces = {"x": rows(0, 5), "y": rows(1, 5, dim=12)}
    weights = {"x": 0.7, "y": 0.3}
    mixed = joined({name: own.astype(np.float32) for name, own in spaces.items()}, weights)
    scores = sum(share * spaces[name] @ spaces[name].T for name, share in weights.items())
    assert np.allclose(mixed @ mixed.T, scores, atol=1e-6)
    assert mixed.dtype == np.float32


def test_modes_are_what_is_alike_and_the_largest_comes_first() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [40, 24, 16])
    points = np.eye(6)[kinds] + 0.05 * random.standard_normal((80, 6))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    found = find_modes(points, np.arange(80), most=3)
    assert [len(mode.rows) for mode in found] == [40, 24, 16]
    assert all(len(set(kinds[mode.rows].tolist())) == 1 for mode in found)
    assert sorted(np.concatenate([mode.rows for mode in found]).tolist()) == list(range(80))
    assert find_modes(points, np.array([], np.int64)) == ()
    same = np.repeat(points[:1], 30, axis=0)
    assert sum(len(mode.rows) for mode in find_modes(same, np.arange(30))) == 30
