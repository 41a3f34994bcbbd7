"""Hits by groups: of each the best one, for images that share a value or are copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from vitrail.search.retrieval import Ids, Ranking, Retrieval

_LEAST = 64  # hits looked at a time


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group that was found.

    Attributes:
        image_id: of its best hit.
        members: (n,) int64 ascending ids of its images, the best hit's among them.
    """

    image_id: int
    members: Ids


class Members(Protocol):
    """Which images belong together."""

    def __call__(self, image_id: int) -> Ids:
        """(n,) int64 ascending ids of the group of an image, perhaps without itself."""


def find_groups(retrieval: Retrieval, members: Members) -> tuple[list[FoundGroup], Ranking]:
    """The best groups, as many as hits are wanted, the group of the best hit first.

    What belongs to a group that was found is taken out of what is searched next, so that a group of
    half the collection hides none of the others, however many are wanted. An image that might
    belong to several is of the one that was found first.

    Args:
        retrieval: what is asked of which indexes.
        members: of an image.

    Returns:
        the groups; and a ranking of their best hits, in the same order.
    """
    k = retrieval.query.options.k
    found: list[FoundGroup] = []
    rankings: list[Ranking] = []
    depth = max(_LEAST, 4 * k)
    rest, taken = retrieval, np.zeros(0, np.int64)
    while True:
        ranking = rest.rank_all(depth)
        new = list(_new_groups(ranking, members, k - len(found), taken))
        found += new
        taken = np.union1d(taken, _members(new))
        places = {image_id: i for i, image_id in enumerate(ranking.ids.tolist())}
        rankings.append(ranking.keep(np.array([places[one.image_id] for one in new], np.intp)))
        if len(found) >= k or len(ranking.ids) < depth:
            return found, _joined(rankings)
        rest = _without(rest, taken)


def _new_groups(
    ranking: Ranking, members: Members, wanted: int, taken: Ids
) -> Iterator[FoundGroup]:
    """The groups of a ranking's images, in the order of their best ones; none shares an image."""
    for image_id in ranking.ids.tolist():
        if wanted <= 0:
            return
        if not np.isin(image_id, taken):
            own = np.setdiff1d(np.union1d(members(image_id), [image_id]), taken)
            taken = np.union1d(taken, own)
            wanted -= 1
            yield FoundGroup(image_id, own)


def _members(groups: list[FoundGroup]) -> Ids:
    return np.concatenate([np.zeros(0, np.int64), *(one.members for one in groups)])


def _without(retrieval: Retrieval, taken: Ids) -> Retrieval:
    left = retrieval.all_ids() if retrieval.allowed is None else retrieval.allowed
    return replace(retrieval, allowed=np.setdiff1d(left, taken))


def _joined(rankings: list[Ranking]) -> Ranking:
    """One ranking after the other; as sure as the least sure of them."""
    first = rankings[0]
    return replace(
        first,
        ids=np.concatenate([one.ids for one in rankings]),
        total=np.concatenate([one.total for one in rankings]),
        scores={s: np.concatenate([one.scores[s] for one in rankings]) for s in first.scores},
        recall=min(one.recall for one in rankings),
        scanned=sum(one.scanned for one in rankings),
    )
