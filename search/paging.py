"""An answer page by page: a cursor remembers the last hit, not how many there were before it.

So images that come or go in the meantime neither repeat a hit nor push one out: what is nearer than
the last hit belongs to pages that were given already, whatever is further to those to come.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.search.options import SearchOptions
from vitrail.search.query import Query
from vitrail.search.retrieval import Ranking

_LAYOUT = struct.Struct("<B8sfqI")  # version, digest, score, id, hits seen
_CHECK = struct.Struct("<I")
_VERSION = 1
_MOST = 2**32 - 1
Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended.

    Attributes:
        digest: 8 bytes that tell the query.
        score: of the last hit, as float32.
        id: of the last hit.
        seen: hits up to there, as a hint how deep to look.
    """

    digest: bytes
    score: float
    id: int
    seen: int

    def __str__(self) -> str:
        data = _LAYOUT.pack(_VERSION, self.digest, self.score, self.id, min(self.seen, _MOST))
        return base64.urlsafe_b64encode(data + _CHECK.pack(zlib.crc32(data))).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, query: Query) -> Cursor:
        """The cursor that a text is, of this very query.

        Raises:
            InputError: it is none, or of another query.
        """
        cursor = cls._parse(text)
        if cursor is None:
            raise InputError(
                f"{text[:60]!r} is no cursor that a search gave; take the whole of it, or begin "
                "without one"
            )
        if cursor.digest != digest(query):
            raise InputError(
                f"the cursor {text} is of another query: images, filter and options have to be "
                "those of the page before (only the number of hits may differ); where a space was "
                "fitted anew since, begin without a cursor"
            )
        return cursor

    @classmethod
    def _parse(cls, text: str) -> Cursor | None:
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(data) != _LAYOUT.size + _CHECK.size:
            return None
        head, check = data[: _LAYOUT.size], data[_LAYOUT.size :]
        version, own, score, image_id, seen = _LAYOUT.unpack(head)
        if version != _VERSION or check != _CHECK.pack(zlib.crc32(head)):
            return None
        return cls(own, score, image_id, seen)


def digest(query: Query) -> bytes:
    """8 bytes that differ where the ranking of a query may differ."""
    return _digest(query.options, query.weights, query.exclude, query.vectors, query.negatives)


def _digest(
    options: SearchOptions, weights: Mapping[str, float], exclude: Set[int], *vectors: Vectors
) -> bytes:
    parts = [f"({_told(options)}, {sorted(weights.items())!r}, {sorted(exclude)!r})".encode()]
    for rows in vectors:
        for space in sorted(weights) if rows else ():
            own = np.ascontiguousarray(rows[space], np.float32)
            parts += repr((space, own.shape)).encode(), own.tobytes()
    return hashlib.blake2b(b"".join(parts), digest_size=8).digest()


def _told(options: SearchOptions) -> str:
    """The text of the options but for those that a page may have otherwise.

    It is that of a copy of them, which would be made and checked anew for every answer.
    """
    return (
        f"SearchOptions(k=1, spaces=None, min_score={options.min_score!r}, "
        f"max_fpr={options.max_fpr!r}, where={options.where!r}, only={options.only!r}, "
        f"fusion={options.fusion!r}, exact={options.exact!r}, group_by={options.group_by!r}, "
        f"diverse={options.diverse!r}, sort={options.sort!r}, after=None)"
    )


def _later(query: Query, score: float, image_id: int, seen: int) -> Callable[[], str]:
    """Gives the cursor of a query once somebody asks, as it is now.

    Most never do, and telling a query takes as long as finding what is known of its ten hits.
    """
    options, weights, exclude = query.options, dict(query.weights), frozenset(query.exclude)
    rows, negatives = (
        {space: np.array(own[space], np.float32) for space in weights if own}
        for own in (query.vectors, query.negatives)
    )
    return lambda: str(
        Cursor(_digest(options, weights, exclude, rows, negatives), score, image_id, seen)
    )


def rank_page(
    rank: Callable[[int], Ranking], query: Query, most: int, *, cut: bool
) -> tuple[Ranking, Callable[[], str] | None]:
    """The hits that follow the query's cursor, and what gives that for those that follow them.

    Args:
        rank: gives the best so many images, by falling score and then by id.
        query: whose options tell how many are wanted, and after which.
        most: images that there can be, those that the query leaves out among them.
        cut: whether a ranking may lack some of these, whose score is too low.

    Returns:
        the page; and ``None`` for the cursor where nothing follows.

    Raises:
        InputError: the cursor is none of this query's.
    """
    k, after = query.options.k, query.options.after
    cursor = None if after is None else Cursor.read(after, query)
    seen = 0 if cursor is None else cursor.seen
    # One more is asked for only where it is not sure that there is one: for 11 images an
    # approximate index reads as far as for 100.
    more = int(cut or most <= seen + k + len(query.exclude))
    depth = min(most, seen + k) + more
    while True:
        ranking = rank(depth)
        start = 0 if cursor is None else _following(ranking, cursor)
        if len(ranking.ids) >= start + k + more or len(ranking.ids) < depth:
            break
        more = 1
        depth = min(most, 2 * depth) + more  # images came that are nearer than the cursor's
    all_of_it = start == 0 and len(ranking.ids) <= k
    page = ranking if all_of_it else ranking.keep(slice(start, start + k))
    if len(ranking.ids) < start + k + more:
        return page, None
    return page, _later(query, float(page.total[-1]), int(page.ids[-1]), start + k)


def _following(ranking: Ranking, cursor: Cursor) -> int:
    """Where in a ranking the first hit stands that comes after the cursor's."""
    score = np.float32(cursor.score)
    before = (ranking.total > score) | ((ranking.total == score) & (ranking.ids <= cursor.id))
    return int(np.count_nonzero(before))
