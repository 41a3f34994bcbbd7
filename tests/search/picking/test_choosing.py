"""Which checkpoint is the best, and how sure that is: on sets whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.search.picking.worlds import (
    NULLS,
    SUBJECT,
    base,
    learning,
    near,
    over_trained,
    taught,
)
from vitrail.search.picking.choosing import (
    LEAST_LINE,
    CheckpointShares,
    Comparison,
    compare_checkpoints,
)
from vitrail.search.picking.made_sets import MadeSet, measure


def compared(*made: MadeSet, nulls: np.ndarray = NULLS) -> Comparison:
    seeds = made[0].seeds
    return compare_checkpoints(base(seeds), made, taught(), nulls, 0.01)


def test_the_over_trained_is_told_from_the_good_and_both_from_the_beginning() -> None:
    early, good, over = learning(100, 0.3), learning(300, 0.9), over_trained(900)
    found = compared(early, good, over)
    assert found.picked is not None
    assert (found.picked.step, found.alike) == (300, (300,))
    first, second, last = found.checkpoints
    assert last.fidelity.value > second.fidelity.value  # by which alone it would be chosen
    assert (last.copies, last.judged, last.shares.original) == (16, 16, 0)
    assert (second.copies, second.shares.original) == (0, 1)
    assert last.worth.value == 0
    assert last.shares.stays < 0.1 < 0.9 < second.shares.stays
    assert first.behind is not None
    assert first.behind.low > 0
    assert (second.behind, second.alike) == (None, True)
    assert last.beaten_by == ()  # nearest of all to what was taught, it is on the front
    assert last.shares.learned >= second.shares.learned
    assert found.base.worth.value == 0
    assert found.base.shares.learned == 0


def test_what_is_worse_in_all_is_beaten_and_told_by_whom() -> None:
    found = compared(learning(100, 0.9), over_trained(500), _worse(learning(900, 0.5)))
    assert found.checkpoints[2].beaten_by == (100,)
    assert found.checkpoints[0].beaten_by == ()
    assert found.checkpoints[0].shares.beats(found.checkpoints[2].shares)
    assert not found.checkpoints[0].shares.beats(found.checkpoints[0].shares)


def _worse(made: MadeSet) -> MadeSet:
    return replace(made, others=over_trained(1).others, copying=np.full((2, 8), 0.9))


def test_no_difference_is_shown_between_checkpoints_of_one_kind() -> None:
    found = compared(*(learning(step, 0.8, seed=step) for step in (100, 200, 300)))
    assert found.alike == (100, 200, 300)
    for one in found.checkpoints:
        assert one.worth.low < one.worth.value < one.worth.high


def test_more_seeds_tell_more() -> None:
    few, many = (
        compared(learning(100, 0.6, seeds), learning(200, 0.8, seeds, 9)) for seeds in (4, 32)
    )
    widths = [
        one.checkpoints[0].fidelity.high - one.checkpoints[0].fidelity.low for one in (few, many)
    ]
    assert widths[1] < widths[0] / 2
    assert many.alike == (200,)


def test_an_interval_holds_what_endless_seeds_would_tell() -> None:
    truth = measure(learning(100, 0.6, 4000), base(4000), taught(), None)
    held = {"fidelity": 0, "diversity": 0}
    for seed in range(60):
        found = compared(learning(100, 0.6, 6, seed=100 + seed)).checkpoints[0]
        for name, one, true in (
            ("fidelity", found.fidelity, truth.fidelity),
            ("diversity", found.diversity, truth.diversity),
        ):
            held[name] += one.low <= true <= one.high
    assert min(held.values()) >= 52  # of 60; 57 are expected, and fewer are one in a thousand


def test_too_few_innocent_images_leave_copies_out_and_say_how_many_are_needed() -> None:
    found = compared(learning(100, 0.5), over_trained(900), nulls=NULLS[:50])
    assert (found.line, found.innocent, found.needed) == (None, 50, 99)
    assert all(one.copied is None and one.copies == 0 for one in found.checkpoints)
    assert np.isnan(found.checkpoints[1].shares.original)
    assert found.picked is not None
    assert found.picked.step == 100  # the others tell


def test_where_nothing_was_learned_nothing_is_picked() -> None:
    start = base()
    found = compared(replace(start, step=100), replace(start, step=200))
    assert found.picked is None
    assert found.alike == ()
    assert all(one.shares.learned == 0 for one in found.checkpoints)


def test_nearer_than_the_taught_are_to_one_another_is_no_merit() -> None:
    found = compared(over_trained(900))
    assert found.checkpoints[0].fidelity.value > found.taught.fidelity
    assert found.checkpoints[0].shares.learned == 1


def test_taught_images_that_are_as_far_from_one_another_as_any_are_told_to_be() -> None:
    assert not compared(learning(100, 0.5)).near_at_first
    unlike = np.concatenate([base().subject[0, :5], near(SUBJECT, 0.5, 5, seed=2)])
    found = compare_checkpoints(base(), [learning(100, 0.1)], unlike, NULLS, 0.01)
    assert found.near_at_first


def test_shares_that_nobody_knows_do_not_count() -> None:
    assert CheckpointShares(0.5, 0.5, np.nan, np.nan).worth == pytest.approx(0.5)
    assert CheckpointShares(1, 0.25, np.nan, 1).worth == pytest.approx(0.25 ** (1 / 3))
    assert CheckpointShares(1, 1, 1, 0).worth == 0


def test_no_line_lies_so_low_that_likeness_alone_reaches_it() -> None:
    made = replace(learning(100, 0.5), copying=np.full((2, 8), 0.25))
    found = compared(made, nulls=np.zeros(200))  # strangers that agree in nothing
    assert found.line == LEAST_LINE
    assert found.checkpoints[0].copies == 0
    assert compared(made, nulls=np.linspace(0, 0.7, 200)).line == pytest.approx(0.7, abs=0.01)
