from __future__ import annotations

import numpy as np

from vitrail.search.maps.naming import name_clusters, words_of


def test_words_are_small_and_neither_short_nor_dull_nor_numbers() -> None:
    assert words_of("A photo of THE Red_barn, 2 IMG_1234 née") == {"red", "barn", "née"}


def test_a_cluster_is_named_by_what_is_said_often_of_it_and_seldom_of_others() -> None:
    texts = ["red car street"] * 4 + ["blue car sky"] * 4 + ["green car"]
    names = name_clusters(texts, np.array([0] * 4 + [1] * 4 + [-1]), 2)
    assert names == [("red", "street"), ("blue", "sky")]


def test_nothing_is_made_of_a_word_that_is_said_once_or_seldom() -> None:
    members = np.zeros(12, np.int64)
    texts = ["cat", "cat", *["" for _ in range(10)]]
    assert name_clusters(texts, members, 3) == [()]
    assert name_clusters(["owl", ""], np.zeros(2, np.int64), 3) == [()]
    assert name_clusters([], np.zeros(0, np.int64), 3) == []
