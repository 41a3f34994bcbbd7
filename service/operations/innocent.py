"""Images that copy nothing: what they score by chance, which tells where copies begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.duplicates.evidence import LEAST_AGREEING
from vitrail.search.replication.scoring import Near
from vitrail.service.operations.audit_sample import TRIED, AuditSample

Doubles = NDArray[np.float64]
Ids = NDArray[np.int64]
FEWEST = 50
"""References below which what is usual among them cannot be told."""
INNOCENT = 1000
"""Innocent references that are looked for, to be held against the others."""
_MOST_HELD = 2  # times as many references, of which the others are copies
_LEAST_MORE = 8  # references that are tried at once, where some more are needed


class Held(NamedTuple):
    """References that were held against the others.

    Attributes:
        innocent: (n,) int64 positions of those that are no copies.
        agreeing: (n,) float64 share of the parts of these that agree with another; NaN without a
            file, or by vectors alone.
        copied: copies among those held.
    """

    innocent: Ids
    agreeing: Doubles
    copied: int


def references_of(commit: Snapshot, against: str) -> Ids:
    """The images that may have been copied: (m,) int64 ascending ids.

    Args:
        commit: which has them.
        against: SQL expression over the columns.

    Raises:
        InputError: the filter cannot be used, or too few images fulfil it.
    """
    references = commit.allowed_ids(against)
    if len(references) < FEWEST:
        raise InputError(
            f"{against!r} is fulfilled by {counted(len(references), 'image')}, but what is "
            f"usual among them can be told from {FEWEST} on; index the images that may have been "
            "copied"
        )
    return references


def hold(
    sample: AuditSample,
    references: Ids,
    around: Near,
    *,
    pixels: bool = True,
    enough: int | None = None,
) -> Held:
    """Hold references, drawn at random, against all others, until enough of them are innocent.

    Args:
        sample: reads them.
        references: (m,) int64 ascending ids.
        around: nearest references of each.
        pixels: whether pixels tell which are copies, and otherwise vectors.
        enough: how many innocent ones are wanted; ``None`` is ``INNOCENT``.
    """
    enough = INNOCENT if enough is None else enough
    order = np.random.default_rng(0).permutation(len(references))
    order = order[: _MOST_HELD * enough]
    own, shares = np.empty(0, np.int64), np.empty(0)
    done = told = 0
    while done < len(order) and told < enough:
        some = order[done : done + max(enough - told, _LEAST_MORE)]
        done += len(some)
        theirs = Near(around.positions[some], around.distances[some])
        if pixels:
            found = sample.agreeing(references[some], theirs, references, TRIED).shares
            innocent = ~(found >= LEAST_AGREEING)  # copies: of whom, is another question
        else:
            found = np.full(len(some), np.nan)
            innocent = theirs.distances[:, 0] > sample.copy_distance
        own, shares = np.append(own, some[innocent]), np.append(shares, found[innocent])
        told = int((~np.isnan(shares)).sum()) if pixels else len(own)
    return Held(own, shares, done - len(own))
