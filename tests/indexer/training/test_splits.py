from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.errors import InputError
from vitrail.indexer.training.splits import (
    HELD_OUT,
    TRAINING,
    UNSEEN,
    VALIDATION,
    SplitShares,
    split,
)

SHARES = st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)).map(lambda two: SplitShares(*two))
IMAGES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=60)


def contents(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


@given(IMAGES, SHARES, st.integers(0, 5))
def test_copies_are_never_on_two_sides_and_each_label_is_trained_on(
    images: list[tuple[int, int]], shares: SplitShares, seed: int
) -> None:
    groups = np.array([group for _, group in images])
    targets = groups % 4  # copies have one label here
    parts = split(contents(len(images)), targets, groups, shares, seed)
    for group in np.unique(groups):
        assert len(np.unique(parts[groups == group])) == 1
    for target in np.unique(targets):
        own = parts[targets == target]
        assert (own == TRAINING).any()
        several = len(np.unique(groups[targets == target]))
        if several > 1 and shares.held_out:
            assert (own == HELD_OUT).any()
        if several > 2 and shares.validation and shares.held_out:
            assert (own == VALIDATION).any()


@given(st.permutations(range(24)), st.integers(0, 3))
def test_an_image_goes_where_its_content_says_whatever_the_order(
    order: list[int], seed: int
) -> None:
    names, targets, groups = contents(24), np.arange(24) % 3, np.arange(24) // 2 * 3
    targets = groups // 3 % 3
    usual = split(names, targets, groups, SplitShares(), seed)
    moved = split([names[i] for i in order], targets[order], groups[order], SplitShares(), seed)
    assert moved.tolist() == usual[order].tolist()


def test_shares_are_kept_to_and_another_seed_splits_otherwise() -> None:
    names, targets, groups = contents(1000), np.arange(1000) % 4, np.arange(1000)
    parts = split(names, targets, groups, SplitShares(0.1, 0.2), 0)
    assert np.bincount(parts).tolist() == [1000 - 100 - 200, 100, 200]
    assert (split(names, targets, groups, SplitShares(0.1, 0.2), 1) != parts).any()
    assert (split(names, targets, groups, SplitShares(0, 0), 1) == TRAINING).all()


@pytest.mark.parametrize("given", [(0.9, 0), (0, -0.1), (0.5, 0.5), (float("nan"), 0)])
def test_shares_that_leave_nothing_are_refused(given: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"share|leave"):
        SplitShares(*given)


@given(IMAGES, st.integers(1, 3), st.integers(0, 5))
def test_labels_held_out_whole_teach_nothing_not_even_by_copies(
    images: list[tuple[int, int]], count: int, seed: int
) -> None:
    targets, groups = np.array(images).T  # copies may have several labels
    names = contents(len(images))
    try:
        parts = split(names, targets, groups, SplitShares(labels=count), seed)
    except InputError:
        several = [t for t in set(targets) if len(set(groups[targets == t])) > 1]
        assert count > min(len(several), len(set(targets)) - 2)
        return
    unseen = set(targets[parts == UNSEEN])
    assert len(unseen) == count
    assert (np.isin(targets, [*unseen]) == (parts == UNSEEN)).all()
    learned = np.isin(parts, [TRAINING, VALIDATION])
    assert not set(groups[learned]) & set(groups[parts == UNSEEN])
    for target in unseen:
        assert len(set(groups[targets == target])) > 1


def test_another_seed_holds_out_other_labels_and_the_rest_is_split_as_ever() -> None:
    names, targets, groups = contents(400), np.arange(400) % 8, np.arange(400)
    shares = SplitShares(0.1, 0.2, labels=3)
    drawn = [split(names, targets, groups, shares, seed) for seed in range(4)]
    held = [tuple(np.unique(targets[parts == UNSEEN]).tolist()) for parts in drawn]
    assert len(set(held)) > 1
    plain = split(names, targets, groups, SplitShares(0.1, 0.2), 0)
    assert (drawn[0] == plain)[drawn[0] != UNSEEN].all()
    renamed = split(names, 7 - targets, groups, shares, 0)
    assert (renamed == drawn[0]).all()


def test_labels_that_cannot_be_held_out_are_refused() -> None:
    names, targets, groups = contents(9), np.arange(9) // 3, np.arange(9)
    with pytest.raises(InputError, match=r"2 of 3 labels cannot be held out.*at most 1"):
        split(names, targets, groups, SplitShares(labels=2), 0)
    with pytest.raises(InputError, match="at most 0"):
        split(names, targets, targets, SplitShares(labels=1), 0)
    SplitShares(labels=2).check(4)
    with pytest.raises(InputError, match=r"2 of 3 labels .* two are needed to learn.*at most 1"):
        SplitShares(labels=2).check(3)
    with pytest.raises(InputError, match="-1 labels cannot be held out"):
        SplitShares(labels=-1)
