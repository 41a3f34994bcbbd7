"""How far a student is from its teacher, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.indexer.training.distances import (
    answer_distance,
    relation_distance,
    token_distance,
    vector_distance,
)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_values_by_hand() -> None:
    right, up = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    assert vector_distance(right, up).item() == pytest.approx(1.0)
    assert vector_distance(right, -2 * right).item() == pytest.approx(2.0)
    # cosines of the teacher 0, 1 and 0 of three images: mean 1/3, variance 2/9; the student's all 1
    theirs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    ours = torch.ones(3, 2)
    assert relation_distance(ours, theirs).item() == pytest.approx((2 / 3) / (2 / 9))
    logits = torch.tensor([[math.log(3.0), 0.0]])
    even = torch.zeros(1, 2)
    wanted = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert answer_distance(even, logits, 1.0).item() == pytest.approx(wanted, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 8))
def test_nothing_is_far_from_itself_and_all_from_another(seed: int, n: int, d: int) -> None:
    one, other = drawn(seed, n, d), drawn(seed + 1, n, d)
    tokens = drawn(seed, n, 3, d)
    assert vector_distance(one, one).item() == pytest.approx(0, abs=1e-5)
    assert relation_distance(one, one).item() == pytest.approx(0, abs=1e-4)
    assert token_distance(tokens, tokens).item() == pytest.approx(0, abs=1e-5)
    assert answer_distance(one, one, 2.0).item() == pytest.approx(0, abs=1e-5)
    assert vector_distance(one, other).item() > 0
    assert answer_distance(one, other, 2.0).item() > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_turning_and_stretching_leaves_relations_as_they_are(seed: int, scale: float) -> None:
    ours, theirs = drawn(seed, 5, 4), drawn(seed + 1, 5, 6)
    turn, _ = torch.linalg.qr(drawn(seed + 2, 4, 4))
    before = relation_distance(ours, theirs).item()
    assert relation_distance(scale * ours @ turn, theirs).item() == pytest.approx(before, rel=1e-3)


def test_blocks_may_scale_their_tokens_as_they_like() -> None:
    tokens, others = drawn(1, 2, 3, 8), drawn(2, 2, 3, 8)
    before = token_distance(tokens, others).item()
    assert token_distance(7 * tokens + 3, others).item() == pytest.approx(before, rel=1e-3)


def test_one_image_has_no_relations() -> None:
    lone = drawn(1, 1, 4).requires_grad_(True)
    distance = relation_distance(lone, drawn(2, 1, 4))
    assert distance.item() == 0
    distance.backward()  # type: ignore[no-untyped-call]
