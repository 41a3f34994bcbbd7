"""The keeper is chosen by what is known of each image, and by frames; why is true of all others."""

from __future__ import annotations

from datetime import datetime
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.search.fakes import described
from vitrail.search.duplicates.ranks import Rank, places, rank, reason

PAIRS = st.sets(st.sampled_from([*combinations(range(8), 2)]))


def test_the_keeper_is_chosen_by_pixels_loss_bytes_age_and_path_and_says_why() -> None:
    plain = described(
        1,
        "/b",
        content_hash="1" * 64,
        width=100,
        height=100,
        bytes=50,
        taken_at=datetime(2020, 1, 2),
    )
    larger = described(2, "/z", width=200, height=100, bytes=10, taken_at=datetime(2024, 1, 1))
    heavier = described(3, "/z", width=100, height=100, bytes=60, taken_at=datetime(2024, 1, 1))
    older = described(4, "/z", width=100, height=100, bytes=50, taken_at=datetime(2019, 1, 1))
    first = described(5, "/a", width=100, height=100, bytes=50, taken_at=datetime(2020, 1, 2))
    for better, why in (
        (larger, "most pixels: 200 × 100"),
        (heavier, "largest file: 60 bytes"),
        (older, "oldest"),
        (first, "the first path"),
    ):
        assert rank(better) < rank(plain)
        assert reason(better, rank(better), [rank(plain)]) == why
    light = described(6, "/z", width=100, height=100, bytes=5, taken_at=datetime(2024, 1, 1))
    assert rank(light, lossless=True) < rank(heavier)
    assert rank(light, lossless=True) > rank(larger)
    why = reason(light, rank(light, lossless=True), [rank(plain), rank(heavier)])
    assert why == "not compressed with loss"
    kept = {plain.content_hash}
    assert rank(plain, kept) < rank(larger, kept)
    assert reason(plain, rank(plain, kept), [rank(larger), rank(older)]) == "you keep it"


def test_what_is_not_true_of_all_others_is_said_of_the_best() -> None:
    png = described(1, "/b", width=100, height=100, bytes=50)
    less = described(2, "/c", width=100, height=100, bytes=40)
    jpeg = described(3, "/a", width=100, height=100, bytes=900)
    ranks = [rank(png, lossless=True), rank(less, lossless=True), rank(jpeg)]
    assert sorted(ranks) == ranks
    assert reason(png, ranks[0], ranks[1:]) == "largest file: 50 bytes, of the best"
    assert reason(png, ranks[0], ranks[1:2]) == "largest file: 50 bytes"
    assert reason(png, ranks[0], ranks[2:]) == "not compressed with loss"


def test_an_image_that_a_frame_is_around_goes_before_it_whatever_their_pixels() -> None:
    picture = described(1, "/b", width=500, height=500)
    framed = described(2, "/a", width=560, height=580)
    cut = described(3, "/c", width=540, height=560)
    larger = described(4, "/d", width=520, height=520)
    ranks = {one.id: rank(one) for one in (picture, framed, cut, larger)}
    assert [*places(ranks)] == [2, 3, 4, 1], "by pixels"
    told = [*places(ranks, [(1, 2), (2, 3)])]
    assert told == [4, 1, 2, 3], "nothing goes before what shows more, or as much at more pixels"
    others = [ranks[i] for i in (2, 3)]
    assert reason(picture, ranks[1], others) == "no frame around it"
    assert reason(larger, ranks[4], [ranks[1]]) == "most pixels: 520 × 520"
    kept = {i: one._replace(free=i != 2) for i, one in ranks.items()}
    assert next(iter(places(kept, [(1, 2)]))) == 2, "but for what the user keeps"


def _ranks(pixels: list[int], kept: int | None) -> dict[int, Rank]:
    return {i: Rank(i != kept, -count, False, 0, "~", "~", i) for i, count in enumerate(pixels)}


@settings(max_examples=examples(200), derandomize=True)
@given(
    st.lists(st.integers(1, 4), min_size=8, max_size=8),
    PAIRS,
    st.permutations(range(8)),
    st.none() | st.integers(0, 7),
    st.booleans(),
)
def test_places_are_an_order_that_pairs_are_heeded_in(
    pixels: list[int], pairs: set[tuple[int, int]], order: list[int], kept: int | None, odd: bool
) -> None:
    ranks = _ranks(pixels, kept)
    before = [(order[one], order[other]) for one, other in sorted(pairs)]
    round_about = [*before, *((other, one) for one, other in before[:2])] if odd else before
    told = places(ranks, round_about)
    assert sorted(told.values()) == [*range(8)], "each has a place of its own"
    assert told == places(ranks, round_about[::-1])
    assert [*places(ranks)] == sorted(ranks, key=ranks.__getitem__)
    if kept is not None:
        assert told[kept] == 0
    if not odd:
        assert all(told[one] < told[other] for one, other in before if other != kept)


def test_in_a_circle_the_best_rank_goes_first_and_after_what_waits_for_none() -> None:
    ranks = _ranks([0, 9, 8, 7, 6], None)
    del ranks[0]
    assert [*places(ranks, [(1, 2), (2, 1)])] == [3, 4, 1, 2]
    assert [*places(ranks, [(3, 1), (1, 2), (2, 1)])] == [3, 4, 1, 2]
    assert [*places(ranks, [(1, 2), (2, 1), (3, 4), (4, 3)])] == [1, 2, 3, 4]
    assert [*places(ranks, [(2, 1), (3, 2), (4, 3), (1, 4)])] == [1, 4, 3, 2]


@settings(max_examples=examples(200), derandomize=True)
@given(
    st.lists(
        st.tuples(*(st.integers(1, 3),) * 2, st.booleans(), *(st.integers(1, 3),) * 2),
        min_size=2,
        max_size=6,
    )
)
def test_why_it_is_kept_is_true_of_all_others(
    known: list[tuple[int, int, bool, int, int]],
) -> None:
    images = [
        described(
            i,
            f"/{'abc'[day - 1]}",
            width=wide,
            height=10,
            bytes=size,
            taken_at=datetime(2020, 1, year),
        )
        for i, (wide, size, _, year, day) in enumerate(known)
    ]
    ranks = [rank(one, lossless=told[2]) for one, told in zip(images, known, strict=True)]
    (first, *others) = sorted(range(len(images)), key=ranks.__getitem__)
    why = reason(images[first], ranks[first], [ranks[i] for i in others])
    mine, rest = images[first], [images[i] for i in others]
    if why.startswith("most pixels"):
        assert all(mine.width > one.width for one in rest)
    elif why == "not compressed with loss":
        assert known[first][2]
        assert not all(known[i][2] for i in others)
    elif why == f"largest file: {mine.bytes} bytes":
        assert all(mine.bytes >= one.bytes for one in rest)
    elif why == "oldest":
        assert all(mine.taken_at <= one.taken_at for one in rest)  # type: ignore[operator]
    elif why == "the first path":
        assert all((mine.path or "") <= (one.path or "") for one in rest)
    else:
        assert why == "indexed first" or why.endswith(", of the best")


@pytest.mark.parametrize("others", [0, 1])
def test_what_the_user_keeps_is_so(others: int) -> None:
    one = described(1, "/a", content_hash="a" * 64)
    ranks = [rank(described(2, "/b"))] * others
    assert reason(one, rank(one, {"a" * 64}), ranks) == "you keep it"
