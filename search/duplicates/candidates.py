"""Pairs of images that are worth looking at: near in a space, as vectors tell; nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.meetings import HeldVectors, StoredVectors
from vitrail.indexer.vectors.neighbours import OnProgress, neighbours
from vitrail.search.duplicates.gists import SMALL, Packed, PackedGists

Ids = NDArray[np.int64]
NEAREST = 6
"""Neighbours of each image that are looked at; a copy of a copy is met by way of the other."""


_RECALL = 0.95  # of large sets: what is missed from one side is often met from the other
_GIST_NEAREST = 2  # of each image and each part, straight and mirrored
_GIST_ALIKE = 0.8  # correlation


@dataclass(frozen=True, slots=True)
class Candidates:
    """Near pairs.

    Attributes:
        first: (m,) int64 ids, below those of ``second``.
        second: (m,) int64 ids; each pair is there once.
        cosines: (m,) float32.
        recall: the share of the true nearest neighbours that were found, as measured; 1 if all.
    """

    first: Ids
    second: Ids
    cosines: NDArray[np.float32]
    recall: float


def find_candidates(
    vectors: StoredVectors,
    *,
    asked: Ids | None = None,
    allowed: Ids | None = None,
    on_progress: OnProgress = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Candidates:
    """Each image's nearest neighbours, as pairs; memory holds some 100 bytes a pair.

    Args:
        vectors: of all images.
        asked: (n,) int64 ids of the images whose copies are wanted; ``None`` is all.
        allowed: (n,) int64 ids that may be met; ``None`` is all.
        on_progress: told how many images have been asked about, of how many.
        stop: once true, what was found so far is all.

    Raises:
        CollectionError: stored vectors are damaged or cannot be read now.
    """
    answer = neighbours(
        vectors,
        NEAREST,
        asked=asked,
        allowed=allowed,
        recall=_RECALL,
        on_progress=on_progress,
        stop=stop,
    )
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
    for block in answer.blocks:
        rows, columns = np.nonzero(block.neighbours >= 0)
        one, other = block.ids[rows], block.neighbours[rows, columns]
        low, high = np.minimum(one, other), np.maximum(one, other)
        parts.append((low, high, block.cosines[rows, columns]))
    first, second, cosines = (np.concatenate(one) for one in zip(*parts, strict=True))
    _, kept = np.unique(np.stack([first, second], axis=1), axis=0, return_index=True)
    return Candidates(first[kept], second[kept], cosines[kept], answer.recall)


def alike_by_gist(
    gists: Mapping[int, PackedGists], *, stop: Callable[[], bool] = lambda: False
) -> list[tuple[int, int]]:
    """Pairs of images that are alike when very small: whole, mirrored, in a frame or as halves.

    What an encoder sees changes where an image is shrunk to a few pixels, framed as screenshots
    are or set beside another, which these hardly do. Memory holds some 3 KB an image.

    Args:
        gists: image id -> of it and its parts; blank ones are passed over.
        stop: once true, what was found so far is all.

    Returns:
        (id, id), the lesser first, each once, ascending.
    """
    wholes = {i: gist.whole for i, gist in gists.items()}
    inner = {i: gist.inner for i, gist in gists.items() if gist.inner is not None}
    pairs = _alike(wholes, wholes, stop)
    for answering in (wholes, inner):
        pairs |= _alike(inner, answering, stop)
    for number in range(2):
        halves = {i: gist.halves[number] for i, gist in gists.items() if gist.halves}
        pairs |= _alike(halves, wholes, stop)
    return sorted(pairs)


def _alike(
    asking: Mapping[int, Packed], answering: Mapping[int, Packed], stop: Callable[[], bool]
) -> set[tuple[int, int]]:
    """Pairs of those that ask, mirrored or not, and the nearest of those that answer."""
    answers = _held(answering)
    pairs: set[tuple[int, int]] = set()
    for mirrored in (False, True):
        asks = _held(asking, mirrored=mirrored)
        if not len(asks.known) or not len(answers.known):
            continue
        # An image may be its own nearest: mirrored if it is symmetrical.
        answer = neighbours(answers, _GIST_NEAREST + 1, asking=asks, recall=_RECALL, stop=stop)
        for block in answer.blocks:
            near = np.nan_to_num(block.cosines, nan=-1.0) >= _GIST_ALIKE
            for row, column in zip(*np.nonzero(near), strict=True):
                one, other = int(block.ids[row]), int(block.neighbours[row, column])
                if one != other:
                    pairs.add((min(one, other), max(one, other)))
    return pairs


def _held(gists: Mapping[int, Packed], *, mirrored: bool = False) -> HeldVectors:
    """Unit vectors of those that are not blank."""
    ids = np.array(sorted(i for i, gist in gists.items() if gist.any()), np.int64)
    rows = np.zeros((len(ids), SMALL, SMALL), np.float32)
    for row, image_id in zip(rows, ids.tolist(), strict=True):
        gist = gists[image_id].reshape(SMALL, SMALL)
        row[:] = gist[:, ::-1] if mirrored else gist
    flat = rows.reshape(len(ids), SMALL * SMALL)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    return HeldVectors(ids, flat)
