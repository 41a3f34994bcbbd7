"""The derived spaces of a catalog that is made anew."""

from __future__ import annotations

from vitrail.indexer.catalog.derived import (
    DerivedSpace,
    drop_derived,
    put_derived,
    read_default_weights,
    read_derived,
)
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.transform_checks import check_transform
from vitrail.indexer.errors import UnreadableError
from vitrail.indexer.fingerprint import Fingerprint


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
        weights = read_default_weights(transaction.connection)
        drop_derived(transaction, space.name)
        notes.append(
            f"{finding.file}: {finding.problem}; dropped {space.name}: fit it again with "
            f"`{transforms.fitting(space.name, weights)}`"
        )
    return notes


def take_in_found(transaction: Transaction, directory: str, fingerprint: Fingerprint) -> None:
    """Enter the spaces of the transforms that lie there, where no copy tells of any.

    Of several of one name, such as one that was fitted again and the one before, the later counts.

    Raises:
        UnreadableError: a transform cannot be read now.
    """
    latest: dict[str, DerivedSpace] = {}
    for space in transforms.found(directory, fingerprint):
        held = latest.get(space.name, space)
        latest[space.name] = max(held, space, key=lambda one: (one.fitted_seq, one.digest))
    for space in latest.values():
        put_derived(transaction, space)
