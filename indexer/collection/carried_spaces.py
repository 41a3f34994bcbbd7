"""Derived spaces and default weights in an exported file, and out of it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vitrail.indexer.collection import transforms
from vitrail.indexer.collection.derivation import put, set_default_weights
from vitrail.indexer.errors import InputError
from vitrail.indexer.files.reading import read_bytes
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.spaces import base_of

if TYPE_CHECKING:
    from vitrail.indexer.collection.store import CollectionStore

SPACES = b"vitrail.spaces"


@dataclass(frozen=True, slots=True)
class CarriedSpaces:
    """What an exported file tells of spaces beside its vectors.

    Attributes:
        files: name of a derived space -> its transform, as its file has it.
        weights: what searches weigh where nothing is said; perhaps nothing.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


def told_spaces(collection: CollectionStore) -> bytes:
    """One line of JSON for an exported file.

    Raises:
        UnreadableError: a transform cannot be read now.
        CollectionError: a transform is missing or damaged.
    """
    files = {}
    for space in collection.state.derived:
        transforms.load(collection.directory, space, collection.fingerprint)
        data = read_bytes(transforms.path_of(collection.directory, space))
        files[space.name] = base64.b64encode(data).decode()
    weights = dict(collection.state.chosen_weights)
    if weights.keys() - collection.state.spaces.keys():  # awaited, and of no use elsewhere yet
        weights = {}
    return json.dumps({"derived": files, "weights": weights}).encode()


def carried_spaces(
    metadata: Mapping[bytes, bytes] | None, fingerprint: Fingerprint, path: str
) -> CarriedSpaces:
    """What an exported file tells, held against its encoder.

    Raises:
        InputError: it cannot be understood, or a transform is none of that encoder's.
    """
    text = (metadata or {}).get(SPACES)
    if text is None:
        return CarriedSpaces()
    try:
        told = json.loads(text)
        files = {
            str(name): base64.b64decode(data, validate=True)
            for name, data in dict(told["derived"]).items()
        }
        weights = {str(name): float(weight) for name, weight in dict(told["weights"]).items()}
    except (KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise InputError(f"{path}: what it tells of derived spaces cannot be understood") from error
    for name, data in files.items():
        if base_of(name) is None:
            raise InputError(f"{path} has a transform of {name!r:.100}, which is no derived space")
        transforms.described(name, data, fingerprint)
    known = {*dict(fingerprint.spaces), *files}
    odd = [name for name, w in weights.items() if name not in known or not 0 < w < float("inf")]
    if odd:
        raise InputError(f"{path} weighs the space {odd[0]!r:.100}, which it cannot")
    return CarriedSpaces(files, weights)


def take_spaces(collection: CollectionStore, told: CarriedSpaces) -> tuple[str, ...]:
    """Add the derived spaces that a collection lacks, and the default weights if it has none.

    Returns:
        names of those that it has by another transform, which stays.
    """
    here = {space.name: space.digest for space in collection.state.derived}
    kept = []
    for name, data in told.files.items():
        if name not in here:
            put(collection, name, data)
        elif transforms.digest(data) != here[name]:
            kept.append(name)
    if told.weights and not collection.state.chosen_weights and not kept:
        set_default_weights(collection, told.weights)
    return tuple(kept)
