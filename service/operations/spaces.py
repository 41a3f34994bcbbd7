"""Embedding spaces of a collection: those there are, derived ones, and what a search weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.spaces import parse_whitened

if TYPE_CHECKING:
    from vitrail.indexer.catalog.derived import DerivedSpace
    from vitrail.indexer.collection.collection_info import SpaceInfo
    from vitrail.indexer.collection.store import CollectionStore


@dataclass(frozen=True, slots=True)
class SpaceList:
    """The spaces that a collection has.

    Attributes:
        images: that each of them has a vector of.
        spaces: by name, stored ones in the encoder's order, then derived ones.
    """

    images: int
    spaces: Mapping[str, SpaceInfo]


def list_spaces(store: CollectionStore) -> SpaceList:
    """The spaces there are, with widths, shares of a score, and sizes in bytes."""
    info = store.info()
    return SpaceList(info.images, info.spaces)


def arrange_spaces(
    directory: Path, *, default: str | None = None, drop: str | None = None
) -> SpaceList:
    """Drop a derived space, set what a search weighs, and list what there is then.

    Args:
        directory: of the collection.
        default: as ``set_default`` takes it; ``None`` leaves it as it is.
        drop: name of a derived space; ``None`` drops none.

    Raises:
        InputError: there is no such space, or a weight is not above 0.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.service.operations.reading import open_reader

    if drop is not None:
        drop_space(directory, drop)
    if default is not None:
        set_default(directory, default)
    with open_reader(directory) as store:
        return list_spaces(store)


def whiten(
    directory: Path, space: str, *, dim: int | None = None, default: bool = False
) -> DerivedSpace:
    """Add the whitened form of a stored space, fitted on all images, or fit it anew.

    Args:
        directory: of the collection.
        space: the stored one, such as ``gem@9``; or the whitened one, such as ``gem@9/w128``.
        dim: how many dimensions are kept; ``None`` is all.
        default: whether searches shall weigh it alone where nothing is said.

    Raises:
        InputError: there is no such stored space, too few images, or ``dim`` is out of reach.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, a segment is damaged, or the disk is full.
    """
    from vitrail.indexer.collection.derivation import set_default_weights
    from vitrail.indexer.collection.derivation import whiten as add
    from vitrail.indexer.collection.store import CollectionStore

    base, cut = parse_whitened(space)
    with CollectionStore.open(directory, writable=True) as store:
        made = add(store, base, cut if dim is None else dim)
        if default:
            set_default_weights(store, {made.name: 1.0})
        return made


def drop_space(directory: Path, space: str) -> None:
    """Take a derived space out; its vectors are worked out from those that are stored.

    Raises:
        InputError: there is no such derived space.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.derivation import drop
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(directory, writable=True) as store:
        drop(store, space)


def set_default(directory: Path, text: str) -> Mapping[str, float]:
    """Let searches weigh spaces so where nothing is said.

    Args:
        directory: of the collection.
        text: such as ``gem@9/w:0.7,cls@12:0.3``; nothing for all stored spaces, equally.

    Returns:
        the shares that hold now.

    Raises:
        InputError: there is no such space, or a weight is not above 0.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.derivation import set_default_weights
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.spaces import parse_weights

    with CollectionStore.open(directory, writable=True) as store:
        set_default_weights(store, parse_weights(text, store.spaces) if text else {})
        return store.default_weights
