"""Comparisons as figures of matplotlib, which is no part of what Vitrail installs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.comparison.layers import LayerSimilarity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = 48
# Okabe and Ito's, which colour-blind people tell apart.
_COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7")


def plot_nearness(scores: NDArray[np.float64], chance: NDArray[np.float64]) -> Figure:
    """How near one set is to another, and the other to itself.

    Args:
        scores: (n,) cosines of the first set's images to the nearest of the second.
        chance: (m,) cosines of the second's images to the nearest other of the second.

    Raises:
        InputError: matplotlib is not installed.
    """
    figure, axes = _figure()
    edges = np.histogram_bin_edges(np.concatenate([scores, chance]), _BARS)
    for values, colour, label in (
        (chance, "#999999", "b: the nearest other image of b"),
        (scores, _COLOURS[0], "a: the nearest image of b"),
    ):
        axes.hist(values, edges.tolist(), density=True, alpha=0.5, color=colour, label=label)
    axes.set_xlabel("cosine")
    axes.set_yticks([])
    axes.legend(frameon=False)
    return figure


def plot_layers(layers: Sequence[LayerSimilarity]) -> Figure:
    """Two images' cosines by layer, a line for each pooling, and what is usual there, dashed.

    Raises:
        InputError: matplotlib is not installed.
    """
    figure, axes = _figure()
    for number, pooling in enumerate(sorted({one.pooling for one in layers})):
        own = [one for one in layers if one.pooling == pooling]
        colour, at = _COLOURS[number % len(_COLOURS)], [one.layer for one in own]
        axes.plot(at, [one.cosine for one in own], color=colour, marker="o", label=pooling)
        if not any(math.isnan(one.usual) for one in own):
            axes.plot(at, [one.usual for one in own], color=colour, linestyle="--", linewidth=1)
    axes.set_xlabel("layer")
    axes.set_ylabel("cosine (dashed: usual)")
    axes.legend(frameon=False)
    return figure


def _figure() -> tuple[Figure, Axes]:
    """An empty figure, which no window and no global state knows."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "matplotlib draws figures, and is not installed; pip install it"
        ) from error
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
