from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.maps.samples import blobs, unit
from vitrail.search.maps.graph import graph_of
from vitrail.search.maps.layout import principal, to_square, umap


def test_principal_directions_are_those_of_a_singular_value_decomposition() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)
    centred = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = principal(rows, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(left[:, :3] * sizes[:3]), atol=1e-4)
    assert np.array_equal(found, principal(rows.copy(), 3))


def test_directions_that_rows_do_not_have_are_nought() -> None:
    assert np.array_equal(principal(np.ones((4, 1), np.float32), 2), np.zeros((4, 2)))


def test_a_umap_keeps_groups_apart_and_is_the_same_each_time() -> None:
    pytest.importorskip("umap")
    rows, kinds = blobs(3, 20)
    graph = graph_of(rows, 8)
    laid = umap(rows, graph, 2)
    middles = np.stack([laid[kinds == kind].mean(axis=0) for kind in range(3)])
    nearest = np.linalg.norm(laid[:, None] - middles, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, kinds)
    assert np.array_equal(laid, umap(rows, graph, 2))


@given(st.integers(1, 30), st.integers(0, 5))
def test_a_square_holds_all_and_keeps_shapes(count: int, seed: int) -> None:
    places = np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32) * [9, 2]
    square = to_square(places.astype(np.float32))
    assert square.min() >= -1e-6
    assert square.max() <= 1 + 1e-6
    if count > 2:
        before = np.linalg.norm(places[1:] - places[0], axis=1)
        after = np.linalg.norm(square[1:] - square[0], axis=1)
        np.testing.assert_allclose(after / after.max(), before / before.max(), atol=1e-3)


def test_a_graph_holds_the_nearest_each_row_itself_first() -> None:
    rows = unit(40, 6)
    graph = graph_of(rows, 5)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, 2)
    assert np.array_equal(graph.neighbours, np.argsort(-cosines, axis=1)[:, :6])
    exact = np.linalg.norm(rows[:, None] - rows[graph.neighbours], axis=2)
    np.testing.assert_allclose(graph.distances, exact, atol=2e-3)
    assert graph.recall == 1
