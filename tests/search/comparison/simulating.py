"""How often intervals hold what they shall, of sets drawn from known distributions."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from vitrail.search.comparison.estimates import Estimate
from vitrail.search.comparison.frechet import (
    FeatureMoments,
    endless_distance,
    frechet_distance,
)
from vitrail.search.comparison.kernel import kernel_distance
from vitrail.search.comparison.manifold import measure
from vitrail.search.comparison.vendi import vendi_estimate

Doubles = NDArray[np.float64]
DIM = 16
SPREAD = 1 / np.sqrt(1 + np.arange(DIM))  # standard deviations, as uneven as those of features


def draw(random: np.random.Generator, count: int, shift: float, narrow: float) -> Doubles:
    """(count, DIM) unit rows around a common direction, as raw features lie."""
    rows = random.standard_normal((count, DIM)) * SPREAD
    rows[:, ::2] *= narrow
    rows[:, 0] += 2.0
    rows[:, 1] += shift
    unit: Doubles = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def measured(a: Doubles, b: Doubles, seed: int) -> dict[str, Estimate]:
    """All measures of two sets."""
    shares = measure(a, b, seed=seed)
    return {
        "frechet": endless_distance(a, b, seed=seed)[1],
        "kernel": kernel_distance(a, b),
        "precision": shares.precision,
        "recall": shares.recall,
        "density": shares.density,
        "coverage": shares.coverage,
        "vendi": vendi_estimate(a, len(a), seed=seed),
    }


def expected(count: int, shift: float, narrow: float, rounds: int) -> dict[str, float]:
    """What each measure is in the mean over many sets; of the Fréchet distance, of huge ones."""
    random = np.random.default_rng(99)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        a, b = draw(random, count, shift, narrow), draw(random, count, 0.0, 1.0)
        values = {name: one.value for name, one in measured_values(a, b).items()}
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    told = {name: float(np.mean(values)) for name, values in found.items()}
    huge = draw(random, 400_000, shift, narrow), draw(random, 400_000, 0.0, 1.0)
    told["frechet"] = frechet_distance(FeatureMoments(huge[0]), FeatureMoments(huge[1]))
    return told


def measured_values(a: Doubles, b: Doubles) -> dict[str, Estimate]:
    """As ``measured``, without working out intervals where that takes long."""
    shares = measure(a, b, rounds=1)
    return {
        "kernel": kernel_distance(a, b),
        "precision": shares.precision,
        "recall": shares.recall,
        "density": shares.density,
        "coverage": shares.coverage,
        "vendi": vendi_estimate(a, len(a), groups=2),
    }


def held(count: int, shift: float, narrow: float, rounds: int) -> dict[str, float]:
    """The share of sets whose interval holds what is expected, by measure."""
    truth = expected(count, shift, narrow, rounds)
    random = np.random.default_rng(1)
    inside: dict[str, list[bool]] = {}
    for seed in range(rounds):
        a, b = draw(random, count, shift, narrow), draw(random, count, 0.0, 1.0)
        for name, one in measured(a, b, seed).items():
            inside.setdefault(name, []).append(one.low <= truth[name] <= one.high)
    return {name: float(np.mean(marks)) for name, marks in inside.items()}


CASES = {
    "100 images, sets that differ": (100, 0.3, 0.8),
    "100 images, sets alike": (100, 0.0, 1.0),
    "150 images, sets that differ": (150, 0.3, 0.8),
    "300 images, sets that differ": (300, 0.3, 0.8),
}
"""Images of each set, how far the first is moved, and how much narrower it is."""
ROUNDS = 1000


def draw_shares(path: str, shares: dict[str, dict[str, float]]) -> None:
    """Draw how often intervals held: a row for each measure, a dot for each case."""
    from matplotlib.figure import Figure

    names = list(next(iter(shares.values())))
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(0.9, 0.98, color="#e6eef5")
    axes.axvline(0.95, color="#888888", linestyle="--", linewidth=1)
    colours = ("#0072B2", "#E69F00", "#009E73", "#D55E00")
    for at, (case, found) in enumerate(shares.items()):
        heights = [row + 0.12 * (at - 1.5) for row in range(len(names))]
        axes.plot(list(found.values()), heights, "o", color=colours[at], label=case, markersize=5)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0.84, 1.005)
    axes.set_xlabel(
        f"share of {ROUNDS:,} simulated pairs of sets whose 95% interval holds the truth"
    )
    axes.legend(frameon=False, fontsize=8, loc="center left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":  # python -m tests.search.comparison.simulating FILE.svg
    draw_shares(sys.argv[1], {name: held(*case, ROUNDS) for name, case in CASES.items()})
