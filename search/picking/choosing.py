"""Which of some checkpoints is the best, how sure that is, and which are better in nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import Estimate, half_width, leave_out, spread_of
from vitrail.search.measures import clustered_interval
from vitrail.search.picking.made_sets import (
    Floats,
    Ids,
    MadeSet,
    Measures,
    Taught,
    measure,
    taught_among_themselves,
    usual_drift,
)
from vitrail.search.replication.thresholds import needed_for, threshold

Doubles = NDArray[np.float64]
_NORMAL = NormalDist()
LEAST_LINE = 0.3
"""Below this nothing is held to be a copy, whatever innocent images score.

Images of one subject agree with one another more than those agree that have nothing in common: a
line that is drawn by strangers alone would call each image of the subject a copy. The rate of false
positives is only less by that.
"""
_SAME = 1e-9  # shares that differ by less are the same


class CheckpointShares(NamedTuple):
    """A checkpoint's measures as shares of what could be had, each from 0 to 1; NaN if unknown.

    Attributes:
        learned: of the way from what the subject's prompts made at the beginning to images that
            are as near to the taught ones as these are to one another. Nearer is no merit.
        varied: of the taught images' diversity.
        stays: what is left of what was made of other prompts: 0 where that lies as far from what
            it was as what another prompt makes.
        original: images that are no copies, beyond those that the rate explains.
    """

    learned: float
    varied: float
    stays: float
    original: float

    @property
    def worth(self) -> float:
        """The geometric mean of those that are known: who lacks one wholly is worth nothing."""
        return _geometric_mean(self)

    @property
    def kept(self) -> float:
        """The same of all but what was learned: what learning has cost."""
        return _geometric_mean(self[1:])

    def beats(self, other: CheckpointShares) -> bool:
        """Whether it is worse in nothing, and better in something."""
        ours, theirs = np.nan_to_num(np.array(self)), np.nan_to_num(np.array(other))
        return bool((ours >= theirs - _SAME).all() and (ours > theirs + _SAME).any())


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """What a checkpoint is worth.

    Attributes:
        step: that it follows.
        fidelity: see ``Measures``, with its 95% interval over seeds, as of the following.
        diversity: likewise.
        drift: likewise; ``None`` without prompts that are not of the subject.
        copied: share of copies; ``None`` where no line could be told.
        copies: how many.
        judged: images that were held against the line.
        shares: of what could be had.
        learned: the first of them.
        kept: what learning has left of the others.
        worth: of all of them.
        behind: how much less it is worth than the best, by the same seeds, with bounds that hold
            for all checkpoints at once; ``None`` of the best.
        beaten_by: steps of those that are worse in nothing and better in something.
    """

    step: int
    fidelity: Estimate
    diversity: Estimate
    drift: Estimate | None
    copied: Estimate | None
    copies: int
    judged: int
    shares: CheckpointShares
    learned: Estimate
    kept: Estimate
    worth: Estimate
    behind: Estimate | None
    beaten_by: tuple[int, ...]

    @property
    def alike(self) -> bool:
        """Whether nothing shows that it is worth less than the best; true of that."""
        return self.behind is None or self.behind.low <= 0


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Checkpoints held against one another.

    Attributes:
        taught: what the taught images are to one another.
        usual: drift of an image that keeps nothing of its prompt; NaN without such prompts.
        rate: share of innocent images that may reach the line.
        line: from which an image is held to be a copy; ``None`` where there are too few innocent
            images.
        innocent: images that copy nothing, by which the line is told.
        needed: as many of them have to be there.
        base: the checkpoint at the beginning.
        checkpoints: by step.
        best: its place among these; ``None`` where none is worth anything.
    """

    taught: Taught
    usual: float
    rate: float
    line: float | None
    innocent: int
    needed: int
    base: CheckpointFigures
    checkpoints: tuple[CheckpointFigures, ...]
    best: int | None

    @property
    def near_at_first(self) -> bool:
        """Whether images were as near to the taught ones before as many of these to one another.

        Then there is hardly a way of which a share could be told to be learned.
        """
        return self.base.fidelity.value > self.taught.fidelity - self.taught.spread

    @property
    def picked(self) -> CheckpointFigures | None:
        """The best."""
        return None if self.best is None else self.checkpoints[self.best]

    @property
    def alike(self) -> tuple[int, ...]:
        """Steps that nothing shows to be worth less than the best, it among them."""
        if self.best is None:
            return ()
        return tuple(one.step for one in self.checkpoints if one.alike)


def compare_checkpoints(
    base: MadeSet, made: Sequence[MadeSet], taught: Floats, nulls: Doubles, rate: float
) -> Comparison:
    """Hold checkpoints against what was taught, against their beginning and against one another.

    Intervals are told by leaving out each seed, of all prompts and checkpoints at once (the
    jackknife): seeds are what another run of the same comparison would have otherwise.

    Args:
        base: what the checkpoint at the beginning makes of the set; ``copying`` is not needed.
        made: what 1 checkpoint or more makes of it, of the same 3 seeds or more.
        taught: (m, dim) float32 unit rows, m at least 2.
        nulls: (k,) float64 ``copying`` of images that copy nothing.
        rate: share of these that may be held to be copies, in (0, 1).
    """
    line = threshold(nulls, rate)
    if line is not None:
        line = max(line, LEAST_LINE)
    scale = _Scale(base, taught, line, rate)
    every = [base, *made]
    all_shares = [scale.shares(one) for one in every]
    worths = np.array([one.worth for one in all_shares[1:]])
    best = int(worths.argmax()) if worths.max() > 0 else None
    figures = [
        scale.figures(
            one,
            None if best is None or place in (0, best + 1) else made[best],
            len(made),
            tuple(
                rival.step
                for rival, theirs in zip(made, all_shares[1:], strict=True)
                if theirs.beats(shares)
            ),
        )
        for place, (one, shares) in enumerate(zip(every, all_shares, strict=True))
    ]
    return Comparison(
        taught=scale.taught_themselves,
        usual=usual_drift(base),
        rate=rate,
        line=line,
        innocent=len(nulls),
        needed=needed_for(rate),
        base=figures[0],
        checkpoints=tuple(figures[1:]),
        best=best,
    )


class _Scale:
    """What measures are shares of."""

    def __init__(self, base: MadeSet, taught: Floats, line: float | None, rate: float) -> None:
        self.base, self.taught, self.line, self.rate = base, taught, line, rate
        self.taught_themselves = taught_among_themselves(taught)

    def shares(self, made: MadeSet, seeds: Ids | None = None) -> CheckpointShares:
        """A set's shares, of all seeds or of some."""
        base = self.base if seeds is None else self.base.of(seeds)
        found = self._measures(made, seeds)
        start = self._measures(self.base, seeds).fidelity
        fidelity, diversity, _ = self.taught_themselves
        # where taught images are no more alike than others are to them, sameness is the end
        end = fidelity if fidelity > start else 1.0
        usual = usual_drift(base)
        return CheckpointShares(
            _within((found.fidelity - start) / max(end - start, _SAME)),
            _within(found.diversity / max(diversity, _SAME)),
            np.nan if np.isnan(usual) else _within(1 - found.drift / max(usual, _SAME)),
            _within(1 - (found.copied - self.rate) / (1 - self.rate)),
        )

    def _measures(self, made: MadeSet, seeds: Ids | None) -> Measures:
        if seeds is None:
            return measure(made, self.base, self.taught, self.line)
        return measure(made.of(seeds), self.base.of(seeds), self.taught, self.line)

    def figures(
        self, made: MadeSet, best: MadeSet | None, rivals: int, beaten_by: tuple[int, ...]
    ) -> CheckpointFigures:
        """A set's figures with their intervals, beside the best one's."""
        found = self._measures(made, None)
        shares = self.shares(made)
        behind = None
        if best is not None:
            behind = _estimate(
                lambda seeds: self.shares(best, seeds).worth - self.shares(made, seeds).worth,
                made.seeds,
                at_once=rivals - 1,
            )
        return CheckpointFigures(
            step=made.step,
            fidelity=_estimate(lambda seeds: self._measures(made, seeds).fidelity, made.seeds),
            diversity=_estimate(lambda seeds: self._measures(made, seeds).diversity, made.seeds),
            drift=None
            if np.isnan(found.drift)
            else _estimate(lambda seeds: self._measures(made, seeds).drift, made.seeds),
            copied=None if np.isnan(found.copied) else self._copied(made),
            copies=0 if self.line is None else int((made.copying >= self.line).sum()),
            judged=int((~np.isnan(made.copying)).sum()),
            shares=shares,
            learned=_estimate(lambda seeds: self.shares(made, seeds).learned, made.seeds),
            kept=_estimate(lambda seeds: self.shares(made, seeds).kept, made.seeds),
            worth=_estimate(lambda seeds: self.shares(made, seeds).worth, made.seeds),
            behind=behind,
            beaten_by=beaten_by,
        )

    def _copied(self, made: MadeSet) -> Estimate:
        """The share of copies: images of one seed are alike, so that seeds are drawn together."""
        told = ~np.isnan(made.copying)
        seeds = told.any(axis=0)
        reach = np.where(told, made.copying >= (self.line or 0), False)[:, seeds]
        each = reach.sum(axis=0) / told[:, seeds].sum(axis=0)
        found = clustered_interval(each.astype(np.float64), float(made.copying.shape[0]))
        return Estimate(found.mean, found.low, found.high)


def _estimate(of: Callable[[Ids], float], seeds: int, at_once: int = 1) -> Estimate:
    """A measure of all seeds, with its interval by leaving out each.

    Args:
        of: the measure of some seeds, by their places.
        seeds: how many there are.
        at_once: intervals that are to hold together (Bonferroni).
    """
    value = of(np.arange(seeds))
    alone = leave_out(of, seeds, groups=seeds)
    half = half_width([(spread_of(alone), seeds - 1)])
    half *= _NORMAL.inv_cdf(1 - 0.025 / max(at_once, 1)) / _NORMAL.inv_cdf(0.975)
    return Estimate(value, value - half, value + half)


def _geometric_mean(shares: Sequence[float]) -> float:
    known = np.array([one for one in shares if not np.isnan(one)])
    return float(known.prod() ** (1 / len(known)))


def _within(share: float) -> float:
    return float(np.clip(share, 0, 1))
