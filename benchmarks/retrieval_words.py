"""Whether the word that a hit bears is right: by planted copies, and by labels nobody told it.

Of the images that were copied, 24 calibrate, as a collection does; the copies of the others are
told by what that says. So are all pairs of images, whose labels it does not know. Five draws of
the 24.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from vitrail.indexer.vectors.whitening import Moments, Whitening
from vitrail.search.calibration.calibration import (
    FOUND_LEAST,
    FOUND_MOST,
    SAME,
    Calibration,
)
from vitrail.search.calibration.fitting import ORIGINALS
from vitrail.search.calibration.pairs import sample_pairs, without_copies
from vitrail.search.calibration.unseen import FittedOn
from vitrail.search.query import Scale

Floats = NDArray[np.float32]
WORDS = ("copy", "look-alike", "related", "chance")
_DRAWS = 5
_HEADS = ("scores", "asked", *WORDS)


def judged(
    rows: Floats, copies: Mapping[str, Floats], own: NDArray[np.int64], labels: NDArray[np.int64]
) -> dict[str, Any]:
    """The words of copies and of pairs, raw and whitened.

    Args:
        rows: (n, dim) unit rows of the images in one stored space.
        copies: how often each was changed -> (c, dim) rows of copies.
        own: (c,) row of each copy's original.
        labels: (n,) of the images.
    """
    moments = Moments(rows.shape[1])
    moments.add(rows)
    whitening = moments.whitening()
    return {
        "raw": _told(rows, copies, own, labels, None),
        "whitened": _told(
            whitening.apply(rows),
            {how: whitening.apply(each) for how, each in copies.items()},
            own,
            labels,
            _fitted_on(whitening, rows),
        ),
    }


def table(result: Mapping[str, Any]) -> str:
    """Shares of copies by word; of pairs how many bear it, and how many of these are of a kind."""
    lines = [
        [name, asked, *(f"{told['copies'][asked][word]:.0%}" for word in WORDS)]
        for asked in next(iter(result.values()))["copies"]
        for name, told in result.items()
    ]
    lines += [
        [name, "pairs", *(_pairs(told["pairs"][word]) for word in WORDS[:3]), ""]
        for name, told in result.items()
    ]
    return report.table(_HEADS, lines)


def _pairs(told: Mapping[str, float]) -> str:
    return f"{told['pairs']:.0f}, {told['of one kind']:.0%} of one kind" if told["pairs"] else "0"


def _fitted_on(whitening: Whitening, rows: Floats) -> FittedOn:
    return FittedOn(len(rows), whitening.lengths(rows), np.ones(len(rows), np.bool_))


def _told(
    rows: Floats,
    copies: Mapping[str, Floats],
    own: NDArray[np.int64],
    labels: NDArray[np.int64],
    fit: FittedOn | None,
) -> dict[str, Any]:
    near = {how: np.einsum("ij,ij->i", each, rows[own]) for how, each in copies.items()}
    sample = sample_pairs([rows], None, [fit])
    upper = np.triu_indices(len(rows), 1)
    scores, alike = (rows @ rows.T)[upper], labels[upper[0]] == labels[upper[1]]
    words = {how: Counter[str]() for how in near}
    pairs, kinds = Counter[str](), Counter[str]()
    random = np.random.default_rng(0)
    for _ in range(_DRAWS):
        calibrates = np.isin(own, random.permutation(np.unique(own))[:ORIGINALS])
        scale = _scale(sample, near["changed once"][calibrates], len(rows))
        for how, each in near.items():
            words[how].update(_words(scale, each[~calibrates]))
        told = np.array(_words(scale, scores))
        pairs.update(told.tolist())
        kinds.update(told[alike].tolist())
    return {
        "copies": {how: _shares(count) for how, count in words.items()},
        "pairs": {
            word: {"pairs": pairs[word] / _DRAWS, "of one kind": kinds[word] / max(1, pairs[word])}
            for word in WORDS
        },
    }


def _scale(sample: Any, planted: NDArray[np.floating], images: int) -> Scale:
    copies = planted[:, None].astype(np.float32)
    half, most = (
        np.minimum(SAME, np.quantile(copies, 1 - share, axis=0)).astype(np.float32)
        for share in (FOUND_LEAST, FOUND_MOST)
    )
    kept = without_copies(sample, half, images, most)
    kinds = ("",) * len(copies)
    return Calibration(("space",), kept, copies, kinds, images, images).scale({"space": 1.0})


def _words(scale: Scale, scores: NDArray[np.floating]) -> list[str]:
    return [str(scale.closeness(score)) for score in scores.tolist()]


def _shares(count: Counter[str]) -> dict[str, float]:
    return {word: count[word] / count.total() for word in WORDS}


def page(words: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Headings and tables, of each set of images."""
    told = [
        "## Words",
        "Of the images that were copied, 24 calibrate, as a collection does, and the copies of the "
        "others are told by it: how many bear which word. Of all pairs of different images: how "
        "many bear it, and how many of these are of one kind, which nobody told it. Means of five "
        "draws.",
    ]
    for title, result in words:
        told += [f"### {title}", table(result)]
    return told
