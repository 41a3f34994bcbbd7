"""How far an answer can be trusted: do its rows differ, and are its hits nearer than chance's?

Generated query images may be near copies of one another, or of no kind that the collection holds.
Then they agree on hits that are all wrong. So agreement counts only as far as the images differ,
and their nearest images are compared with those of unrelated prompts, and with the distances within
the collection itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.search.query import NO_EVIDENCE, Evidence, Verdict
from vitrail.search.ranking import overlap
from vitrail.search.retrieval import Floats, Ids, Ranking, Retrieval, Row

SAMPLE = 64  # images that stand for the collection; evenly spaced, so that an answer is repeatable
GOOD, DOUBTFUL = 0.05, 0.25  # how often chance may do as well


def weigh(retrieval: Retrieval, rankings: Sequence[Ranking]) -> Evidence:
    """The evidence for an answer.

    Args:
        retrieval: what was asked of which indexes.
        rankings: of the query's single rows; empty for one row.
    """
    query = retrieval.query
    if query.rows < 2 and not query.background:
        return NO_EVIDENCE
    # every image counts here, however far it is; and a hundred full scans would tell no more
    everything = replace(query.options, exact=False)
    retrieval = replace(retrieval, query=replace(query, options=everything), least=None)
    sample = _sample(retrieval)
    evidence = _agree(retrieval, rankings, sample)
    return _compare(retrieval, evidence, sample) if query.background else evidence


def verdict(nearer_than: int, background: int) -> Verdict | None:
    """What a rank test says: the chance that one more unrelated row would be as near."""
    if not background:
        return None
    chance = (background - nearer_than + 1) / (background + 1)
    if chance <= GOOD:
        return "good"
    return "doubtful" if chance <= DOUBTFUL else "noise"


def mean_distance(rows: Mapping[str, Floats], weights: Mapping[str, float]) -> float | None:
    """Mean over all pairs of rows of 1 - cosine, weighted over spaces; ``None`` below two rows."""
    count = len(next(iter(rows.values())))
    if count < 2:
        return None
    pairs = np.triu_indices(count, k=1)
    cosines = [weight * (rows[s] @ rows[s].T)[pairs] for s, weight in weights.items()]
    return float(np.mean(1 - np.sum(cosines, axis=0)))


def _agree(retrieval: Retrieval, rankings: Sequence[Ranking], sample: Ids) -> Evidence:
    """How far the rows agree, and how far they differ."""
    query = retrieval.query
    shared = overlap([row.ids.tolist() for row in rankings], query.options.k)
    if shared is None:
        return Evidence()
    usual = mean_distance(_stored(retrieval, sample), query.weights)
    own = mean_distance(query.vectors, query.weights)
    if not usual or usual < np.finfo(np.float32).eps or own is None:
        return Evidence(overlap=shared)
    spread = max(0.0, own / usual)
    return Evidence(overlap=shared, spread=spread, agreement=shared * min(1.0, spread))


def _compare(retrieval: Retrieval, evidence: Evidence, sample: Ids) -> Evidence:
    """How near the nearest images are, beside the background's and the collection's own."""
    query = retrieval.query
    near = _nearest(retrieval, query.vectors)
    if near is None or query.background is None:
        return evidence
    others = _nearest(retrieval, query.background)
    nearness = float(near.mean())
    less = 0 if others is None else int(np.count_nonzero(others < nearness))
    count = 0 if others is None else len(others)
    own = _own_nearest(retrieval, sample)
    return replace(
        evidence,
        nearness=nearness,
        inside=None if own is None else float(np.mean(own <= nearness)),
        nearer_than=less,
        background=count,
        verdict=verdict(less, count),
    )


def _nearest(retrieval: Retrieval, rows: Mapping[str, Floats]) -> NDArray[np.float32] | None:
    """(n,) float32 score of the nearest image of each row; ``None`` where there is none."""
    count = len(next(iter(rows.values())))
    found = [retrieval.rank(_row(retrieval, rows, i), 1).total for i in range(count)]
    if not found or not all(len(total) for total in found):
        return None
    return np.concatenate(found)


def _own_nearest(retrieval: Retrieval, sample: Ids) -> NDArray[np.float32] | None:
    """(n,) float32 score of the nearest other image of each in the sample."""
    rows = _stored(retrieval, sample)
    found = []
    for i, image_id in enumerate(sample.tolist()):
        ranking = retrieval.rank(_row(retrieval, rows, i), 2)
        found.append(ranking.total[ranking.ids != image_id][:1])
    scores = np.concatenate(found) if found else np.zeros(0, np.float32)
    return scores if len(scores) else None


def _sample(retrieval: Retrieval) -> Ids:
    """Up to ``SAMPLE`` of the ids that can be hits, evenly spaced."""
    known = [index.ids() for index in retrieval.indexes.values()]
    if retrieval.allowed is not None:
        known.append(retrieval.allowed)
    ids = known[0]
    for more in known[1:]:  # indexes of two spaces may be of two commits
        ids = np.intersect1d(ids, more)
    return ids[evenly_spaced(len(ids), SAMPLE)]


def _stored(retrieval: Retrieval, ids: Ids) -> dict[str, Floats]:
    return {space: retrieval.indexes[space].vectors(ids) for space in retrieval.query.weights}


def _row(retrieval: Retrieval, rows: Mapping[str, Floats], i: int) -> Row:
    return {space: rows[space][i : i + 1] for space in retrieval.query.weights}
