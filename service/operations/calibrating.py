"""Calibrating a collection: what its scores mean, found out and kept beside its indexes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.collection.retrying import at_newest
from vitrail.indexer.errors import CheckpointError, FingerprintMismatchError, InputError
from vitrail.search.calibration.calibration import FEWEST, Calibration
from vitrail.search.calibration.calibration_file import (
    calibration_path,
    near_in_size,
    read_calibration,
    write_calibration,
)
from vitrail.search.calibration.fitting import (
    SECONDS,
    PlantedCopies,
    fit_calibration,
    plant_copies,
)
from vitrail.search.derived import with_derived
from vitrail.search.images import embed_images
from vitrail.service.operations.progress import CalibrationProgress, Note, Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.service.operations.collection import Collection


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of calibrating.

    Attributes:
        calibration: of all the collection's spaces.
        kept: whether it lies beside the indexes now.
    """

    calibration: Calibration
    kept: bool


def is_due(collection: Collection) -> bool:
    """Whether a calibration would pay: there is none, or the collection has grown by a quarter."""
    snapshot = collection.store.snapshot()
    if len(snapshot) < FEWEST:
        return False
    known = read_calibration(collection.store.directory, snapshot.state)
    if known is None or not near_in_size(known.images, len(snapshot)):
        return True
    return not {*snapshot.spaces} <= {*known.spaces}


def calibrate(
    collection: Collection,
    *,
    seconds: float = SECONDS,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Calibrated:
    """Compare images of a collection with one another, and with copies that are made of some.

    Takes no lock: what is kept is a cache, and whole or not there.

    Args:
        collection: open.
        seconds: after which no further image is copied.
        progress: told of the images that are copied, and, in notes, of what could not be done.
        cancellation: looked at after each of them.

    Raises:
        InputError: there are too few images.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop; what was kept before stays.
    """

    def fit() -> tuple[Snapshot, Calibration | None]:
        snapshot = collection.store.snapshot(*collection.store.spaces)
        planted = _plant(collection, snapshot, seconds, progress, cancellation)
        return snapshot, fit_calibration(snapshot, tuple(snapshot.spaces), planted)

    snapshot, made = at_newest(collection.store, fit)
    if made is None:
        raise InputError(
            f"{len(snapshot)} images are too few to tell how rare a score is, or hardly any two of "
            f"them differ; index at least {FEWEST} that do"
        )
    collection.calibrations.keep(snapshot.state, made)
    return Calibrated(made, _keep(collection, snapshot, made, progress))


def _plant(
    collection: Collection,
    snapshot: Snapshot,
    seconds: float,
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
        seconds=seconds,
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
