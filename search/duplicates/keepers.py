"""Groups of copies, each around the one that is kept: by evidence against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Proof = TypeVar("_Proof")
_Node = TypeVar("_Node", bound=Hashable)
NOTHING, QUALITY, MORE = range(3)
"""What is lost with a copy whose keeper stays."""


@dataclass(frozen=True, slots=True)
class KeptGroup(Generic[_Proof]):
    """A keeper, and what shows of each other member that it is a copy of it.

    Attributes:
        keeper: id of the image that is kept.
        members: image id -> what shows it, in the order of preference.
    """

    keeper: int
    members: Mapping[int, _Proof] = field(default_factory=dict)


def form_groups(
    places: Mapping[int, int],
    proven: Mapping[tuple[int, int], _Proof],
    prove: Callable[[int, int], _Proof | None],
    *,
    kept: Collection[int] = (),
    loss: Callable[[_Proof], int] = lambda _proof: MORE,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[KeptGroup[_Proof]]:
    """Put images into groups, each around a keeper; nothing is in a group by way of a third.

    Among images that proven pairs connect, the best becomes a keeper and takes those of which
    there is proof against it, asked for of copies of its copies where nobody has looked yet; then
    the best of the rest. Farther ones are not asked for, or a long chain would cost its square.

    Of images with the same pixels that a keeper would take with more loss than of quality, it takes
    the best, round which the others form a group of their own: nothing is lost with these. So an
    image is a member of one group at most, and a keeper beside that only of images with its pixels.

    Args:
        places: image id -> its place, the one to keep first.
        proven: (id, id) -> proof, of pairs that were looked at.
        prove: proof of a pair of keeper and copy, or ``None``.
        kept: ids of images that are in no other's group.
        loss: with a copy of such a proof: ``NOTHING``, which holds from copy to copy, ``QUALITY``
            or ``MORE``.
        on_progress: told how many of the images have their place, and how many there are.

    Returns:
        groups of two or more, in the order of their keepers' ids.
    """
    same = {pair: proof for pair, proof in proven.items() if loss(proof) == NOTHING}
    best: dict[int, int] = {}
    for connected in components(same):
        best |= _round_the_best(connected, places, prove, kept, loss)
    owned: dict[int, list[int]] = defaultdict(list)
    for one, first in best.items():
        owned[first].append(one)
    groups = []
    near = _graph(proven)
    taken: set[int] = set()
    keepers = [
        (keeper, place)
        for connected in components(proven)
        for place in [_in_order(connected, places)]
        for keeper in place
    ]
    for done, (keeper, place) in enumerate(keepers, 1):
        met = set(owned[keeper])
        if keeper not in taken:
            met |= {far for one in near[keeper] for far in (one, *near[one])}
        asked = [one for one in met - taken if place[one] > place[keeper] and one not in kept]
        members: dict[int, _Proof] = {}
        for one in sorted(asked, key=place.__getitem__):
            proof = prove(keeper, one)
            own = best.get(one) == keeper
            if proof is not None and (own or one not in best or loss(proof) <= QUALITY):
                members[one] = proof
        if members:
            groups.append(KeptGroup(keeper, members))
        taken |= members.keys()
        on_progress(done, len(keepers))
    return sorted(groups, key=lambda group: group.keeper)


def _in_order(connected: Iterable[int], places: Mapping[int, int]) -> dict[int, int]:
    """Images, from the one to keep first, and the place of each."""
    ordered = sorted(connected, key=lambda one: places[one])
    return {one: place for place, one in enumerate(ordered)}


def _round_the_best(
    connected: Sequence[int],
    places: Mapping[int, int],
    prove: Callable[[int, int], _Proof | None],
    kept: Collection[int],
    loss: Callable[[_Proof], int],
) -> dict[int, int]:
    """Each of some images that have the same pixels as a better one -> the best such one."""
    best: dict[int, int] = {}
    left = sorted(connected, key=lambda one: places[one])
    while left:
        first, *rest = left
        for one in rest:
            proof = None if one in kept else prove(first, one)
            if proof is not None and loss(proof) == NOTHING:
                best[one] = first
        left = [one for one in rest if one not in best]
    return best


def components(pairs: Iterable[tuple[_Node, _Node]]) -> list[list[_Node]]:
    """Nodes that pairs connect, by way of others too, in the order in which they are first met."""
    near = _graph(pairs)
    met: set[_Node] = set()
    return [_walk(near, start, met) for start in near if start not in met]


def in_walking_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs in such an order that few images have to be in mind at a time, each once."""
    near = _graph(pairs)
    wanted = {tuple(sorted(pair)) for pair in pairs}
    met: set[int] = set()
    ordered = []
    for start in near:
        if start in met:
            continue
        for node in _walk(near, start, met):
            for other in near[node]:
                pair = (node, other) if node < other else (other, node)
                if pair in wanted:
                    wanted.discard(pair)
                    ordered.append(pair)
    return ordered


def _graph(pairs: Iterable[tuple[_Node, _Node]]) -> dict[_Node, list[_Node]]:
    near: dict[_Node, list[_Node]] = defaultdict(list)
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    return dict(near)


def _walk(near: Mapping[_Node, list[_Node]], start: _Node, met: set[_Node]) -> list[_Node]:
    """All that is connected to a node, near ones first; they are met then."""
    found = [start]
    met.add(start)
    for node in found:  # which grows meanwhile
        for other in near[node]:
            if other not in met:
                met.add(other)
                found.append(other)
    return found
