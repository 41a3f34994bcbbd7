"""Groups form around keepers, never by way of a third image; the last decision holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.vectors.vector_sets import unit
from vitrail.indexer.catalog.decisions import Decision
from vitrail.search.duplicates.candidates import NEAREST, find_candidates
from vitrail.search.duplicates.decided import Decided, settle
from vitrail.search.duplicates.keepers import (
    MORE,
    NOTHING,
    QUALITY,
    components,
    form_groups,
    in_walking_order,
)

PAIRS_OF_12 = [*combinations(range(12), 2)]
PAIR = st.sampled_from(PAIRS_OF_12)
PAIRS = st.sets(PAIR)


@settings(max_examples=examples(100), derandomize=True)
@given(PAIRS, PAIRS, st.permutations(range(12)), st.sets(st.integers(0, 11), max_size=3))
def test_no_group_chains(
    looked: set[tuple[int, int]],
    more: set[tuple[int, int]],
    order: list[int],
    kept: set[int],
) -> None:
    true = looked | more  # pairs that would be proven, were they looked at
    places = {one: place for place, one in enumerate(order)}

    def prove(keeper: int, copy: int) -> str | None:
        assert places[keeper] < places[copy], "a copy is held against what is kept"
        return "proof" if tuple(sorted((keeper, copy))) in true else None

    groups = form_groups(places, dict.fromkeys(sorted(looked), "proof"), prove, kept=kept)
    members = [one for group in groups for one in (group.keeper, *group.members)]
    assert len(members) == len(set(members)), "an image is in two groups"
    for group in groups:
        assert group.members
        assert not kept & group.members.keys()
        for member in group.members:
            assert tuple(sorted((group.keeper, member))) in true
            assert places[group.keeper] < places[member]
    keepers = {group.keeper for group in groups}
    for pair in looked:  # of two copies one is in a group, or one is kept for its own sake
        better, worse = sorted(pair, key=lambda one: places[one])
        assert {better, worse} & {*members} or worse in kept
    assert groups == sorted(groups, key=lambda group: group.keeper)
    assert len(keepers) == len(groups)


@settings(max_examples=examples(200), derandomize=True)
@given(
    st.dictionaries(PAIR, st.sampled_from((QUALITY, MORE))),
    st.sets(PAIR),
    st.lists(st.integers(0, 4), min_size=12, max_size=12),
    st.permutations(range(12)),
    st.sets(st.integers(0, 11), max_size=2),
    st.sets(PAIR, max_size=3),
)
def test_images_of_the_same_pixels_stay_together(
    proofs: dict[tuple[int, int], int],
    more: set[tuple[int, int]],
    pixels: list[int],
    order: list[int],
    kept: set[int],
    apart: set[tuple[int, int]],
) -> None:
    true = dict.fromkeys(more, MORE) | proofs  # what would be found, were all looked at
    true |= {pair: NOTHING for pair in PAIRS_OF_12 if pixels[pair[0]] == pixels[pair[1]]}
    for pair in apart:
        true.pop(pair, None)
    looked = {pair: loss for pair, loss in true.items() if pair in proofs or loss == NOTHING}
    places = {one: place for place, one in enumerate(order)}

    def prove(keeper: int, copy: int) -> int | None:
        assert places[keeper] < places[copy], "a copy is held against what is kept"
        return true.get((min(keeper, copy), max(keeper, copy)))

    groups = form_groups(places, looked, prove, kept=kept, loss=lambda proof: proof)
    keeper_of = {one: group.keeper for group in groups for one in group.members}
    assert len(keeper_of) == sum(len(group.members) for group in groups), "in two groups"
    assert not kept & keeper_of.keys()
    for group in groups:
        assert all(prove(group.keeper, one) == proof for one, proof in group.members.items())
        if group.keeper in keeper_of:
            assert {*group.members.values()} == {NOTHING}, "a keeper that is a copy, of others' too"
    for (one, other), loss in looked.items():
        better, worse = sorted((one, other), key=lambda image: places[image])
        assert {better, worse} & {*keeper_of, *keeper_of.values()} or worse in kept
        if loss == NOTHING and worse not in kept and not apart:
            assert prove(keeper_of[worse], worse) != MORE, "beside its pixels more would be lost"


def test_a_copy_with_the_same_pixels_as_a_better_one_is_beside_that() -> None:
    places = {i: i for i in range(4)}
    for loss, told in ((MORE, {0: {1, 3}, 1: {2}}), (QUALITY, {0: {1, 2, 3}})):
        proofs = {(0, 1): loss, (0, 2): loss, (1, 2): NOTHING, (0, 3): MORE, (1, 3): MORE}
        groups = form_groups(places, proofs, lambda *pair: proofs.get(pair), loss=lambda one: one)  # noqa: B023 - asked at once
        assert {group.keeper: {*group.members} for group in groups} == told


def test_a_long_chain_costs_no_square() -> None:
    chain = {(i, i + 1): "proof" for i in range(5000)}
    places = {i: i for i in range(5001)}
    asked, told = [], []

    def prove(keeper: int, copy: int) -> str | None:
        asked.append((keeper, copy))
        return chain.get((keeper, copy))

    groups = form_groups(places, chain, prove, on_progress=lambda *where: told.append(where))
    assert len(groups) == 2500
    assert len(asked) <= 2 * len(chain)
    assert told == [(done, 5001) for done in range(1, 5002)], "each image has its place once"


@settings(max_examples=examples(100), derandomize=True)
@given(PAIRS)
def test_pairs_are_walked_once_each_and_connected_ones_together(
    pairs: set[tuple[int, int]],
) -> None:
    walked = in_walking_order(sorted(pairs))
    assert len(walked) == len(pairs)
    assert {*walked} == pairs
    parts = [{*part} for part in components(sorted(pairs))]
    where = [next(n for n, part in enumerate(parts) if pair[0] in part) for pair in walked]
    assert where == sorted(where)
    assert all({*pair} <= parts[n] for pair, n in zip(walked, where, strict=True))


def _decision(number: int, kind: str, *contents: str, undoes: int | None = None) -> Decision:
    at = datetime(2026, 1, 1) + timedelta(minutes=number)
    token = None if undoes is None else f"{undoes:016x}"
    return Decision(f"{number:016x}", at, kind, tuple(sorted(contents)), token)


def test_of_each_pair_the_last_decision_holds_that_is_not_undone() -> None:
    log = [
        _decision(1, "same", "a", "b", "c"),
        _decision(2, "not-duplicates", "a", "b"),
        _decision(3, "keep", "c"),
    ]
    held = settle(log)
    assert held == Decided(
        frozenset({("a", "c"), ("b", "c")}), frozenset({("a", "b")}), frozenset({"c"})
    )
    assert held.says("b", "a") is False
    assert held.says("c", "a") is True
    assert held.says("a", "d") is None
    held = settle([*log, _decision(4, "undo", undoes=2)])
    assert held.says("a", "b") is True, "what was said before holds again"
    held = settle([*log, _decision(4, "undo", undoes=1)])
    assert held.says("a", "c") is None
    assert held.says("a", "b") is False
    assert settle([*log, _decision(4, "undo", undoes=3)]).kept == frozenset()
    assert settle(reversed(log)) == settle(log), "whichever collection is read first"


class _Stored:
    """Vectors by ids that have gaps."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self.dim = rows.shape[1]

    def ids(self) -> np.ndarray:
        return 3 * np.arange(len(self.rows), dtype=np.int64) + 5

    def vectors(self, ids: np.ndarray) -> np.ndarray:
        return np.asarray(self.rows[(ids - 5) // 3])


def test_each_image_is_looked_at_beside_its_nearest_once() -> None:
    stored = _Stored(unit(np.random.default_rng(2).standard_normal((60, 8))))
    found = find_candidates(stored)
    pairs = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert len(pairs) == len(found.first)
    assert all(one < other for one, other in pairs)
    scores = stored.rows @ stored.rows.T
    np.fill_diagonal(scores, -2)
    ids = stored.ids()
    for place, row in enumerate(scores):
        for near in np.argsort(-row)[:NEAREST]:
            assert tuple(sorted((int(ids[place]), int(ids[near])))) in pairs


def test_one_new_image_asks_once() -> None:
    stored = _Stored(unit(np.random.default_rng(2).standard_normal((60, 8))))
    new = stored.ids()[[7]]
    found = find_candidates(stored, asked=new)
    assert len(found.first) == NEAREST
    assert all(int(new[0]) in pair for pair in zip(found.first, found.second, strict=True))


@pytest.mark.parametrize("count", [0, 1])
def test_there_are_no_pairs_of_one_image(count: int) -> None:
    stored = _Stored(unit(np.random.default_rng(2).standard_normal((count, 8))))
    assert not len(find_candidates(stored).first)
