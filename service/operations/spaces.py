"""Embedding spaces of a collection: those there are, derived ones, and what a search weighs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.errors import CollectionError
from vitrail.indexer.spaces import parse_weights, parse_whitened, whitened_name
from vitrail.service.operations.progress import Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.catalog.derived import DerivedSpace
    from vitrail.indexer.collection.collection_info import SpaceInfo
    from vitrail.indexer.collection.store import CollectionStore

_LONGEST = 1 << 20  # bytes of a transform's header
_log = logging.getLogger("vitrail")


@dataclass(frozen=True, slots=True)
class SpaceList:
    """The spaces that a collection has.

    Attributes:
        images: that each of them has a vector of.
        spaces: by name, stored ones in the encoder's order, then derived ones.
    """

    images: int
    spaces: Mapping[str, SpaceInfo]


@dataclass(frozen=True, slots=True)
class Whitened:
    """What came of whitening.

    Attributes:
        space: that there is now.
        calibrated: whether what its scores mean is known.
    """

    space: DerivedSpace
    calibrated: bool


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


def fit_what_is_awaited(store: CollectionStore) -> None:
    """Fit a whitened space that searches are to weigh; where that fails, the next run tries again.

    Args:
        store: open for writing; what was committed to it stands.
    """
    from vitrail.indexer.collection.derivation import fit_awaited

    try:
        fit_awaited(store)
    except (CollectionError, OSError) as error:
        _log.warning("what was asked is done, but no space was whitened afterwards: %s", error)


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


def whiten_and_calibrate(
    directory: Path,
    space: str,
    *,
    dim: int | None = None,
    default: bool = False,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Whitened:
    """As ``whiten``; then find out what scores of the space mean, without which no hit is a copy.

    Args:
        directory: as of ``whiten``, like ``space``, ``dim`` and ``default``.
        space: see there.
        dim: see there.
        default: see there.
        progress: told of the images that are copied to compare with.
        cancellation: looked at after each of these; the space stays.

    Raises:
        InputError: as ``whiten``.
        CollectionError: as ``whiten``.
    """
    from vitrail.service.operations.calibrating import keep_calibrated
    from vitrail.service.operations.collection import Collection

    made = whiten(directory, space, dim=dim, default=default)
    with Collection.open(directory) as collection:
        return Whitened(made, keep_calibrated(collection, progress, cancellation))
