"""The file that keeps a collection's calibration beside its indexes: a cache, like these."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import DamagedIndexError, InputError, UnreadableError
from vitrail.indexer.vectors import indexes
from vitrail.indexer.vectors.index_file import read_index_file, write_index_file
from vitrail.search.calibration.calibration import Calibration
from vitrail.search.calibration.pairs import PairSample

if TYPE_CHECKING:
    from vitrail.indexer.catalog.state import State

NAME = "scores.calibration"
_VERSION = 1


def calibration_path(directory: str) -> str:
    """Where the calibration of a collection's directory is kept."""
    return os.path.join(directory, indexes.FOLDER, NAME)


def write_calibration(directory: str, state: State, calibration: Calibration) -> None:
    """Keep a calibration durably, in the place of an earlier one.

    Args:
        directory: of the collection.
        state: the commit that it was made of.
        calibration: to keep.

    Raises:
        OSError: the disk is full or refuses; an earlier file stays.
    """
    header = {
        "calibration": _VERSION,
        "digest": state.vectors_digest,
        "incarnation": state.incarnation,
        "seq": state.seq,
        "spaces": list(calibration.spaces),
        "kinds": list(calibration.kinds),
        "images": calibration.images,
        "sampled": calibration.sampled,
        "labelled": calibration.labelled,
        "copies_apart": calibration.copies_apart,
    }
    arrays: dict[str, NDArray[Any]] = {
        "scores": calibration.sample.scores,
        "counts": calibration.sample.counts,
        "of_one_label": calibration.sample.of_one_label.astype(np.uint8),
        "copies": calibration.copies,
    }
    write_index_file(calibration_path(directory), header, arrays)


def read_calibration(directory: str, state: State) -> Calibration | None:
    """What is kept for a collection as it is now.

    Args:
        directory: of the collection.
        state: the commit that asks.

    Returns:
        ``None`` where there is no file, or one that is torn, altered, of another encoder or
        catalog, of a newer version, or cannot be read now: it can be made again.
    """
    try:
        file = read_index_file(calibration_path(directory))
        file.verify()
        header = file.header
        told = [header[name] for name in ("calibration", "digest", "incarnation")]
        if told != [_VERSION, state.vectors_digest, state.incarnation]:
            return None
        found = Calibration(
            spaces=tuple(header["spaces"]),
            sample=PairSample(
                np.array(file.array("scores")),
                np.array(file.array("counts")),
                file.array("of_one_label") != 0,
            ),
            copies=np.array(file.array("copies")),
            kinds=tuple(header["kinds"]),
            images=header["images"],
            sampled=header["sampled"],
            labelled=header["labelled"],
            copies_apart=header["copies_apart"],
        )
    except (FileNotFoundError, DamagedIndexError, UnreadableError, InputError):
        return None
    except (KeyError, TypeError, ValueError):  # written by something else
        return None
    return found


def near_in_size(calibrated: int, images: int) -> bool:
    """Whether a collection has as many images as it was calibrated by, give or take a quarter."""
    return abs(images - calibrated) * 4 <= calibrated
