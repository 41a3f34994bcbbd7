"""Pairs of images that are worth looking at: near in a space, as vectors tell; nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.vectors.meetings import HeldVectors, StoredVectors
from vitrail.indexer.vectors.neighbours import OnProgress, neighbours

Ids = NDArray[np.int64]
NEAREST = 6
"""Neighbours of each image that are looked at; a copy of a copy is met by way of the other."""


_RECALL = 0.95  # of large sets: what is missed from one side is often met from the other
_GIST_NEAREST = 2  # of each image, straight and mirrored
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
    gists: Mapping[int, NDArray[np.float32]], *, stop: Callable[[], bool] = lambda: False
) -> list[tuple[int, int]]:
    """Pairs of images that are alike when very small, mirrored or not.

    What an encoder sees changes where an image is shrunk to a few pixels, which these hardly do.
    Memory holds some 2 KB an image.

    Args:
        gists: image id -> (s, s) float32 of mean 0 and length 1; blank ones are passed over.
        stop: once true, what was found so far is all.

    Returns:
        (id, id), the lesser first, each once, ascending.
    """
    ids = np.array(sorted(i for i, gist in gists.items() if gist.any()), np.int64)
    if len(ids) < 2:
        return []
    rows = np.stack([gists[i].ravel() for i in ids.tolist()])
    side = int(np.sqrt(rows.shape[1]))
    turned = rows.reshape(-1, side, side)[:, :, ::-1].reshape(rows.shape)
    plain = HeldVectors(ids, rows)
    pairs: set[tuple[int, int]] = set()
    for asking in (None, HeldVectors(ids, turned)):
        more = int(asking is not None)  # a symmetrical image is its own mirrored one's nearest
        answer = neighbours(plain, _GIST_NEAREST + more, asking=asking, stop=stop)
        for block in answer.blocks:
            near = np.nan_to_num(block.cosines, nan=-1.0) >= _GIST_ALIKE
            for row, column in zip(*np.nonzero(near), strict=True):
                one, other = int(block.ids[row]), int(block.neighbours[row, column])
                if one != other:
                    pairs.add((min(one, other), max(one, other)))
    return sorted(pairs)
