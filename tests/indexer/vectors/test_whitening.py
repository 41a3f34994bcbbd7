from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.vectors.whitening import Moments, Whitening, least_rows

Floats = NDArray[np.float32]


def cone(count: int, dim: int, seed: int = 0) -> Floats:
    """Unit rows that lie close together, as a ViT's features do, along axes of unlike spread."""
    rng = np.random.default_rng(seed)
    mixed = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    rows = rng.standard_normal((count, dim)) * np.geomspace(1, 0.01, dim) @ mixed
    rows += 8 * mixed[0]
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fitted(rows: Floats, cut: int | None = None, block: int = 1000) -> Whitening:
    moments = Moments(rows.shape[1])
    for first in range(0, len(rows), block):
        moments.add(rows[first : first + block])
    return moments.whitening(cut)


def test_it_is_the_formula() -> None:
    """Mean removed, each principal direction over the root of its variance and 16 mean ones."""
    rows = cone(400, 12)
    whitening = fitted(rows)
    exact = rows.astype(np.float64)
    centred = exact - exact.mean(axis=0)
    covariance = centred.T @ centred / len(rows)
    values, directions = np.linalg.eigh(covariance)
    expected = centred @ directions / np.sqrt(values + 16 * values.mean())
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    moved = whitening.apply(rows)
    assert moved.dtype == np.float32
    # The directions' order and signs change no cosine.
    assert np.allclose(moved @ moved.T, expected @ expected.T, atol=1e-5)
    spreads = (centred @ whitening.matrix.astype(np.float64)).std(axis=0)
    assert (np.diff(spreads) < 1e-9).all()  # widest first
    assert (spreads < 1).all()


def test_images_that_had_all_in_common_are_told_apart() -> None:
    rows = cone(500, 24)
    before = (rows @ rows.T)[~np.eye(500, dtype=bool)]
    moved = fitted(rows).apply(rows)
    after = (moved @ moved.T)[~np.eye(500, dtype=bool)]
    assert before.mean() > 0.9
    assert abs(after.mean()) < 0.01


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(40, 120),
    dim=st.integers(2, 20),
    block=st.integers(1, 130),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_do_not_matter(count: int, dim: int, block: int, seed: int) -> None:
    rows = cone(count, dim, seed)
    whole, parted = fitted(rows), fitted(rows, block=block)
    one, other = whole.apply(rows), parted.apply(rows)
    assert np.allclose(one @ one.T, other @ other.T, atol=1e-4)
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(dim=st.integers(2, 20), cut=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_a_cut_keeps_the_first_directions(dim: int, cut: int, seed: int) -> None:
    rows, cut = cone(60, dim, seed), min(cut, dim)
    whole, narrow = fitted(rows), fitted(rows, cut)
    assert (narrow.dim, narrow.width) == (dim, cut)
    assert np.array_equal(narrow.matrix, whole.matrix[:, :cut])
    kept = whole.apply(rows)[:, :cut].astype(np.float64)
    lengths = np.linalg.norm(kept, axis=1, keepdims=True)
    clear = lengths[:, 0] > 1e-3
    assert np.allclose(narrow.apply(rows)[clear], (kept / lengths)[clear], atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 99), count=st.integers(1, 100), seed=st.integers(0, 2**32 - 1))
def test_a_row_gives_the_same_whichever_are_beside_it(first: int, count: int, seed: int) -> None:
    rows = cone(100, 16, seed)
    whitening = fitted(rows)
    part = rows[first : first + count]
    assert np.array_equal(whitening.apply(part), whitening.apply(rows)[first : first + count])


def test_a_row_at_the_mean_has_a_direction_all_the_same() -> None:
    whitening = Whitening(np.full(3, 0.5, np.float32), np.eye(3, dtype=np.float32))
    moved = whitening.apply(np.full((2, 3), 0.5, np.float32))
    assert moved.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert whitening.apply(np.empty((0, 3), np.float32)).shape == (0, 3)


def test_directions_without_spread_are_not_blown_up() -> None:
    """With fewer images than dimensions the covariance has no inverse."""
    rows = cone(40, 64)
    whitening = fitted(rows)
    assert np.isfinite(whitening.matrix).all()
    others = whitening.apply(cone(60, 64, seed=0)[40:])
    assert np.allclose(np.linalg.norm(others, axis=1), 1, atol=1e-6)


def test_too_few_images_are_refused_with_how_many_are_needed() -> None:
    assert (least_rows(8), least_rows(384), least_rows(768)) == (32, 96, 192)
    moments = Moments(384)
    moments.add(cone(95, 384))
    with pytest.raises(InputError, match=r"95 images are too few .* 384 dimensions: 96 are needed"):
        moments.whitening()
    moments.add(cone(1, 384, seed=1))
    assert moments.whitening().width == 384
    with pytest.raises(InputError, match=r"96 dimensions cannot be kept .* ask for 1 to 95"):
        moments.whitening(96)
    for cut in (0, -1):
        with pytest.raises(InputError, match="ask for 1 to 95"):
            moments.whitening(cut)


def test_images_that_do_not_differ_are_refused() -> None:
    rows = np.repeat(cone(1, 8), 50, axis=0)
    with pytest.raises(InputError, match="do not differ"):
        fitted(rows)


def test_bytes_hold_it_and_what_was_told() -> None:
    whitening = fitted(cone(100, 8), 5)
    told = {"base": "gem@9", "rows": 100, "nested": {"b": 1, "a": [2]}}
    data = whitening.to_bytes(told)
    assert data == whitening.to_bytes(dict(reversed(told.items())))
    again, read = Whitening.read(data)
    assert read == told
    rows = cone(10, 8, seed=4)
    assert np.array_equal(again.apply(rows), whitening.apply(rows))


def test_bytes_of_something_else_are_refused() -> None:
    from safetensors.numpy import save

    whitening = fitted(cone(100, 8))
    data = whitening.to_bytes({"base": "gem@9"})
    mean, matrix = whitening.mean, whitening.matrix
    meta = {"vitrail": json.dumps({})}
    bad = [
        b"",
        b"\xff" * 100,
        data[:-1],
        data[:40],
        save({"mean": mean, "matrix": matrix}),  # tells nothing
        save({"mean": mean}, meta),
        save({"mean": mean, "matrix": matrix[:5]}, meta),
        save({"mean": mean, "matrix": np.hstack([matrix, matrix])}, meta),
        save({"mean": mean, "matrix": matrix.astype(np.float64)}, meta),
        save({"mean": mean * np.nan, "matrix": matrix}, meta),
        save({"mean": mean, "matrix": matrix}, {"vitrail": "[]"}),
        save({"mean": mean, "matrix": matrix}, {"vitrail": "{"}),
    ]
    for one in bad:
        with pytest.raises(ValueError, match="no transform of a space"):
            Whitening.read(one)
