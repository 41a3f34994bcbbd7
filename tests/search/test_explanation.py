"""Which patches match, and each space's share: over arrays whose answers can be worked out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vitrail.search.explanation import (
    Explanation,
    PatchMap,
    layer_weights,
    match_patches,
    shares_of,
)

Floats = NDArray[np.float32]
DIM = 24


def tokens(seed: int, rows: int = 4, columns: int = 5) -> Floats:
    """Of an image that has nothing to do with those of other seeds."""
    made: Floats = np.random.default_rng(seed).normal(size=(rows, columns, DIM)).astype(np.float32)
    return made


UNRELATED = [tokens(seed) for seed in range(100, 106)]
seeds = st.integers(0, 50)


def test_where_one_patch_is_the_same_that_patch_alone_stands_out() -> None:
    query, hit = tokens(1), tokens(2, 3, 3)
    hit[2, 1] = query[0, 4]
    ours, theirs = match_patches(query, hit, UNRELATED)
    assert (ours.shape, theirs.shape) == ((4, 5), (3, 3))
    assert ours[0, 4] == pytest.approx(1, abs=1e-5)
    assert theirs[2, 1] == pytest.approx(1, abs=1e-5)
    assert np.sort(ours.ravel())[-2] < 0.5
    assert np.sort(theirs.ravel())[-2] < 0.5


def test_an_image_matches_itself_everywhere_and_unrelated_ones_hardly_anywhere() -> None:
    query = tokens(1)
    for one in match_patches(query, query.copy(), UNRELATED):
        np.testing.assert_allclose(one, 1, atol=1e-5)
    for one in match_patches(query, tokens(2), UNRELATED):
        assert one.mean() < 0.15


def test_what_is_the_same_in_all_images_tells_nothing() -> None:
    """A blank corner that every image has is no reason to have found one."""
    query, hit = tokens(1), tokens(2)
    unrelated = [one.copy() for one in UNRELATED]
    for one in (query, hit, *unrelated):
        one[:2] = 3.0
    ours, theirs = match_patches(query, hit, unrelated)
    assert ours[:2].max() < 0.01
    assert theirs[:2].max() < 0.01


@given(seeds, seeds, st.floats(0.1, 100))
def test_maps_are_shares_that_no_scale_changes(one: int, other: int, scale: float) -> None:
    query, hit = tokens(one), tokens(other, 2, 7)
    maps = match_patches(query, hit, UNRELATED)
    for found in maps:
        assert found.dtype == np.float32
        assert (found >= 0).all()
        assert (found <= 1).all()
    factor = np.float32(scale)
    again = match_patches(query * factor, hit * factor, [each * factor for each in UNRELATED])
    for found, expected in zip(again, maps, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@given(seeds, seeds)
def test_the_two_images_may_change_places(one: int, other: int) -> None:
    query, hit = tokens(one), tokens(other, 2, 7)
    ours, theirs = match_patches(query, hit, UNRELATED)
    theirs_again, ours_again = match_patches(hit, query, UNRELATED)
    np.testing.assert_array_equal(ours, ours_again)
    np.testing.assert_array_equal(theirs, theirs_again)


def test_without_other_images_cosines_are_shown_as_they_are() -> None:
    query, hit = tokens(1), tokens(2)
    rows, others = query.reshape(-1, DIM), hit.reshape(-1, DIM)
    cosines = (rows / np.linalg.norm(rows, axis=1, keepdims=True)) @ (
        others / np.linalg.norm(others, axis=1, keepdims=True)
    ).T
    ours, _ = match_patches(query, hit, [])
    np.testing.assert_allclose(ours.ravel(), np.clip(cosines.max(axis=1), 0, 1), atol=1e-5)


def test_a_token_without_a_direction_matches_nothing() -> None:
    ours, theirs = match_patches(np.zeros((2, 2, DIM), np.float32), tokens(1), [])
    assert not ours.any()
    assert not theirs.any()


def test_shares_sum_to_the_score() -> None:
    scores, weights = {"cls@12": 0.9, "mean@6": 0.5, "gem@9": 0.1}, {"cls@12": 0.7, "mean@6": 0.3}
    expected = {"cls@12": pytest.approx(0.63), "mean@6": pytest.approx(0.15)}
    assert shares_of(0.78, scores, weights) == expected
    told = shares_of(0.78 - 2, scores, weights)
    assert told == {**expected, "negatives": pytest.approx(-2)}


def test_layers_weigh_what_their_spaces_do() -> None:
    weights = {"cls@12": 0.5, "mean@12": 0.2, "gem@9/w128": 0.2, "mean@0": 0.1}
    assert layer_weights(weights) == {12: pytest.approx(0.7), 9: 0.2, 0: 0.1}


GRID = np.array([[0, 0.25], [0.5, 1]], np.float32)


def test_a_patch_is_painted_where_it_lies_and_what_was_cropped_is_not_seen() -> None:
    painted = PatchMap(GRID, (4, 0, 8, 4), (12, 4)).paint()
    assert painted.shape == (4, 12)
    assert np.isnan(painted[:, :4]).all()
    assert np.isnan(painted[:, 8:]).all()
    np.testing.assert_array_equal(painted[:, 4:8], GRID.repeat(2, 0).repeat(2, 1))


def test_what_the_encoder_padded_is_left_out() -> None:
    """A grid that goes beyond the image: half of each outer patch lies in it."""
    painted = PatchMap(GRID, (-2, -2, 6, 6), (4, 4)).paint()
    np.testing.assert_array_equal(painted, GRID.repeat(2, 0).repeat(2, 1))


def test_a_smooth_map_goes_over_from_patch_to_patch() -> None:
    whole = PatchMap(GRID, (0, 0, 8, 8), (8, 8))
    smooth = whole.paint(smooth=True)
    for corner in ((0, 0), (0, 7), (7, 0), (7, 7)):
        assert smooth[corner] == whole.paint()[corner], "no further than its middle"
    assert (np.diff(smooth, axis=0) >= 0).all()
    assert np.abs(np.diff(smooth, axis=1)).max() < 0.2
    cropped = PatchMap(GRID, (2, 0, 6, 8), (8, 8))
    np.testing.assert_array_equal(np.isnan(cropped.paint()), np.isnan(cropped.paint(smooth=True)))


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.one_of(st.none(), st.integers(1, 320)),
)
def test_maps_have_the_shape_of_the_image(size: tuple[int, int], longest: int | None) -> None:
    painted = PatchMap(GRID, (0, 0, *size), size).paint(longest)
    most = longest or min(256, max(size))
    assert max(painted.shape) == most
    height, width = painted.shape
    assert height == max(1, round(size[1] * most / max(size)))
    assert width == max(1, round(size[0] * most / max(size)))
    assert not np.isnan(painted).any()
    assert np.isin(painted, GRID).all()


def test_an_explanation_without_patches_has_no_maps() -> None:
    told = Explanation(1, {"a": 1.0}, reason="its file cannot be read now")
    assert told.hit_map is None
    assert told.query_map is None
    patches = PatchMap(GRID, (0, 0, 4, 4), (4, 4))
    whole = Explanation(1, {"a": 1.0}, patches, patches)
    assert whole.hit_map is not None
    assert whole.query_map is not None
    assert patches.share == 0.5
