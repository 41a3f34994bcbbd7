"""Spaces derived from stored ones: fitted, dropped, and weighed where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from vitrail.indexer.catalog.derived import (
    DerivedSpace,
    drop_derived,
    put_default_weights,
    put_derived,
)
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.spaces import base_of, parse_whitened, whitened_name
from vitrail.indexer.vectors.whitening import Moments, Whitening, least_rows


def fit(collection: CollectionStore, base: str, cut: int | None = None) -> Whitening:
    """The whitening of a stored space, fitted on all images of a commit; nothing is written.

    Args:
        collection: open for reading or writing.
        base: name of the stored space.
        cut: how many directions are kept; ``None`` is all.

    Raises:
        InputError: there is no such stored space, too few images, or ``cut`` is out of reach.
        CollectionError: a segment is damaged or cannot be read now.
    """
    widths = dict(collection.fingerprint.spaces)
    if base not in widths:
        raise InputError(
            f"space {base!r} is not stored in this collection, which has {', '.join(widths)}; "
            f"`vitrail reembed --space {base}` stores it"
        )
    moments = Moments(widths[base])
    for _, rows in collection.snapshot().blocks(base):
        moments.add(rows)
    return moments.whitening(cut)


def whiten(collection: CollectionStore, base: str, cut: int | None = None) -> DerivedSpace:
    """Add the space ``base/w``, or ``base/w128`` with a cut, or fit it anew; durable on return.

    Args:
        collection: open for writing.
        base: name of the stored space.
        cut: how many directions are kept; ``None`` is all.

    Raises:
        InputError: there is no such stored space, too few images, or ``cut`` is out of reach;
            nothing is written.
        CollectionError: not open for writing, a segment is damaged, or the disk is full.
    """
    images, seq = len(collection), collection.state.seq
    fitted = fit(collection, base, cut)
    data = transforms.to_file(fitted, base, collection.fingerprint, images, seq, cut)
    return put(collection, whitened_name(base, cut), data)


def put(collection: CollectionStore, name: str, data: bytes) -> DerivedSpace:
    """Add a derived space by the transform that its file holds, or replace the one of its name.

    Args:
        collection: open for writing.
        name: of the space.
        data: as ``transforms.to_file`` makes it.

    Raises:
        InputError: it is no transform of such a space of this encoder; nothing is written.
        CollectionError: not open for writing, or the disk is full.
    """
    if base_of(name) is None:
        raise InputError(f"space {name!r:.100} is stored, and needs no transform; name it gem@9/w")
    space = transforms.described(name, data, collection.fingerprint)
    before = next((one for one in collection.state.derived if one.name == name), None)
    if before != space:
        if collection.writable:  # otherwise the transaction refuses
            # Before the commit that counts: an orphan is swept, a space without one is lost.
            with disk_guard(collection.directory, 2 * len(data)):
                transforms.write(collection.directory, data)
        with collection.transaction("derive") as transaction:
            put_derived(transaction, space)
        _forget_index(collection, before)
    return space


def drop(collection: CollectionStore, name: str) -> None:
    """Take a derived space out; where searches weighed it by default, they weigh all stored ones.

    Raises:
        InputError: the collection has no such derived space.
        CollectionError: not open for writing, or the disk is full.
    """
    derived = {one.name: one for one in collection.state.derived}
    if name not in derived:
        there = f"it has {', '.join(derived)}" if derived else "it has none"
        raise InputError(f"space {name!r} is not derived in this collection; {there}")
    _forget_index(collection, derived[name])
    with collection.transaction("drop space") as transaction:
        drop_derived(transaction, name)
    transforms.sweep(collection.directory, collection.state.derived)


def set_default_weights(collection: CollectionStore, weights: Mapping[str, float]) -> None:
    """Let searches weigh spaces so where nothing is said.

    Args:
        collection: open for writing.
        weights: above 0, by space; none for all stored spaces, equally.

    Raises:
        InputError: the collection has no such space, or a weight is not above 0.
        CollectionError: not open for writing, or the disk is full.
    """
    for name, weight in weights.items():
        if name not in collection.spaces:
            raise InputError(
                f"space {name!r} is not in this collection, which has "
                f"{', '.join(collection.spaces)}"
            )
        if not 0 < weight < float("inf"):
            raise InputError(f"the weight of space {name} is {weight!r}; give a number above 0")
    if dict(weights) != dict(collection.state.chosen_weights):
        with collection.transaction("weigh", tidies=False) as transaction:
            put_default_weights(transaction, weights)


def weigh_once_fitted(collection: CollectionStore, name: str) -> None:
    """Let searches weigh a whitened space alone from when images suffice to fit it.

    Until then they weigh the stored ones. The wish is a commit, so that it outlives whatever
    interrupts the first run; ``fit_awaited`` fulfils it.

    Args:
        collection: open for writing.
        name: such as ``gem@9/w``.

    Raises:
        InputError: it is no whitened form of a stored space.
        CollectionError: not open for writing, or the disk is full.
    """
    base, _ = parse_whitened(name)
    stored = dict(collection.fingerprint.spaces)
    if base not in stored or base == name:
        raise InputError(f"space {name!r} is no whitened form of {', '.join(stored)}")
    with collection.transaction("weigh", tidies=False) as transaction:
        put_default_weights(transaction, {name: 1.0})


def fit_awaited(collection: CollectionStore) -> tuple[DerivedSpace, ...]:
    """Fit the whitened spaces that searches are to weigh and that are not there yet.

    Args:
        collection: open for writing.

    Returns:
        those that were fitted; none where images are too few, do not differ, or nothing is
        awaited.

    Raises:
        CollectionError: a segment is damaged or cannot be read now, or the disk is full.
    """
    state, widths = collection.state, dict(collection.fingerprint.spaces)
    absent = sorted(state.chosen_weights.keys() - state.spaces.keys())
    bases = [base_of(name) or name for name in absent]
    images = len(collection)
    if not all(base in widths and images >= least_rows(widths[base]) for base in bases):
        return ()
    with suppress(InputError):  # the images do not differ
        return tuple(whiten(collection, *parse_whitened(name)) for name in absent)
    return ()


def _forget_index(collection: CollectionStore, space: DerivedSpace | None) -> None:
    """Delete what is cached of a space that is to be another one, or none."""
    if space is None:
        return
    collection.indexes.forget(space.name)
    files = collection.indexes.files(space.name, collection.state)
    files.remove(files.generations())
