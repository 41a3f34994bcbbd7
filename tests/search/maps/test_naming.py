from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrail.search.maps.naming import name_clusters, places_of, words_of
from vitrail.service.operations.mapping import MapCluster


def test_words_are_small_and_neither_short_nor_dull_nor_numbers() -> None:
    assert words_of("A photo of THE Red_barn, 2 IMG_1234 née") == {"red", "barn", "née"}


def test_a_cluster_is_named_by_what_is_said_often_of_it_and_seldom_of_others() -> None:
    texts = ["red car street"] * 4 + ["blue car sky"] * 4 + ["green car"]
    names = name_clusters(texts, np.array([0] * 4 + [1] * 4 + [-1]), 2)
    assert names == [("red", "street"), ("blue", "sky")]


def test_clusters_of_the_same_words_have_more_of_them_or_are_told_by_their_place() -> None:
    told = [("red", "car", "day"), ("car", "red", "night"), ("red", "car"), ("sky",)]
    texts = [" ".join(words) for words in told for _ in range(4)] + ["day night sky"] * 20
    members = np.array([0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [-1] * 20)
    names = name_clusters(texts, members, 2)
    assert names == [("car", "red", "day"), ("car", "red", "night"), ("car", "red"), ("sky",)]
    assert places_of([("a", "b"), ("b", "a"), ("a",), (), ("a", "b")]) == [1, 2, 1, 1, 3]
    same = name_clusters(["cat tail"] * 6, np.array([0, 0, 0, 1, 1, 1]), 3)
    assert same == [("cat", "tail")] * 2
    assert places_of(same) == [1, 2]


WORDS = st.lists(st.sampled_from(["cat", "dog", "car", "sky", "sea"]), max_size=4)


@given(st.lists(st.tuples(WORDS, st.integers(0, 5)), min_size=1, max_size=40))
def test_no_two_clusters_are_called_the_same(images: list[tuple[list[str], int]]) -> None:
    members = np.array([cluster for _, cluster in images])
    names = name_clusters([" ".join(words) for words, _ in images], members, 2)
    called = [
        MapCluster(1, words, (), place).name(number)
        for number, (words, place) in enumerate(zip(names, places_of(names), strict=True), 1)
    ]
    assert len({*called}) == len(called)


def test_of_a_noun_and_its_plural_one_is_told() -> None:
    texts = ["face winking faces"] * 4 + ["car"] * 4
    assert name_clusters(texts, np.array([0] * 4 + [1] * 4), 3)[0] == ("face", "winking")


def test_nothing_is_made_of_a_word_that_is_said_once_or_seldom() -> None:
    members = np.zeros(12, np.int64)
    texts = ["cat", "cat", *["" for _ in range(10)]]
    assert name_clusters(texts, members, 3) == [()]
    assert name_clusters(["owl", ""], np.zeros(2, np.int64), 3) == [()]
    assert name_clusters([], np.zeros(0, np.int64), 3) == []
