from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrail.search.replication.scoring import NONE, TRIED, USUAL, Near, suspect

Floats = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Floats:
    made: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def random(count: int, seed: int = 0, spread: float = 1.0) -> Floats:
    rows = np.random.default_rng(seed).normal(scale=spread, size=(count, 12))
    rows[:, 0] += 1
    return unit(rows)


def near(asked: Floats, references: Floats, *, k: int = 20, itself: bool = False) -> Near:
    far = np.linalg.norm(asked[:, None] - references, axis=2)
    if itself:
        np.fill_diagonal(far, np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    return Near(order, np.take_along_axis(far, order, axis=1).astype(np.float32))


def test_a_copy_is_the_most_suspicious_by_every_measure() -> None:
    references = random(80)
    images = np.concatenate([random(9, seed=1), unit(references[:1] + 0.01)])
    found = suspect(near(images, references), near(references, references, itself=True))
    for scores in (found.score, found.plain, found.local):
        assert scores.argmax() == 9
    assert found.reference[9] == 0


def test_a_distance_counts_by_what_is_usual_round_the_reference() -> None:
    crowd, apart = random(40, spread=0.02), -random(40, seed=2, spread=0.4)
    references = np.concatenate([crowd, apart])
    step = unit(np.ones((1, 12)))[0] * 0.05
    images = np.stack([unit(crowd[:1] + step)[0], unit(apart[:1] + step)[0]])
    found = suspect(near(images, references), near(references, references, itself=True))
    assert abs(found.plain[0] - found.plain[1]) < 0.02  # as far from their nearest
    assert found.score[1] > found.score[0] + 0.5  # which is much where none is so near


def test_the_score_is_worked_out_by_hand() -> None:
    around = Near(
        np.array([[1, 2], [0, 2], [0, 1]]), np.array([[0.2, 0.4], [0.2, 0.6], [0.4, 0.6]], "f4")
    )
    images = Near(np.array([[2, 0], [NONE, NONE]]), np.array([[0.25, 0.3], [np.inf] * 2], "f4"))
    found = suspect(images, around)
    np.testing.assert_allclose(found.score[0], np.log(0.5 / 0.25), rtol=1e-5)
    np.testing.assert_allclose(found.local[0], np.log(0.275 / 0.25), rtol=1e-5)
    assert found.reference.tolist() == [2, NONE]
    assert found.score[1] == found.plain[1] == -np.inf
    # held against the others, a reference is none of its neighbours' neighbours
    own = suspect(Near(around.positions[:1], around.distances[:1]), around, np.array([0]))
    np.testing.assert_allclose(own.score[0], np.log(0.6 / 0.2), rtol=1e-5)


def test_what_a_reference_is_copied_by_tells_nothing_of_what_is_usual_round_it() -> None:
    references = random(60)
    copied = np.concatenate([references, unit(references[:1] + 0.001 * random(9, seed=3))])
    image = unit(references[:1] + 0.02)
    around = near(copied, copied, k=30, itself=True)
    plain = suspect(near(image, copied), around)
    without = suspect(near(image, copied), around.without(0.02))
    once = suspect(near(image, references), near(references, references, k=30, itself=True))
    assert without.score[0] > 1 > plain.score[0]
    np.testing.assert_allclose(without.score[0], once.score[0], atol=0.15)


def test_those_without_copies_are_in_order_and_as_many_as_asked_for() -> None:
    both = Near(np.array([[4, 2, 7, 1]]), np.array([[0.1, 0.2, 0.3, 0.4]], "f4"))
    left = both.without(0.2, 3)
    assert left.positions.tolist() == [[7, 1, NONE]]
    assert left.distances[0, :2].tolist() == both.distances[0, 2:].tolist()
    assert both.without(-1.0).positions.tolist() == both.positions.tolist()
    assert TRIED < USUAL
