"""Embedding spaces of a collection: those there are, derived ones, and what a search weighs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.spaces import parse_weights, parse_whitened, whitened_name

if TYPE_CHECKING:
    from vitrail.indexer.catalog.derived import DerivedSpace
    from vitrail.indexer.collection.collection_info import SpaceInfo
    from vitrail.indexer.collection.store import CollectionStore

_LONGEST = 1 << 20  # bytes of a transform's header


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


def glimpse_spaces(directory: Path) -> list[str]:
    """Names of the spaces that a collection's files tell of, without opening it: for a shell.

    A derived space that was dropped is among them until the next writer sweeps its file. What
    cannot be read tells nothing.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        marker = json.loads((directory / "vitrail.json").read_text("utf-8"))
        stored = [str(name) for name, _ in marker["fingerprint"]["spaces"]]
        derived = {name for name in _glimpse_derived(directory) if name.split("/")[0] in stored}
        return [*stored, *sorted(derived)]
    return []


def _glimpse_derived(directory: Path) -> Iterator[str]:
    for path in sorted((directory / "transforms").glob("*.safetensors")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            with path.open("rb") as handle:
                length = int.from_bytes(handle.read(8), "little")
                header = json.loads(handle.read(min(length, _LONGEST)))
            told = json.loads(header["__metadata__"]["vitrail"])
            dim, width = header["matrix"]["shape"]
            cuts = width < dim or told.get("cut") == width
            yield whitened_name(str(told["base"]), width if cuts else None)


def arrange_spaces(
    directory: Path, *, default: str | None = None, drop: str | None = None
) -> SpaceList:
    """Drop a derived space, set what a search weighs, and list what there is then.

    Args:
        directory: of the collection.
        default: such as ``gem@9/w:0.7,cls@12:0.3``; nothing for all stored spaces, equally;
            ``None`` leaves it as it is.
        drop: name of a derived space; ``None`` drops none.

    Raises:
        InputError: there is no such space, or a weight is not above 0; nothing is written.
        CollectionLockedError: another process is writing.
        CollectionError: there is no collection, or the disk is full.
    """
    from vitrail.indexer.collection.derivation import drop as take_out
    from vitrail.indexer.collection.derivation import set_default_weights
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.service.operations.reading import open_reader

    if default is not None or drop is not None:
        with CollectionStore.open(directory, writable=True) as writer:
            left = [space for space in writer.spaces if space != drop]
            weights = parse_weights(default, left) if default else {}  # before anything is dropped
            if drop is not None:
                take_out(writer, drop)
            if default is not None:
                set_default_weights(writer, weights)
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
