"""Why an answer has no hits, in a sentence."""

from __future__ import annotations

import numpy as np

from vitrail.search.filters import NO_IMAGES, none_passes
from vitrail.search.retrieval import Ranking, Retrieval


def why_nothing(retrieval: Retrieval, ranking: Ranking) -> str:
    """Tell an empty collection, a filter, the query's own image and a score too high apart.

    Args:
        retrieval: what was asked of which indexes.
        ranking: the answer, empty.
    """
    query, allowed = retrieval.query, retrieval.allowed
    ids = retrieval.all_ids()
    if not len(ids):
        return NO_IMAGES
    if allowed is not None and not len(allowed):
        return none_passes(query.options.where, query.options.only)
    own = np.fromiter(query.exclude, np.int64, len(query.exclude))
    if np.isin(ids if allowed is None else allowed, own).all():
        held = "is in the collection" if allowed is None else "passes the filter"
        return f"only the query's own image {held}"
    least = retrieval.least
    if least is not None and ranking.nearest is not None:
        found = "best" if ranking.exact else "best found"
        by_rate = least != query.options.min_score
        told = (
            f"{least:.4f}, which is max fpr {query.options.max_fpr:g}" if by_rate else f"{least:g}"
        )
        return f"no score reaches {told}; the {found} is {ranking.nearest:.4f}"
    return "nothing was found"
