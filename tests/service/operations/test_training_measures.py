from __future__ import annotations

import numpy as np
import pytest

from vitrail.service.operations.training_measures import (
    HeldOutRetrieval,
    HeldOutTask,
    compare,
    precisions,
    votes,
)

# two labels along two axes; 0..3 known, 4..7 held out, of which 7 is a copy of 6
ROWS = np.array(
    [[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0.95, 0.05], [0.8, 0.3], [0.1, 1], [0.1, 1]],
    np.float32,
)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
TARGETS = np.array([0, 0, 1, 1, 0, 0, 1, 1])
GROUPS = np.array([0, 1, 2, 3, 4, 5, 6, 6])
HELD = np.arange(8) >= 4
TASK = HeldOutTask(TARGETS, GROUPS, HELD, ~np.ones(8, bool), np.array([4, 6]), 2)


def test_measures_by_hand() -> None:
    copies = ROWS[[4, 0, 6, 2]]  # one of each finds its original, the others another image
    found = TASK.measure(ROWS, copies)
    assert found.knn.tolist() == [1, 1, 1, 1]
    # 4 and 5 find each other first; 6 and 7 have no one but each other, who are copies
    assert found.precision.tolist() == [1, 1]
    assert found.copies.tolist() == [0.5, 0.5]


def test_a_copy_of_an_original_that_lies_there_takes_nothing_from_it() -> None:
    assert TASK.measure(ROWS, ROWS[[4, 4, 6, 6]]).copies.tolist() == [1, 1]


def test_copies_are_no_relevant_images() -> None:
    assert precisions(ROWS[6:], TARGETS[6:], GROUPS[6:]).tolist() == []
    assert precisions(ROWS[6:], TARGETS[6:], np.array([0, 1])).tolist() == [1, 1]


def test_what_is_compared_is_of_the_same_images() -> None:
    before = HeldOutRetrieval(np.array([0.0, 1, 0, 1]), np.array([0.5, 0.7]), np.array([0.5]))
    after = HeldOutRetrieval(np.array([1.0, 1, 1, 1]), np.array([0.6, 0.9]), np.array([1.0]))
    again = HeldOutRetrieval.from_dict(before.to_dict())
    found = compare("cls@3", again, after, 2)
    assert [one.measure for one in found] == ["5-NN accuracy", "mAP", "copy recall@1"]
    assert found[0].change.mean == pytest.approx(0.5)
    assert found[1].change.mean == pytest.approx(0.15)
    assert found[0].before.mean == 0.5
    assert [type(one).from_dict(one.to_dict()) for one in found] == found
    empty = HeldOutRetrieval(np.empty(0), np.empty(0), np.empty(0))
    assert compare("cls@3", empty, empty, 2) == []


def test_unseen_labels_are_looked_for_among_themselves() -> None:
    """Four images of two labels that nothing learned, as alike as the others, and a copy."""
    rows = np.concatenate([ROWS, ROWS[[0, 2, 4, 6, 0]]])
    targets = np.concatenate([TARGETS, [2, 3, 2, 3, 2]])
    groups = np.concatenate([GROUPS, [7, 8, 9, 10, 7]])
    unseen = np.arange(13) >= 8
    task = HeldOutTask(targets, groups, np.arange(13) // 4 == 1, unseen, np.array([4, 6]), 2)
    found = task.measure(rows, ROWS[[4, 4, 6, 6]])
    assert found.knn.tolist() == TASK.measure(ROWS, ROWS[[4, 4, 6, 6]]).knn.tolist()
    assert found.unseen_precision.tolist() == [1, 1, 1, 1, 1]
    assert found.unseen_knn.tolist() == [0, 0, 1, 0, 0]  # one other votes, and the far ones are two
    alone = votes(rows[[0, 4, 2]], np.array([0, 0, 1]), np.array([0, 1, 2]))
    assert alone.tolist() == [1, 1], "of the third nothing is asked"
    told = compare("cls@3", found, HeldOutRetrieval.from_dict(found.to_dict()), 2)
    assert [one.measure for one in told[3:]] == ["5-NN, unseen labels", "mAP, unseen labels"]
