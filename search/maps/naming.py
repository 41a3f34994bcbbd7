"""Words for clusters: what is said often of their images, and seldom of others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_WORD = re.compile(r"[^\W\d_]{3,}")
_SHARE = 0.2  # of a cluster's images that a word has to be said of
_DULL = frozenset(
    {
        "and",
        "are",
        "for",
        "from",
        "has",
        "her",
        "his",
        "into",
        "its",
        "not",
        "off",
        "one",
        "out",
        "over",
        "that",
        "the",
        "their",
        "this",
        "three",
        "two",
        "under",
        "was",
        "were",
        "which",
        "with",
        "without",
        "img",
        "dsc",
        "jpg",
        "jpeg",
        "png",
        "webp",
        "gif",
        "image",
        "images",
        "photo",
        "photos",
        "picture",
        "pictures",
    }
)


def words_of(text: str) -> set[str]:
    """The words of a prompt, a label or a folder's name, in small letters, without dull ones."""
    return {word for word in _WORD.findall(text.casefold()) if word not in _DULL}


def name_clusters(texts: Sequence[str], members: Ints, count: int) -> list[tuple[str, ...]]:
    """The words that tell each cluster from the others, the most telling first.

    A word counts by the share of the cluster's images that it is said of, times the logarithm of
    how much larger that is than its share of all images (class-based TF-IDF, Grootendorst, 2022).

    Args:
        texts: of each of n images, what is said of it.
        members: (n,) int64 cluster of each.
        count: words of a cluster; up to twice as many where fewer are those of another one, too.

    Returns:
        of each cluster from 0 on; none where nothing is said of a fifth of its images.
    """
    said = [words_of(text) for text in texts]
    overall = Counter(word for words in said for word in words)
    telling = []
    for cluster in range(int(members.max(initial=-1)) + 1):
        own = np.flatnonzero(members == cluster).tolist()
        within = Counter(word for i in own for word in said[i])
        telling.append(_telling(within, len(own), overall, len(texts)))
    return _apart(telling, count)


def _apart(telling: Sequence[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """The first words of each, and as many more as part it from those called by the same ones."""
    names = [words[:count] for words in telling]
    for more in range(count + 1, 2 * count + 1):
        called = Counter(map(frozenset, names))
        names = [
            words[:more] if called[frozenset(name)] > 1 else name
            for name, words in zip(names, telling, strict=True)
        ]
    return names


def places_of(names: Sequence[tuple[str, ...]]) -> list[int]:
    """Which of those called by the same words each is, from 1 on, in whatever order they stand."""
    seen: Counter[frozenset[str]] = Counter()
    places = []
    for name in map(frozenset, names):
        seen[name] += 1
        places.append(seen[name])
    return places


def _telling(
    within: Counter[str], size: int, overall: Counter[str], images: int
) -> tuple[str, ...]:
    scores = {
        word: (times / size) * float(np.log(1 + (times / size) / (overall[word] / images)))
        for word, times in within.items()
        if times >= _SHARE * size and times > 1
    }
    kept: dict[str, str] = {}  # of a noun and its plural, what comes first
    for word in sorted(scores, key=lambda word: (-scores[word], word)):
        kept.setdefault(word.removesuffix("s"), word)
    return tuple(kept.values())
