"""What checkpoints make, in numbers: against sums over pairs, written out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.search.picking.worlds import base, learning, over_trained, taught
from vitrail.search.picking.made_sets import (
    MadeSet,
    measure,
    taught_among_themselves,
    usual_drift,
)


def test_measures_are_means_over_images_and_pairs() -> None:
    made, start, rows = learning(100, 0.6), base(), taught()
    found = measure(made, start, rows, 0.2)
    images = [made.subject[p, s] for p, s in product(range(2), range(8))]
    assert found.fidelity == pytest.approx(np.mean([max(rows @ one) for one in images]), abs=1e-6)
    pairs = [
        1 - made.subject[p, s] @ made.subject[q, t]
        for p, s, q, t in product(range(2), range(8), range(2), range(8))
        if s != t
    ]
    assert found.diversity == pytest.approx(np.mean(pairs), abs=1e-6)
    apart = [1 - made.others[q, s] @ start.others[q, s] for q, s in product(range(2), range(8))]
    assert found.drift == pytest.approx(np.mean(apart), abs=1e-6)
    assert found.copied == 0
    every = np.concatenate([start.subject, start.others])
    across = [
        1 - every[q, s] @ every[r, t]
        for q, r, s, t in product(range(4), range(4), range(8), range(8))
        if q != r
    ]
    assert usual_drift(start) == pytest.approx(np.mean(across), abs=1e-6)


def test_the_taught_images_do_not_count_as_near_to_themselves() -> None:
    rows = taught(5)
    found = taught_among_themselves(rows)
    nearest = [max(rows[i] @ rows[j] for j in range(5) if j != i) for i in range(5)]
    assert found.fidelity == pytest.approx(np.mean(nearest), abs=1e-6)
    assert found.spread == pytest.approx(np.std(nearest, ddof=1), abs=1e-6)
    apart = [1 - rows[i] @ rows[j] for i in range(5) for j in range(5) if i != j]
    assert found.diversity == pytest.approx(np.mean(apart), abs=1e-6)


def test_one_image_again_and_again_has_no_diversity_and_reaches_the_line() -> None:
    found = measure(over_trained(900), base(), taught(), 0.9)
    assert found.fidelity == pytest.approx(1, abs=1e-6)
    assert found.copied == 1
    # two prompts, an image each: pairs across prompts remain
    alone = measure(
        MadeSet(1, *(part[:1] for part in _parts(over_trained(900)))), _first(), taught(), 0.9
    )
    assert alone.diversity == pytest.approx(0, abs=1e-6)


def _parts(made: MadeSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return made.subject, made.others, made.copying


def _first() -> MadeSet:
    return MadeSet(0, *(part[:1] for part in _parts(base())))


def test_what_is_not_known_is_no_number() -> None:
    start, made = base(), learning(100, 0.5)
    none = np.empty((0, 8, made.subject.shape[2]), np.float32)
    alone = MadeSet(100, made.subject, none, np.full((2, 8), np.nan))
    found = measure(alone, MadeSet(0, start.subject, none, alone.copying), taught(), 0.2)
    assert np.isnan(found.drift)
    assert np.isnan(found.copied)
    assert np.isnan(usual_drift(alone))
    assert np.isnan(measure(made, start, taught(), None).copied)
    part = made.copying.copy()
    part[:, 1:] = np.nan
    part[:, 0] = 0.5
    half = MadeSet(100, made.subject, made.others, part)
    assert measure(half, start, taught(), 0.2).copied == 1  # of those that could be told
