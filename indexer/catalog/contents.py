"""What a collection knows of files and contents."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from vitrail.indexer.catalog.changes import WAITING, WAITING_IMAGES
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.indexer.paths import display, original, raw
from vitrail.indexer.records import KnownFile, RejectRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HASH_START = re.compile(r"[0-9a-f]{6,64}")
_LIVE = "FROM images i ANTI JOIN deletions d ON d.image_id = i.id"
_LIVE_FILES = "FROM files f ANTI JOIN deletions d ON d.image_id = f.image_id"
_HIDDEN = f"SEMI JOIN (SELECT image_id FROM deletions WHERE reason IN {WAITING}) d"
# Whether waiting images are meant, and no live ones -> where they are found.
_IMAGES = {False: _LIVE, True: f"FROM images i {_HIDDEN} ON d.image_id = i.id"}
_FILES = {False: _LIVE_FILES, True: f"FROM files f {_HIDDEN} ON d.image_id = f.image_id"}
Among: TypeAlias = "Collection[str] | None"
"""Content hashes that are asked about; ``None`` for all."""

_LISTED = 5  # of several images that a text names


class ImageFiles(NamedTuple):
    """An image and where it may be found.

    Attributes:
        image_id: its id.
        content_hash: sha256 (hex) of its bytes.
        files: path, size in bytes and modification time in nanoseconds of each of its files.
    """

    image_id: int
    content_hash: str
    files: tuple[tuple[str, int, int], ...]


def files_of_images(connection: DuckDBPyConnection, ids: Sequence[int]) -> list[ImageFiles]:
    """The files of images, present ones first, in the order of ``ids``; unknown ids are skipped."""
    rows = connection.execute(
        "SELECT i.id, i.content_hash, f.path, f.path_raw, f.size, f.mtime_ns "
        "FROM images i LEFT JOIN files f ON f.image_id = i.id "
        "WHERE i.id IN (SELECT unnest(?::BIGINT[])) ORDER BY f.missing, f.path",
        [list(ids)],
    ).fetchall()
    contents: dict[int, str] = {}
    files: dict[int, list[tuple[str, int, int]]] = {}
    for image_id, content, text, data, size, mtime_ns in rows:
        contents[image_id] = content
        if text is not None:
            files.setdefault(image_id, []).append((original(text, data), size, mtime_ns))
    return [ImageFiles(i, contents[i], tuple(files.get(i, ()))) for i in ids if i in contents]


def known_files(
    connection: DuckDBPyConnection, roots: Sequence[str] | None, retried: Iterable[str]
) -> dict[str, KnownFile]:
    """Every path that is, or is under, one of some (or everywhere), as ``os.fsdecode`` gives it.

    Files that were rejected for one of the ``retried`` reasons count as changed.
    """
    inside, parameters = "true", []
    if roots is not None:
        texts = [display(os.path.abspath(root)) for root in roots]
        below = " OR ".join(["starts_with(path, ?)"] * len(texts))
        inside = f"(path IN (SELECT unnest(?::VARCHAR[])) OR {below or 'false'})"
        parameters = [texts, *(text.rstrip(os.sep) + os.sep for text in texts)]
    # A time that no file can have makes one whose image is lost, or a retried one, count as
    # changed.
    rows = connection.execute(
        "SELECT path, path_raw, size, if(i.id IS NULL AND reason IS DISTINCT FROM 'removed', -1, "
        "mtime_ns), f.content_hash, label, CASE WHEN reason IS NULL THEN 'live' "
        "WHEN reason = 'removed' THEN 'removed' ELSE 'waiting' END, missing "
        "FROM files f LEFT JOIN images i ON i.id = f.image_id "
        "LEFT JOIN (SELECT image_id, min(reason) AS reason FROM deletions GROUP BY image_id) d "
        f"ON d.image_id = f.image_id WHERE {inside} UNION ALL "
        "SELECT path, path_raw, size, if(list_contains(?::VARCHAR[], reason), -1, mtime_ns), NULL, "
        f"NULL, 'rejected', false FROM rejects WHERE {inside}",
        [*parameters, list(retried), *parameters],
    ).fetchall()
    return {original(path, data): KnownFile(*rest) for path, data, *rest in rows}


def contents_of(connection: DuckDBPyConnection, ids: Sequence[int]) -> frozenset[str]:
    """Content hashes of images, hidden ones too."""
    rows = connection.execute(
        "SELECT content_hash FROM images WHERE id IN (SELECT unnest(?::BIGINT[]))", [list(ids)]
    ).fetchall()
    return frozenset(row[0] for row in rows)


def content_hashes(connection: DuckDBPyConnection, among: Among = None) -> frozenset[str]:
    """Content hashes of live images: of all, or those among some."""
    return _hashes(connection, f"SELECT content_hash {_LIVE}", among)


def embedded_hashes(connection: DuckDBPyConnection, among: Among = None) -> frozenset[str]:
    """Content hashes of images that need not be embedded again: live and waiting ones."""
    waiting = _hashes(connection, f"SELECT content_hash {WAITING_IMAGES}", among)
    return content_hashes(connection, among) | waiting


def stale_hashes(
    connection: DuckDBPyConnection, version: int, among: Among = None
) -> frozenset[str]:
    """Content hashes of live images whose metadata an older version of the readers has read."""
    sql = f"SELECT content_hash {_LIVE} WHERE read_version IS NULL OR read_version < {version:d}"
    return _hashes(connection, sql, among)


def unclassified_hashes(connection: DuckDBPyConnection, among: Among = None) -> frozenset[str]:
    """Content hashes of live images that have no labels of the checkpoint's head."""
    predicted = "ANTI JOIN (SELECT DISTINCT image_id FROM predictions) p ON p.image_id = i.id"
    return _hashes(connection, f"SELECT content_hash {_LIVE} {predicted}", among)


def _hashes(connection: DuckDBPyConnection, sql: str, among: Among) -> frozenset[str]:
    if among is None:
        return frozenset(connection.execute(sql).fetchnumpy()["content_hash"].tolist())
    if not among:
        return frozenset()
    some = f"SELECT content_hash FROM ({sql}) WHERE content_hash IN (SELECT unnest(?::VARCHAR[]))"
    return frozenset(row[0] for row in connection.execute(some, [list(among)]).fetchall())


def read_rejects(connection: DuckDBPyConnection) -> list[RejectRecord]:
    """Files that could not be indexed, by path."""
    rows = connection.execute(
        "SELECT path, path_raw, size, mtime_ns, reason, detail FROM rejects ORDER BY path"
    ).fetchall()
    return [RejectRecord(original(path, data), *rest) for path, data, *rest in rows]


def resolve(connection: DuckDBPyConnection, text: str, *, waiting: bool = False) -> int:
    """The live image that an id, a path, the start of a content hash or the end of a path names.

    Args:
        connection: to the catalog.
        text: what names it.
        waiting: look among the hidden images instead that wait for their files.

    Raises:
        UnknownImageError: none does.
        InputError: more than one does.
    """
    for find in (by_id, by_path, by_hash, by_ending):
        found = find(connection, text, waiting)
        if found is not None:
            return found
    raise UnknownImageError(
        f"{text!r} is neither an image id, nor an indexed path or the last part of one, nor the "
        "start of a content hash (6 digits or more) in this collection"
    )


def by_id(connection: DuckDBPyConnection, text: str, waiting: bool) -> int | None:
    """The image of an id, if the text is one."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        return None
    rows = connection.execute(
        f"SELECT i.id {_IMAGES[waiting]} WHERE i.id = ?", [int(text)]
    ).fetchall()
    return rows[0][0] if rows else None


def by_path(connection: DuckDBPyConnection, text: str, waiting: bool) -> int | None:
    """The image of a file, by its whole path, or by one from the current folder."""
    path = os.path.abspath(text)
    rows = connection.execute(
        f"SELECT image_id {_FILES[waiting]} WHERE path = ? "
        "AND path_raw IS NOT DISTINCT FROM ?::BLOB",
        [display(path), raw(path)],
    ).fetchall()
    return rows[0][0] if rows else None


def by_hash(connection: DuckDBPyConnection, text: str, waiting: bool) -> int | None:
    """The image whose content hash begins so, given six digits or more.

    Raises:
        InputError: there are several.
    """
    if not _HASH_START.fullmatch(text.lower()):
        return None
    rows = connection.execute(
        f"SELECT i.id {_IMAGES[waiting]} WHERE starts_with(content_hash, ?)", [text.lower()]
    ).fetchall()
    if len(rows) > 1:
        raise InputError(f"{text!r} is the start of {len(rows)} content hashes; give more")
    return rows[0][0] if rows else None


def by_ending(connection: DuckDBPyConnection, text: str, waiting: bool) -> int | None:
    """The image whose path ends in these parts; they are compared part by part.

    Raises:
        InputError: there are several.
    """
    if not text or os.path.isabs(text):
        return None
    ending = os.sep + os.path.normpath(text)
    rows = connection.execute(
        f"SELECT image_id, path, path_raw {_FILES[waiting]} WHERE ends_with(path, ?) ORDER BY path",
        [display(ending)],
    ).fetchall()
    paths: dict[int, str] = {}
    for image_id, path, data in rows:
        if original(path, data).endswith(ending):  # another name's bytes may be shown alike
            paths.setdefault(image_id, path)
    if len(paths) > 1:
        listed = ", ".join(list(paths.values())[:_LISTED])
        more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
        raise InputError(
            f"{text!r} ends the paths of {len(paths)} images: {listed}{more}; give more of the path"
        )
    return next(iter(paths), None)


def ids_of(connection: DuckDBPyConnection, hashes: Sequence[str]) -> dict[str, int]:
    """Content hash -> id of the live images among some contents."""
    rows = connection.execute(
        f"SELECT i.content_hash, i.id {_LIVE} "
        "WHERE i.content_hash IN (SELECT unnest(?::VARCHAR[]))",
        [list(hashes)],
    ).fetchall()
    return dict(rows)


def ids_with_several_files(connection: DuckDBPyConnection) -> list[int]:
    """Ids of the live images of which more than one file was there last time, ascending."""
    rows = connection.execute(
        f"SELECT f.image_id {_LIVE_FILES} WHERE NOT f.missing "
        "GROUP BY f.image_id HAVING count(*) > 1 ORDER BY f.image_id"
    ).fetchall()
    return [row[0] for row in rows]
