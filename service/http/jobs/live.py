"""A job that runs: where it is, told to the table now and then and to who looks on more often."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vitrail.indexer.cancellation import Cancellation
from vitrail.service.documents.progress import progress_document
from vitrail.service.http.jobs.errors import JobTableError
from vitrail.service.http.jobs.store import JobStore
from vitrail.service.http.jobs.watching import LivePreview, Watchers
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.hiding import as_told
from vitrail.service.operations.progress import Event, Note

_log = logging.getLogger(__name__)
_NOTES = 100  # lines that are kept of a job
_KEEP_EVERY = 1.0  # seconds between two notes of where a job is
_TELL_EVERY = 0.1  # seconds between two events


@dataclass(slots=True)
class LiveJob:
    """A job that runs, and where it is; called with the events of its operation.

    Attributes:
        store: that is told where it is, now and then.
        watchers: that are told more often.
        options: whether notes tell where files lie.
        job: its id.
        cancellation: of its operation.
        preview: of what it makes.
        cancelled: whether somebody has cancelled it, and not the end of the service.
        progress: where it is.
        notes: what is to be known.
    """

    store: JobStore
    watchers: Watchers
    options: ServiceOptions
    job: str
    cancellation: Cancellation = field(default_factory=Cancellation)
    preview: LivePreview = field(default_factory=LivePreview)
    cancelled: bool = False
    progress: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    _kept: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def __call__(self, event: Event) -> None:
        """Take note of an event of the operation."""
        if isinstance(event, Note):
            text = as_told(event.text, self.options)
            if text not in self.notes and len(self.notes) < _NOTES:
                self.notes = (*self.notes, text)
        else:
            self._move_on(progress_document(event))
        now = time.monotonic()
        if now - self._kept >= _KEEP_EVERY:
            self.keep()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self.watchers.ring(self.job)

    def _move_on(self, told: dict[str, Any] | None) -> None:
        if told is None:
            return
        counts = (self.progress or {}).get("counts")  # which go on holding in later stages
        self.progress = {"counts": counts, **told} if counts is not None else told

    def keep(self) -> None:
        """Put down where it is; where that cannot be done now, the work goes on."""
        self._kept = time.monotonic()
        try:
            self.store.tell(self.job, self.progress, self.notes)
        except JobTableError as error:
            _log.warning("where job %s is cannot be put down: %s", self.job, error)
