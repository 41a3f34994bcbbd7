"""What the catalog knows of what a batch names, looked up before its transaction begins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vitrail.indexer.catalog.changes import KEYS, LIVE, SAME, WAITING_IMAGES, next_id, path_keys
from vitrail.indexer.catalog.transaction import Transaction


@dataclass(frozen=True, slots=True)
class KnownPaths:
    """Paths that a batch names, as the catalog knows them.

    Attributes:
        files: path -> id of the image that its file was, and when that was first seen.
        rejects: those of rejected files.
    """

    files: Mapping[str, tuple[int, datetime]]
    rejects: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownContent:
    """Content hashes that a batch names, as the catalog knows them.

    Attributes:
        live: hash -> id of the live image.
        waiting: hash -> id of a hidden image that may come back; see ``departures``.
        removed: hash -> id that files of removed content hang on.
        removed_by: hash -> the commit that removed it.
        next_id: the first id never used or reserved.
    """

    live: dict[str, int]
    waiting: dict[str, int]
    removed: dict[str, int]
    removed_by: dict[str, int]
    next_id: int


def look_up(transaction: Transaction, hashes: Iterable[str]) -> KnownContent:
    """Find which contents are known, and the next free id."""
    wanted = [list(set(hashes))]
    among = "IN (SELECT unnest(?::VARCHAR[]))"
    live = transaction.rows(f"SELECT content_hash, i.id {LIVE} WHERE content_hash {among}", wanted)
    waiting = transaction.rows(
        f"SELECT content_hash, id {WAITING_IMAGES} WHERE content_hash {among} ORDER BY id", wanted
    )
    removed = transaction.rows(
        "SELECT content_hash, image_id, d.seq FROM files JOIN "
        "(SELECT image_id, seq FROM deletions WHERE reason = 'removed') d USING (image_id) "
        f"WHERE content_hash {among} ORDER BY image_id",
        wanted,
    )
    return KnownContent(
        live=dict(live),
        waiting=dict(waiting),
        removed={content: image_id for content, image_id, _ in removed},
        removed_by={content: seq for content, _, seq in removed},
        next_id=next_id(transaction),
    )


def look_up_paths(transaction: Transaction, paths: Collection[str]) -> KnownPaths:
    """Find what is known at some paths."""
    listed = list(dict.fromkeys(paths))
    keys = path_keys(listed)
    named = dict(zip(zip(*keys, strict=True), listed, strict=True))
    found: dict[str, tuple[int, datetime]] = {}
    for text, data, image_id, seen in transaction.rows(
        f"SELECT t.path, t.path_raw, image_id, first_seen FROM files t JOIN {KEYS} ON {SAME}", keys
    ):
        found[named[text, None if data is None else bytes(data)]] = (image_id, seen)
    rejected = transaction.rows(
        f"SELECT t.path, t.path_raw FROM rejects t JOIN {KEYS} ON {SAME}", keys
    )
    rejects = {named[text, None if data is None else bytes(data)] for text, data in rejected}
    return KnownPaths(found, frozenset(rejects))
