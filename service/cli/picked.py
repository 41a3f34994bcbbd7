"""Which checkpoint of a training to take, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vitrail.service.cli.tables import print_figures, print_remark
from vitrail.service.cli.text import near, shell_word
from vitrail.service.documents.picking import told_of_pick, verdict, word_on

if TYPE_CHECKING:
    from vitrail.search.picking.choosing import CheckpointFigures
    from vitrail.service.operations.pick_records import PickedRun

COLUMNS = ("step", "worth", "95%", "learned", "varied", "stays", "copies", "")
MEANING = (
    "learned: of the way to images as near to the taught ones as these are to one another; "
    "varied: of their variety; stays: of what other prompts drew; worth: the geometric mean of "
    "these and of the share that is no copy"
)


def print_pick(made: PickedRun) -> None:
    """Print what was compared, a row a checkpoint, and which is the best."""
    for line in told_of_pick(made):
        print_remark(line, before="")
    print()
    print_figures([COLUMNS, *rows_of(made)])
    print()
    print_remark(MEANING, before="")
    print()
    print_remark(f"{verdict(made)}.", before="")
    if made.out is not None:
        folder, prompt = shell_word(near(made.out)), shell_word(made.prompts[0])
        print_remark(
            f"the model after step {made.out_step}: vitrail generate {prompt} --model {folder}",
            before="",
        )


def rows_of(made: PickedRun) -> list[tuple[str, ...]]:
    """A row of cells for the beginning and for each checkpoint; see ``COLUMNS``."""
    return [_row(made, one) for one in (made.found.base, *made.found.checkpoints)]


def _row(made: PickedRun, one: CheckpointFigures) -> tuple[str, ...]:
    shares, worth = one.shares, one.worth
    # a share has no number outside of these, whatever its interval by a symmetric law
    low, high = max(0.0, worth.low), min(1.0, worth.high)
    return (
        str(one.step) if one.step else "none",
        f"{worth.value:.2f}",
        f"{low:.2f} to {high:.2f}" if one.step else "",
        percent(shares.learned),
        percent(shares.varied),
        percent(shares.stays),
        "unknown" if one.copied is None else f"{one.copies} of {one.judged}",
        word_on(made, one),
    )


def percent(share: float) -> str:
    """A share as it is printed."""
    return "unknown" if np.isnan(share) else f"{share:.0%}"
