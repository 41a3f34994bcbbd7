from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from vitrail.indexer.training.objectives import (
    balanced_weights,
    contrastive,
    cross_entropy,
    image_weights,
    soft_targets,
)

TARGETS = torch.tensor([0, 2, 1, 2, 2, 0])


def logits() -> torch.Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_is_torchs(smoothing: float) -> None:
    shares = soft_targets(TARGETS, 3, smoothing)
    assert shares.sum(dim=1) == pytest.approx(torch.ones(6).numpy())
    found = cross_entropy(logits(), shares, torch.ones(6), 6)
    expected = functional.cross_entropy(logits(), TARGETS, label_smoothing=smoothing)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


def test_labels_that_weigh_are_torchs_too() -> None:
    weights = balanced_weights(torch.tensor([2, 1, 3]))
    assert float((weights * torch.tensor([2, 1, 3])).sum()) == pytest.approx(6)
    assert (weights * torch.tensor([2, 1, 3])).tolist() == pytest.approx([2, 2, 2])
    shares = soft_targets(TARGETS, 3)
    each = image_weights(shares, weights)
    found = cross_entropy(logits(), shares, each, each.sum())
    expected = functional.cross_entropy(logits(), TARGETS, weight=weights)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
    assert balanced_weights(torch.tensor([4, 0])).tolist() == [1, 0]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_parts_add_up_to_the_whole(sizes: list[int]) -> None:
    chance = torch.Generator().manual_seed(sum(sizes))
    found = torch.randn(sum(sizes), 4, generator=chance)
    shares = torch.softmax(torch.randn(sum(sizes), 4, generator=chance), dim=1)
    weights = torch.rand(sum(sizes), generator=chance) + 0.1
    whole = cross_entropy(found, shares, weights, weights.sum())
    logits_of, shares_of, weights_of = (torch.split(one, sizes) for one in (found, shares, weights))
    total = sum(
        float(cross_entropy(*part, weights.sum()))
        for part in zip(logits_of, shares_of, weights_of, strict=True)
    )
    assert total == pytest.approx(float(whole), rel=1e-5)


def test_the_contrastive_loss_is_the_papers_sum() -> None:
    rows = functional.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(2)))
    told = []
    for i in range(6):
        mates = [p for p in range(6) if p != i and TARGETS[p] == TARGETS[i]]
        if not mates:
            continue
        others = sum(float(torch.exp(rows[i] @ rows[a] / 0.2)) for a in range(6) if a != i)
        each = [np.log(float(torch.exp(rows[i] @ rows[p] / 0.2)) / others) for p in mates]
        told.append(-np.mean(each))
    assert float(contrastive(rows, TARGETS, 0.2)) == pytest.approx(np.mean(told), rel=1e-5)


def test_images_without_mates_are_asked_nothing() -> None:
    rows = functional.normalize(torch.randn(3, 4)).requires_grad_()
    loss = contrastive(rows, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert rows.grad is not None
    assert not rows.grad.any()


def test_gathered_labels_have_a_lower_loss_than_scattered_ones() -> None:
    rows = torch.eye(2)[[0, 1, 0, 1]]
    gathered = contrastive(rows, torch.tensor([0, 1, 0, 1]), 0.1)
    assert float(gathered) < float(contrastive(rows, torch.tensor([0, 0, 1, 1]), 0.1))
