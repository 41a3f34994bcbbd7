"""A probe as a file: safetensors, with a header of plain JSON that says what it is of."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from vitrail.indexer.collection.probes import pack, unpack
from vitrail.indexer.errors import DamagedError, FingerprintMismatchError
from vitrail.search.classification.probe import LinearProbe

_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class SavedProbe:
    """A probe, and what it was learned from.

    Attributes:
        probe: the probe.
        column: whose values are its labels.
        space: of the rows that it takes.
        fingerprint: digest of their encoder's.
        transform: sha256 of the transform of a derived space; empty of a stored one.
        images: that it was fitted on.
        commit: that they are of.
    """

    probe: LinearProbe
    column: str
    space: str
    fingerprint: str
    transform: str
    images: int
    commit: int


def to_bytes(saved: SavedProbe) -> bytes:
    """A probe's file, with a checksum of all that it holds."""
    told = {
        "probe": _VERSION,
        "column": saved.column,
        "space": saved.space,
        "fingerprint": saved.fingerprint,
        "transform": saved.transform,
        "images": saved.images,
        "commit": saved.commit,
        "classes": list(saved.probe.classes),
        "temperature": saved.probe.temperature,
        "strength": saved.probe.strength,
    }
    own = saved.probe
    arrays = {"mean": own.mean, "scale": own.scale, "weights": own.weights, "bias": own.bias}
    return pack(told, arrays)


def from_bytes(data: bytes) -> SavedProbe:
    """What ``to_bytes`` wrote.

    Raises:
        DamagedError: it is something else, or not what was written.
    """
    told, arrays = unpack(data)
    try:
        return _saved(told, arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(f"it is no probe ({error})") from error


def _saved(told: dict[str, Any], arrays: dict[str, Any]) -> SavedProbe:
    if told["probe"] != _VERSION:
        raise ValueError(f"its version is {json.dumps(told['probe'])}, not {_VERSION}")
    classes = _classes(told["classes"])
    probe = LinearProbe(
        arrays["mean"],
        arrays["scale"],
        arrays["weights"],
        arrays["bias"],
        temperature=float(told["temperature"]),
        strength=float(told["strength"]),
        classes=classes,
    )
    fits = probe.weights.shape == (probe.mean.size, len(classes))
    shaped = probe.mean.shape == probe.scale.shape and probe.bias.shape == (len(classes),)
    sound = all(np.isfinite(one).all() for one in arrays.values())
    if not (fits and shaped and sound and (probe.scale > 0).all() and 0 < probe.temperature < inf):
        raise ValueError("its numbers do not fit")
    return SavedProbe(
        probe,
        str(told["column"]),
        str(told["space"]),
        str(told["fingerprint"]),
        str(told["transform"]),
        int(told["images"]),
        int(told["commit"]),
    )


def _classes(told: Any) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise ValueError("its labels are no texts")
    if len(told) < 2 or len({*told}) < len(told):
        raise ValueError("its labels are too few, or there twice")
    return tuple(told)


def learn_anew(column: str) -> str:
    """The remedy of a kept probe that cannot be used."""
    return (
        f"learn it anew: `vitrail classify --by probe --labels {shlex.quote(column)} --refit` "
        "with the same images"
    )


def check_is_of(saved: SavedProbe, column: str, space: str, dimensions: int) -> None:
    """Refuse a probe that is another one's, under the name of the one that was asked for.

    Args:
        saved: the probe.
        column: that was asked for, in any case.
        space: likewise.
        dimensions: of the space's rows.

    Raises:
        DamagedError: says what it is of.
    """
    if (saved.column.lower(), saved.space) != (column.lower(), space):
        raise DamagedError(f"it is the probe of {saved.column!r:.100} in {saved.space!r:.100}")
    if saved.probe.mean.shape != (dimensions,):
        raise DamagedError(
            f"it takes rows of {saved.probe.mean.size} numbers, and those of {space} have "
            f"{dimensions}"
        )


def check_fits(saved: SavedProbe, fingerprint: str, transform: str) -> None:
    """Refuse a probe of vectors that the collection has not.

    Args:
        saved: the probe.
        fingerprint: digest of the collection's encoder.
        transform: of the space that it is asked in; empty of a stored one.

    Raises:
        FingerprintMismatchError: names both.
    """
    remedy = learn_anew(saved.column)
    if saved.fingerprint != fingerprint:
        raise FingerprintMismatchError(
            f"the probe of column {saved.column!r} was learned from vectors of the encoder "
            f"{saved.fingerprint[:12]}, but this collection's are of {fingerprint[:12]}",
            remedy=remedy,
        )
    if saved.transform != transform:
        raise FingerprintMismatchError(
            f"the probe of column {saved.column!r} was learned in space {saved.space} before that "
            "was fitted anew",
            remedy=remedy,
        )
