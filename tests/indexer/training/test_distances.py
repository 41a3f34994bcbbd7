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
    # Of three images the teacher finds the first two alike: these have cosines 1 and 0 to the
    # others, which stand at +1 and -1, and softened by 1/2 at +2 and -2; to the third both are 0.
    # The student finds all the same.
    theirs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    likely = 1 / (1 + math.exp(-4))
    apart = likely * math.log(likely / 0.5) + (1 - likely) * math.log((1 - likely) / 0.5)
    wanted = 2 / 3 * apart / 4
    assert relation_distance(torch.ones(3, 2), theirs).item() == pytest.approx(wanted, rel=1e-3)
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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 3))
def test_how_alike_all_are_found_does_not_count(seed: int, common: float) -> None:
    """What all vectors share brings all of them nearer, and leaves the order."""
    ours, theirs = drawn(seed, 6, 4), drawn(seed + 1, 6, 5)
    before = relation_distance(ours, theirs).item()
    shared = torch.full((6, 1), common)
    nearer = torch.cat([torch.nn.functional.normalize(ours, dim=-1), shared], dim=-1)
    assert relation_distance(nearer, theirs).item() == pytest.approx(before, rel=1e-2, abs=1e-4)


def test_the_nearest_count_most() -> None:
    """Two students take two of an image's others for each other: its nearest, or its farthest."""
    angles = torch.tensor([0.0, 0.2, 0.7, 1.2, 1.5])

    def turned(order: list[int]) -> torch.Tensor:
        taken = angles[order]
        return torch.stack([taken.cos(), taken.sin()], dim=-1)

    theirs = turned([0, 1, 2, 3, 4])
    near, far = (turned(order) for order in ([0, 2, 1, 3, 4], [0, 1, 2, 4, 3]))
    assert relation_distance(near, theirs) > relation_distance(far, theirs) > 0


def test_blocks_may_scale_their_tokens_as_they_like() -> None:
    tokens, others = drawn(1, 2, 3, 8), drawn(2, 2, 3, 8)
    before = token_distance(tokens, others).item()
    assert token_distance(7 * tokens + 3, others).item() == pytest.approx(before, rel=1e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_images_have_no_relations(count: int) -> None:
    few = drawn(1, count, 4).requires_grad_(True)
    distance = relation_distance(few, drawn(2, count, 4))
    assert distance.item() == 0
    distance.backward()  # type: ignore[no-untyped-call]


def test_images_that_are_all_the_same_leave_slopes_that_are_numbers() -> None:
    same = torch.ones(4, 3, requires_grad=True)
    relation_distance(same, drawn(2, 4, 3)).backward()  # type: ignore[no-untyped-call]
    assert same.grad is not None
    assert bool(torch.isfinite(same.grad).all())
