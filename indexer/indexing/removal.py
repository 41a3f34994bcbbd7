"""What ``remove`` is asked to take out: ids, hashes, files, folders and globs."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vitrail.indexer.catalog.contents import contents_of
from vitrail.indexer.catalog.departures import Removed
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out
from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.globs import PathFilter
from vitrail.indexer.indexing.options import relative_to
from vitrail.indexer.indexing.roots import ruling_root
from vitrail.indexer.records import KnownFile


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be taken out.

    Attributes:
        ids: images that were named themselves; they leave with all their files.
        paths: files; an image leaves with its last one.
        roots: remembered folders that were named, or lie in one that was; they are forgotten.
        images: how many images leave.
        staying: how many of the files belong to images that stay, because they have others.
        files: all that leave: those of the images that were named, then ``paths``.
    """

    ids: tuple[int, ...]
    paths: tuple[str, ...]
    roots: tuple[str, ...]
    images: int
    staying: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """What one of several names stands for: images, files, and remembered folders."""

    ids: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    roots: frozenset[str] = frozenset()


def removable_files(collection: CollectionStore) -> dict[str, KnownFile]:
    """The files that can be taken out, by path: of live images, and of waiting ones."""
    files = collection.known_files().items()
    return {path: file for path, file in files if file.state in ("live", "waiting")}


def plan_named(
    collection: CollectionStore, named: Sequence[Named], known: Mapping[str, KnownFile]
) -> Removal:
    """What leaves when all that is named does.

    Args:
        collection: whose images they are.
        named: what is to be taken out.
        known: as ``removable_files`` gives them.
    """
    ids = {image_id for one in named for image_id in one.ids}
    paths = dict.fromkeys(path for one in named for path in one.paths)
    roots = {root for one in named for root in one.roots}
    with collection.reading() as connection:  # of hidden images too
        contents = set(contents_of(connection, list(ids)))
    whole, staying = _outcome(contents, paths, known)
    own = [path for path, content in _contents(known) if content in contents]
    return Removal(
        ids=tuple(sorted(ids)),
        paths=tuple(paths),
        roots=tuple(sorted(roots)),
        images=len(ids) + whole,
        staying=staying,
        files=tuple(dict.fromkeys([*sorted(own), *paths])),
    )


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


def below(path: str, known: Mapping[str, KnownFile], folders: Sequence[str]) -> Named:
    """All known files below a folder, and the indexed folders that are it or lie in it."""
    inside = os.path.join(path, "")
    roots = frozenset(folder for folder in folders if folder == path or folder.startswith(inside))
    return Named(paths=tuple(p for p in sorted(known) if p.startswith(inside)), roots=roots)


def matching(
    text: str, place: str | None, known: Mapping[str, KnownFile], folders: Sequence[str]
) -> Named:
    """The known files that a glob matches.

    Args:
        text: the glob; it means what it means to ``--exclude``: below the folders.
        place: the same as an absolute path, if it may be meant from a place of its own.
        known: as ``removable_files`` gives them.
        folders: that were indexed.

    Raises:
        InputError: there are none.
    """
    inside = PathFilter((), [text])
    placed = None if place is None else PathFilter((), [place])
    roots = dict.fromkeys(folders, True)

    def matches(path: str) -> bool:
        root = ruling_root(path, roots) or os.path.dirname(path)
        if inside.leaves_out(relative_to(path, root)):
            return True
        return placed is not None and placed.leaves_out(path.replace(os.sep, "/").lstrip("/"))

    found = tuple(path for path in sorted(known) if matches(path))
    if not found:
        raise InputError(
            f"{text!r} matches no file of this collection; a glob is matched below the folders "
            "that were indexed, as --exclude does"
        )
    return Named(paths=found)


def _outcome(
    named: Collection[str], paths: Mapping[str, None], known: Mapping[str, KnownFile]
) -> tuple[int, int]:
    """How many images leave beside those that are named, and how many files those that stay."""
    held: dict[str, list[str]] = defaultdict(list)
    for path, content in _contents(known):
        held[content].append(path)
    touched = {known[path].content_hash or "" for path in paths}.difference(named)
    whole = [content for content in touched if all(path in paths for path in held[content])]
    stay = touched.difference(whole)
    staying = sum(path in paths for content in stay for path in held[content])
    return len(whole), staying


def _contents(known: Mapping[str, KnownFile]) -> Iterator[tuple[str, str]]:
    for path, file in known.items():
        if file.content_hash is not None:
            yield path, file.content_hash
