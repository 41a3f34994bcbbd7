"""Who may be asked about whom: copies are never parted, and lone labels are left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.search.classification.made import clusters, with_copies
from vitrail.indexer.errors import InputError
from vitrail.search.classification.labelled import copy_groups, grouped_folds, labelled

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


def groups_of(
    pairs: list[tuple[int, int]], count: int = 20
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    first, second = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    return copy_groups(count, first.astype(np.int64), second.astype(np.int64))


@given(PAIRS)
def test_groups_are_the_connected_parts(pairs: list[tuple[int, int]]) -> None:
    groups = groups_of(pairs)
    reach = np.eye(20, dtype=bool)
    for one, other in pairs:
        reach[one, other] = reach[other, one] = True
    for _ in range(5):
        reach = reach @ reach
    assert ((groups[:, None] == groups[None, :]) == reach).all()


@given(PAIRS, st.lists(st.integers(0, 3), min_size=20, max_size=20), st.integers(0, 9))
def test_folds_never_part_copies(
    pairs: list[tuple[int, int]], labels: list[int], seed: int
) -> None:
    groups = groups_of(pairs)
    fold_of = grouped_folds(np.array(labels), groups, 5, seed)
    assert set(fold_of) <= set(range(5))
    for group in np.unique(groups):
        assert len(np.unique(fold_of[groups == group])) == 1


def test_folds_spread_labels_evenly() -> None:
    known = clusters(200, classes=3)
    for target in range(3):
        counts = np.bincount(known.folds()[known.targets == target], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_a_label_of_one_image_is_left_out_and_named() -> None:
    names = ["a"] * 6 + ["b"] * 6 + ["alone", "copied", "copied"]
    groups = np.array([*range(13), 13, 13])
    known = labelled(np.arange(15), names, np.eye(15, dtype=np.float32), groups)
    assert known.classes == ("a", "b")
    assert known.alone == ("alone", "copied")
    assert len(known) == 12
    assert known.counts.tolist() == [6, 6]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "no image has a value in column 'species'"),
        (["a"] * 12, "1 value that two different images share"),
        (["a"] * 11 + ["b"], "'b' has one image each, or copies of one"),
        (["a"] * 4 + ["b"] * 4, "8 images with labels are too few"),
    ],
)
def test_what_cannot_be_learned_from_is_told_with_the_remedy(names: list[str], says: str) -> None:
    n = len(names)
    with pytest.raises(InputError, match=says) as told:
        labelled(np.arange(n), names, np.ones((n, 2), np.float32), np.arange(n), "species")
    assert "vitrail annotate" in str(told.value)


def test_so_many_labels_that_memory_would_not_hold_them_are_refused() -> None:
    names = [str(number) for number in range(1001)] * 2
    rows = np.ones((2002, 2), np.float32)
    with pytest.raises(InputError, match="1,001 values that images share, but 1,000 labels"):
        labelled(np.arange(2002), names, rows, np.arange(2002))
    assert len(labelled(np.arange(2000), names[1:1001] * 2, rows[:2000], np.arange(2000)).classes)


def test_copies_are_one_group() -> None:
    known = with_copies(clusters(20), times=3)
    assert np.bincount(known.groups).max() == 3
    assert len(np.unique(known.groups)) == 20
