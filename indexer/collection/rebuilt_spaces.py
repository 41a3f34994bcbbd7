"""The derived spaces of a catalog that is made anew."""

from __future__ import annotations

import os

from vitrail.indexer.catalog.derived import DerivedSpace, drop_derived, put_derived, read_derived
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.transform_checks import check_transform
from vitrail.indexer.errors import InputError, UnreadableError
from vitrail.indexer.files.reading import read_bytes, reading
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import whitened_name
from vitrail.indexer.vectors.whitening import Whitening


def keep_sound(transaction: Transaction, directory: str, fingerprint: Fingerprint) -> list[str]:
    """Drop derived spaces whose transforms are lost; a line for each.

    Raises:
        UnreadableError: a transform cannot be read now.
    """
    notes = []
    for space in read_derived(transaction.connection):
        finding = check_transform(directory, space, fingerprint)
        if finding is None:
            continue
        if finding.kind == "unreadable":
            raise UnreadableError(finding.problem)
        drop_derived(transaction, space.name)
        notes.append(
            f"{finding.file}: {finding.problem}; dropped {space.name}: fit it again with "
            f"`{transforms.fitting(space.name)}`"
        )
    return notes


def take_in_found(transaction: Transaction, directory: str, fingerprint: Fingerprint) -> None:
    """Enter the spaces of the transforms that lie there, where no copy tells of any.

    Of several of one name, such as one that was fitted again and the one before, the later counts.

    Raises:
        UnreadableError: a transform cannot be read now.
    """
    found: dict[str, DerivedSpace] = {}
    for path in _paths(os.path.join(directory, transforms.FOLDER)):
        try:
            space = _described(read_bytes(path), fingerprint)
        except InputError:
            continue  # swept by the next writer
        if os.path.basename(path) == space.digest + transforms.SUFFIX:
            held = found.get(space.name, space)
            found[space.name] = max(held, space, key=lambda one: (one.fitted_seq, one.digest))
    for space in found.values():
        put_derived(transaction, space)


def _paths(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    with reading(folder):
        names = sorted(name for name in os.listdir(folder) if name.endswith(transforms.SUFFIX))
    return [os.path.join(folder, name) for name in names]


def _described(data: bytes, fingerprint: Fingerprint) -> DerivedSpace:
    """The space of a transform, whose name its file does not tell but for what it is made of."""
    try:
        found, told = Whitening.read(data)
    except ValueError as error:
        raise InputError(error) from error
    cut = found.width if found.width < found.dim else None
    return transforms.described(whitened_name(str(told.get("base")), cut), data, fingerprint)
