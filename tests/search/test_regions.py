"""A part of an image as the patches that lie in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.encoders.tower import POOL
from vitrail.indexer.spaces import Pooling
from vitrail.search.regions import POOLED, pool, shares_inside

EDGES = st.tuples(st.integers(0, 99), st.integers(1, 60))


@given(EDGES, EDGES, st.integers(1, 9), st.integers(1, 9))
def test_shares_are_the_area_inside(
    across: tuple[int, int], down: tuple[int, int], rows: int, columns: int
) -> None:
    grid = (-10.0, 20.0, 110.0, 80.0)
    edges = (across[0], down[0], across[0] + across[1], down[0] + down[1])
    inside = shares_inside((rows, columns), grid, edges)
    assert inside.shape == (rows, columns)
    assert inside.min() >= 0
    assert inside.max() <= 1
    width = max(0, min(110, edges[2]) - max(-10, edges[0]))
    height = max(0, min(80, edges[3]) - max(20, edges[1]))
    area = inside.sum(dtype=np.float64) * (120 / columns) * (60 / rows)
    assert area == pytest.approx(width * height, abs=0.01)


@pytest.mark.parametrize("pooling", POOLED)
def test_all_patches_are_pooled_as_the_encoder_does(pooling: Pooling) -> None:
    tokens = np.random.default_rng(1).normal(0.3, 1, (5, 4, 16)).astype(np.float32)
    row = POOL[pooling](torch.from_numpy(tokens.reshape(1, 20, 16)), 0)[0].numpy()
    whole = pool(tokens, np.ones((5, 4), np.float32), pooling)
    assert np.allclose(whole, row / np.linalg.norm(row), atol=1e-6)


@pytest.mark.parametrize("pooling", POOLED)
def test_patches_outside_do_not_count_and_half_ones_count_half(pooling: Pooling) -> None:
    tokens = np.random.default_rng(2).uniform(0.1, 1, (2, 2, 8)).astype(np.float32)
    inside = np.array([[1, 0.5], [0, 0]], np.float32)
    doubled = np.stack([tokens[0, 0], tokens[0, 0], tokens[0, 1]])[None]
    expected = pool(doubled, np.ones((1, 3), np.float32), pooling)
    assert np.allclose(pool(tokens, inside, pooling), expected, atol=1e-6)
    tokens[1] = 99
    assert np.allclose(pool(tokens, inside, pooling), expected, atol=1e-6)
