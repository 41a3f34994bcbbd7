"""The calibration that holds for a commit: kept in a file, or fitted in memory when asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from vitrail.search.calibration.calibration import FEWEST, Calibration
from vitrail.search.calibration.calibration_file import near_in_size, read_calibration
from vitrail.search.calibration.fitting import QUICK, PlantedCopies, fit_calibration

if TYPE_CHECKING:
    from vitrail.indexer.catalog.state import State
    from vitrail.indexer.collection.snapshot import Snapshot


class _Fitted(NamedTuple):
    """What was fitted to so many images; ``None`` where they tell too little."""

    images: int
    calibration: Calibration | None


class CurrentCalibrations:
    """A collection's calibrations in memory; threads may share them.

    Args:
        directory: of the collection.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._guard = threading.Lock()
        self._of: tuple[str, str] | None = None  # whose these are
        self._looked = -1  # the commit for which the file was last looked at
        self._kept: Calibration | None = None
        self._fitted: dict[tuple[str, ...], _Fitted] = {}

    def of(self, commit: Snapshot, spaces: tuple[str, ...]) -> Calibration | None:
        """The calibration of some spaces of a commit; ``None`` where too few images tell.

        Raises:
            CollectionError: vectors are damaged or cannot be read now.
        """
        state = commit.state
        if state.images < FEWEST:
            return None
        with self._guard:
            self._belong_to(state)
            kept = self._newest_kept(state, spaces)
            if kept is not None and _holds(kept, state, spaces):
                return kept
            fitted = self._fitted.get(spaces)
            if fitted is None or not near_in_size(fitted.images, state.images):
                copies = None if kept is None else planted_in(kept)
                made = fit_calibration(commit, spaces, copies, sample=QUICK)
                fitted = self._fitted[spaces] = _Fitted(state.images, made)
            return fitted.calibration

    def _newest_kept(self, state: State, spaces: tuple[str, ...]) -> Calibration | None:
        """What the file holds, looked at again where it did not do for an earlier commit."""
        if not (self._kept and _holds(self._kept, state, spaces)) and self._looked != state.seq:
            self._kept, self._looked = read_calibration(self._directory, state), state.seq
        return self._kept

    def keep(self, state: State, calibration: Calibration) -> None:
        """Go by a calibration that was just made of a commit."""
        with self._guard:
            self._belong_to(state)
            self._kept = calibration

    def _belong_to(self, state: State) -> None:
        own = (state.incarnation, state.vectors_digest)
        if own != self._of:
            self._of, self._kept, self._looked = own, None, -1
            self._fitted.clear()


def planted_in(calibration: Calibration) -> PlantedCopies:
    """The planted copies of an earlier calibration, which hold for a grown collection too."""
    return PlantedCopies(calibration.spaces, calibration.copies, calibration.kinds)


def _holds(known: Calibration, state: State, spaces: tuple[str, ...]) -> bool:
    known_spaces = all(space in known.spaces for space in spaces)
    return known_spaces and near_in_size(known.images, state.images)
