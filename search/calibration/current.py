"""The calibration that holds for a commit: kept in a file, or fitted in memory when asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
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


class _Held(NamedTuple):
    """What is in memory; never changed, so that questions need not wait for one another.

    Attributes:
        of: the incarnation of the catalog and the digest of the vectors that all is of.
        kept: what the file holds, if anything.
        looked: the commit for which the file was last looked at; -1 for none.
        fitted: by spaces, what was fitted in memory.
    """

    of: tuple[str, str] | None = None
    kept: Calibration | None = None
    looked: int = -1
    fitted: Mapping[tuple[str, ...], _Fitted] = MappingProxyType({})

    def kept_for(self, state: State, spaces: tuple[str, ...]) -> Calibration | None:
        """What the file holds, where that does for a commit."""
        if self.of != _identity(state) or self.kept is None:
            return None
        return self.kept if _holds(self.kept, state, spaces) else None

    def fitted_for(self, state: State, spaces: tuple[str, ...]) -> _Fitted | None:
        """What was fitted, where that does for a commit, and the file was looked at for it."""
        if self.of != _identity(state) or self.looked != state.seq:
            return None
        fitted = self.fitted.get(spaces)
        if fitted is None or not near_in_size(fitted.images, state.images):
            return None
        return fitted


class CurrentCalibrations:
    """A collection's calibrations in memory; threads may share them.

    Who asks for spaces whose pairs have to be compared first waits for that, and nobody else does
    who asks for others.

    Args:
        directory: of the collection.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._guard = threading.Lock()  # of whoever puts another one in the place of:
        self._held = _Held()

    def of(self, commit: Snapshot, spaces: tuple[str, ...]) -> Calibration | None:
        """The calibration of some spaces of a commit; ``None`` where too few images tell.

        Raises:
            CollectionError: vectors are damaged or cannot be read now.
        """
        state = commit.state
        if state.images < FEWEST:
            return None
        held = self._held
        kept = held.kept_for(state, spaces)
        if kept is not None:
            return kept
        fitted = held.fitted_for(state, spaces)
        return self._found(commit, spaces) if fitted is None else fitted.calibration

    def _found(self, commit: Snapshot, spaces: tuple[str, ...]) -> Calibration | None:
        """As ``of``: what the file holds, or else what is fitted now."""
        state = commit.state
        with self._guard:
            self._belong_to(state)
            kept = self._held.kept_for(state, spaces)
            if kept is None and self._held.looked != state.seq:
                newest = read_calibration(self._directory, state)
                self._held = self._held._replace(kept=newest, looked=state.seq)
                kept = self._held.kept_for(state, spaces)
            if kept is not None:
                return kept
            fitted = self._held.fitted_for(state, spaces)  # by another thread, meanwhile
            if fitted is None:
                known = self._held.kept
                copies = None if known is None else planted_in(known)
                made = fit_calibration(commit, spaces, copies, sample=QUICK)
                fitted = _Fitted(state.images, made)
                self._held = self._held._replace(fitted={**self._held.fitted, spaces: fitted})
            return fitted.calibration

    def keep(self, state: State, calibration: Calibration) -> None:
        """Go by a calibration that was just made of a commit."""
        with self._guard:
            self._belong_to(state)
            self._held = self._held._replace(kept=calibration)

    def _belong_to(self, state: State) -> None:
        if self._held.of != _identity(state):
            self._held = _Held(_identity(state))


def _identity(state: State) -> tuple[str, str]:
    return state.incarnation, state.vectors_digest


def planted_in(calibration: Calibration) -> PlantedCopies:
    """The planted copies of an earlier calibration, which hold for a grown collection too."""
    return PlantedCopies(calibration.spaces, calibration.copies, calibration.kinds)


def _holds(known: Calibration, state: State, spaces: tuple[str, ...]) -> bool:
    known_spaces = all(space in known.spaces for space in spaces)
    return known_spaces and near_in_size(known.images, state.images)
