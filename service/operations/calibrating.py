"""Calibrating a collection: what its scores mean, found out and kept beside its indexes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    CollectionError,
    FingerprintMismatchError,
    InputError,
)
from vitrail.indexer.wording import too_few
from vitrail.search.calibration.calibration import FEWEST, Calibration
from vitrail.search.calibration.calibration_file import (
    calibration_path,
    near_in_size,
    read_calibration,
    write_calibration,
)
from vitrail.search.calibration.fitting import (
    PlantedCopies,
    can_plant,
    fit_calibration,
    plant_copies,
)
from vitrail.search.calibration.histogram import Histogram, spread
from vitrail.search.derived import with_derived
from vitrail.search.images import embed_images
from vitrail.search.options import shares
from vitrail.search.query import Scale
from vitrail.service.operations.progress import CalibrationProgress, Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.collection import Collection

RATES = (0.1, 0.01, 0.001, 0.0001, 0.00001, 0.000001)  # whose scores are shown


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of calibrating.

    Attributes:
        calibration: of all the collection's spaces.
        kept: whether it lies beside the indexes now.
    """

    calibration: Calibration
    kept: bool


@dataclass(frozen=True, slots=True)
class WordMeaning:
    """From which score on a word holds.

    Attributes:
        word: such as ``copy``.
        score: the least; ``None`` for the word below all others.
        rate: the false-positive rate there.
        found: which share of the planted copies reaches it; ``None`` without any.
    """

    word: str
    score: float | None
    rate: float | None = None
    found: float | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What scores mean for some weights of spaces.

    Attributes:
        weights: space name -> share.
        scale: the same as of a search.
        labelled: whether pairs of one label were left out.
        copies_apart: how many of copies were.
        planted: copies that were made.
        words: the closest first.
        rates: rates and the scores that they stand for.
        histogram: to be drawn.
    """

    weights: dict[str, float]
    scale: Scale
    labelled: bool
    copies_apart: int
    planted: int
    words: tuple[WordMeaning, ...]
    rates: tuple[tuple[float, float], ...]
    histogram: Histogram


def find_meaning(
    collection: Collection,
    spaces: Mapping[str, float] | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Meaning:
    """Calibrate a collection, and tell what scores of some of its spaces mean.

    Args:
        collection: open.
        spaces: space name -> weight; ``None`` is what the collection has as its default.
        progress: as of ``calibrate``.
        cancellation: as of ``calibrate``.

    Raises:
        InputError: there are too few images, no such space, or a weight that is not above 0.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop.
    """
    weights = shares(spaces or collection.store.default_weights, collection.store.spaces)
    done = calibrate(collection, progress=progress, cancellation=cancellation)
    return explain(done.calibration, weights)


def explain(calibration: Calibration, weights: dict[str, float]) -> Meaning:
    """Which words hold from which scores on, and which scores rates stand for.

    Args:
        calibration: what was found out.
        weights: space name -> share.
    """
    scale = calibration.scale(weights)
    planted = calibration.total(calibration.copies, weights)

    def word(name: str, score: float) -> WordMeaning:
        (rate,) = calibration.false_positive_rate(np.array([score]), weights)
        found = float(np.mean(planted >= score)) if len(planted) else None
        return WordMeaning(name, score, float(rate), found)

    at = [(rate, calibration.threshold(rate, weights)) for rate in RATES]
    return Meaning(
        weights=weights,
        scale=scale,
        labelled=calibration.labelled,
        copies_apart=calibration.copies_apart,
        planted=len(planted),
        words=(
            word("copy", scale.copy),
            word("look-alike", scale.look_alike),
            word("related", scale.related),
            WordMeaning("chance", None),
        ),
        rates=tuple((rate, score) for rate, score in at if score is not None),
        histogram=spread(calibration, weights),
    )


def is_due(collection: Collection) -> bool:
    """Whether a calibration would pay: there is none, or the collection has grown by a quarter.

    So it does where files were away that are there now: what was kept then knows no copies.
    """
    snapshot = collection.store.snapshot()
    if len(snapshot) < FEWEST:
        return False
    known = read_calibration(collection.store.directory, snapshot.state)
    if known is None or not near_in_size(known.images, len(snapshot)):
        return True
    if not {*snapshot.spaces} <= {*known.spaces}:
        return True
    return not known.kinds and can_plant(snapshot)


def keep_calibrated(
    collection: Collection,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> bool:
    """Calibrate where that is due, after work that stands whatever comes of it.

    Args:
        collection: open.
        progress: as of ``calibrate``; told in a note where it could not be done.
        cancellation: as of ``calibrate``; who asks to stop ends this alone.

    Returns:
        whether scores are calibrated now.
    """
    try:
        if is_due(collection):
            calibrate(collection, progress=progress, cancellation=cancellation)
    except CancelledError:
        return False
    except (InputError, CollectionError) as error:
        progress(Note(f"what scores mean could not be found out: {error}"))
        return False
    return True


def calibrate(
    collection: Collection,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Calibrated:
    """Compare images of a collection with one another, and with copies that are made of some.

    Takes no lock: what is kept is a cache, and whole or not there.

    Args:
        collection: open.
        progress: told of the images that are copied, and, in notes, of what could not be done.
        cancellation: looked at after each of them.

    Raises:
        InputError: there are too few images.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop; what was kept before stays.
    """

    def fit() -> tuple[Snapshot, Calibration | None]:
        snapshot = collection.store.snapshot(*collection.store.spaces)
        planted = _plant(collection, snapshot, progress, cancellation)
        return snapshot, fit_calibration(snapshot, tuple(snapshot.spaces), planted)

    snapshot, made = at_newest(collection.store, fit)
    if made is None:
        raise InputError(
            f"{too_few(len(snapshot), 'image')} to tell how rare a score is, or hardly any two of "
            f"them differ; index at least {FEWEST} that do"
        )
    collection.calibrations.keep(snapshot.state, made)
    return Calibrated(made, _keep(collection, snapshot, made, progress))


def _plant(
    collection: Collection,
    snapshot: Snapshot,
    progress: Progress,
    cancellation: Cancellation | None,
) -> PlantedCopies | None:
    try:
        encoder = collection.encoder
    except (CheckpointError, FingerprintMismatchError) as error:
        progress(Note(f"no copies were made to compare with: {error}"))
        return None
    if not snapshot.fingerprint.agrees(encoder.fingerprint):
        return None  # all was embedded anew meanwhile
    planted = plant_copies(
        snapshot,
        lambda images: with_derived(embed_images(encoder, images), snapshot.spaces, snapshot),
        cancellation=cancellation,
        on_image=lambda done, total: progress(CalibrationProgress(done, total)),
    )
    if cancellation is not None:
        cancellation.check()
    if not len(planted.kinds):
        progress(Note("no copies were made to compare with, as no image's file can be read now"))
    return planted


def _keep(
    collection: Collection, snapshot: Snapshot, made: Calibration, progress: Progress
) -> bool:
    directory = collection.store.directory
    try:
        write_calibration(directory, snapshot.state, made)
    except OSError as error:
        progress(
            Note(
                f"{calibration_path(directory)} could not be written "
                f"({os.strerror(error.errno) if error.errno else error}), so that each program "
                "calibrates anew; make room there, or let it be written"
            )
        )
        return False
    return True
