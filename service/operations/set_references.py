"""What a client may name a set of images by, and which images of a commit that are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import InputError
from vitrail.indexer.paths import at_home
from vitrail.indexer.wording import counted, too_few
from vitrail.search.comparison.sufficiency import FEWEST

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot

Ids = NDArray[np.int64]
_LEAST = 10  # images of a set, below which there is nothing to tell


@dataclass(frozen=True, slots=True)
class FilteredSet:
    """The images that an SQL expression over the columns is true of."""

    where: str

    def __str__(self) -> str:
        return self.where


@dataclass(frozen=True, slots=True)
class FolderSet:
    """The images of the collection whose files lie in a folder of this machine, at any depth."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class OtherImages:
    """All images of the collection that are not of the other set."""

    def __str__(self) -> str:
        return "all others"


SetReference: TypeAlias = FilteredSet | FolderSet | OtherImages


def set_of(given: str | os.PathLike[str]) -> FilteredSet | FolderSet:
    """A text is a filter, a path a folder.

    Raises:
        InputError: neither was given.
    """
    if isinstance(given, str):
        return FilteredSet(given)
    if isinstance(given, os.PathLike):
        return FolderSet(os.fspath(given))
    raise InputError(
        f"{type(given).__name__} {repr(given)[:60]} names no set; give a filter as a text, or a "
        "folder as a Path"
    )


def find_sets(snapshot: Snapshot, a: SetReference, b: SetReference, k: int) -> tuple[Ids, Ids]:
    """Ids of both sets, (n,) and (m,) int64 ascending, which have none in common.

    Args:
        snapshot: the commit.
        a: the first set.
        b: the second.
        k: neighbours that both have to have.

    Raises:
        InputError: they have, one is empty or too small, or a filter cannot be understood.
    """
    if isinstance(a, OtherImages):
        raise InputError("the first set is all others; give a filter or a folder for it")
    ours = _ids(snapshot, a, "a")
    theirs = _others(snapshot, ours) if isinstance(b, OtherImages) else _ids(snapshot, b, "b")
    shared = np.intersect1d(ours, theirs, assume_unique=True)
    if len(shared):
        raise InputError(_overlap(len(shared), a, b))
    least = max(_LEAST, k + 2)
    for name, given, ids in (("a", a, ours), ("b", b, theirs)):
        if len(ids) < least:
            raise InputError(
                f"set {name} ({given}): {too_few(len(ids), 'image')} to compare; name at least "
                f"{least}, and {FEWEST} for numbers with intervals"
            )
    return ours, theirs


def _overlap(shared: int, a: SetReference, b: SetReference) -> str:
    told = f"{counted(shared, 'image')} {'is' if shared == 1 else 'are'} in both sets"
    if isinstance(a, FilteredSet) and isinstance(b, FilteredSet):
        return f'{told}; take them out of one, as by --b "({b}) and not ({a})"'
    return f"{told}, which compares them with themselves; name sets that have none in common"


def _others(snapshot: Snapshot, ids: Ids) -> Ids:
    return np.setdiff1d(snapshot.allowed_ids("true"), ids, assume_unique=True)


def _ids(snapshot: Snapshot, given: FilteredSet | FolderSet, name: str) -> Ids:
    if isinstance(given, FolderSet):
        path = os.path.abspath(at_home(given.path))
        # by whichever name it was indexed
        named = tuple(os.path.join(one, "") for one in (path, os.path.realpath(path)))
        found = snapshot.allowed_ids("starts_with(path, ?) OR starts_with(path, ?)", named)
        if not len(found):
            raise InputError(
                f"set {name}: the collection holds no image of the folder {given.path}; index it "
                f"first: vitrail index {given.path}"
            )
        return found
    if not given.where.strip():
        raise InputError(f"the filter of set {name} is empty; give an expression or a folder")
    found = snapshot.allowed_ids(given.where)
    if not len(found):
        hints = "; ".join(snapshot.suggest(given.where)) or "check it with vitrail list --where"
        raise InputError(f"no image passes the filter of set {name} ({given.where}): {hints}")
    return found
