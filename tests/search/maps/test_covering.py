from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.search.maps.samples import blobs, unit
from vitrail.search.maps.covering import covered_by, farthest_first


@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 20))
def test_none_is_farther_than_twice_what_the_best_choice_reaches(
    images: int, count: int, seed: int
) -> None:
    rows = unit(images, 4, seed)
    count = min(count, images)
    angles = np.arccos(np.clip(rows @ rows.T, -1, 1))
    best = min(
        angles[:, list(some)].min(axis=1).max() for some in combinations(range(images), count)
    )
    cover = farthest_first(rows, count)
    assert angles[:, cover.chosen].min(axis=1).max() <= 2 * best + 1e-3


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 20))
def test_a_cover_tells_how_near_each_image_is_to_which(images: int, count: int, seed: int) -> None:
    rows = unit(images, 5, seed)
    cover = farthest_first(rows, min(count, images))
    assert len(set(cover.chosen.tolist())) == len(cover.chosen)
    scores = rows @ rows[cover.chosen].T
    np.testing.assert_allclose(cover.nearest, scores.max(axis=1), atol=1e-5)
    np.testing.assert_allclose(scores[np.arange(images), cover.of], scores.max(axis=1), atol=1e-5)
    again = covered_by(rows, cover.chosen)
    np.testing.assert_allclose(again.nearest, cover.nearest, atol=1e-5)


def test_each_group_is_stood_for_before_any_twice() -> None:
    rows, kinds = blobs(5, 8)
    assert sorted(kinds[farthest_first(rows, 5).chosen].tolist()) == [0, 1, 2, 3, 4]


def test_equal_images_are_chosen_once() -> None:
    assert len(farthest_first(np.repeat(unit(3, 4), 4, axis=0), 10).chosen) == 3
