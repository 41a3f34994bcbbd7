"""What ``remove`` is asked to take out: ids, hashes, files, folders and globs."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vitrail.indexer.catalog.contents import contents_of
from vitrail.indexer.catalog.departures import Removed
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.indexer.indexing.globs import Selection
from vitrail.indexer.indexing.options import relative_to
from vitrail.indexer.indexing.roots import ruling_root
from vitrail.indexer.records import KnownFile

_GLOB = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be taken out.

    Attributes:
        ids: images that were named themselves; they leave with all their files.
        paths: files; an image leaves with its last one.
        roots: remembered folders that were named, or lie in one that was; they are forgotten.
        images: how many images leave.
        staying: how many of the files belong to images that stay, because they have others.
    """

    ids: tuple[int, ...]
    paths: tuple[str, ...]
    roots: tuple[str, ...]
    images: int
    staying: int


def plan_removal(collection: CollectionStore, texts: Sequence[str]) -> Removal:
    """Find what texts name: an id, a path, the start of a content hash, a folder, or a glob.

    Globs mean what they mean to ``--exclude``: below the folders that were indexed. One with a
    slash may also be meant from here, or from the root of the file system.

    Raises:
        InputError: one names nothing.
    """
    known = {p: f for p, f in collection.known_files().items() if f.state in ("live", "waiting")}
    folders = [root.path for root in collection.roots()]
    ids: set[int] = set()
    paths: dict[str, None] = {}
    roots: set[str] = set()
    for text in texts:
        found = _named(collection, text, known, folders)
        ids |= found.ids
        paths |= dict.fromkeys(found.paths)
        roots |= found.roots
    whole, staying = _outcome(collection, ids, paths, known)
    return Removal(tuple(sorted(ids)), tuple(paths), tuple(sorted(roots)), whole, staying)


def carry_out(collection: CollectionStore, removal: Removal) -> Removed:
    """Take out what was planned; the files stay on disk, and come back only when they change.

    Raises:
        CollectionError: the collection is not open for writing, or the disk is full.
    """
    if removal.ids:
        collection.remove(removal.ids)
    done = Removed(0, 0)
    if removal.paths or removal.roots:
        done = take_out(collection, removal.paths, roots=removal.roots)
    return Removed(len(removal.ids) + done.images, done.files)


@dataclass(frozen=True, slots=True)
class _Named:
    ids: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()


def _named(
    collection: CollectionStore, text: str, known: Mapping[str, KnownFile], folders: Sequence[str]
) -> _Named:
    path = os.path.abspath(os.path.expanduser(text))
    if not text.isdigit():
        if path in known:
            return _Named(paths=(path,))
        inside = _below(path, known, folders)
        if inside.paths or inside.roots:
            return inside
        if _GLOB.search(text):
            return _matching(text, known, folders)
    try:
        return _Named(frozenset((_resolve(collection, text),)))
    except InputError:
        inside = _below(path, known, folders)
        if text.isdigit() and (inside.paths or inside.roots):  # a folder named as a year
            return inside
        raise


def _resolve(collection: CollectionStore, text: str) -> int:
    """The image that is named, a live one rather than one that waits for its files."""
    try:
        return collection.resolve(text)
    except UnknownImageError:
        with suppress(UnknownImageError):
            return collection.resolve(text, waiting=True)
        raise


def _below(path: str, known: Mapping[str, KnownFile], folders: Sequence[str]) -> _Named:
    inside = os.path.join(path, "")
    roots = frozenset(folder for folder in folders if folder == path or folder.startswith(inside))
    return _Named(paths=tuple(p for p in sorted(known) if p.startswith(inside)), roots=roots)


def _matching(text: str, known: Mapping[str, KnownFile], folders: Sequence[str]) -> _Named:
    below = Selection((), [text])
    anywhere = "/" in text.rstrip("/")
    here = os.path.join(os.getcwd(), os.path.expanduser(text))
    placed = Selection((), [here]) if anywhere else None
    roots = dict.fromkeys(folders, True)

    def matches(path: str) -> bool:
        root = ruling_root(path, roots) or os.path.dirname(path)
        if below.leaves_out(relative_to(path, root)):
            return True
        return placed is not None and placed.leaves_out(path.replace(os.sep, "/").lstrip("/"))

    found = tuple(path for path in sorted(known) if matches(path))
    if not found:
        raise InputError(
            f"{text!r} matches no file of this collection; a glob is matched below the folders "
            "that were indexed, as --exclude does"
        )
    return _Named(paths=found)


def _outcome(
    collection: CollectionStore,
    ids: set[int],
    paths: Mapping[str, None],
    known: Mapping[str, KnownFile],
) -> tuple[int, int]:
    """How many images leave, and how many files leave images that stay."""
    with collection.reading() as connection:  # of hidden images too
        named = set(contents_of(connection, list(ids)))
    held: dict[str, list[str]] = defaultdict(list)
    for path, content in _contents(known):
        held[content].append(path)
    touched = {known[path].content_hash or "" for path in paths} - named
    whole = [content for content in touched if all(path in paths for path in held[content])]
    stay = touched.difference(whole)
    staying = sum(path in paths for content in stay for path in held[content])
    return len(ids) + len(whole), staying


def _contents(known: Mapping[str, KnownFile]) -> Iterator[tuple[str, str]]:
    for path, file in known.items():
        if file.content_hash is not None:
            yield path, file.content_hash
