"""A probe as a file: safetensors, with a header of plain JSON that says what it is of."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    classes = tuple(map(str, told["classes"]))
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
    if not (fits and shaped and sound and (probe.scale > 0).all() and probe.temperature > 0):
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


def check_fits(saved: SavedProbe, fingerprint: str, transform: str) -> None:
    """Refuse a probe of vectors that the collection has not.

    Args:
        saved: the probe.
        fingerprint: digest of the collection's encoder.
        transform: of the space that it is asked in; empty of a stored one.

    Raises:
        FingerprintMismatchError: names both.
    """
    remedy = f"learn it anew: `vitrail classify --by probe --labels {saved.column} --refit`"
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
