"""What a kind of job is: what it is asked with, what can be refused at once, and how it is done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vitrail.service.http.schemas.bodies import JobBody
from vitrail.service.operations.progress import Progress

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.service.http.hosting import Hosted
    from vitrail.service.http.jobs.store import JobStore
    from vitrail.service.http.jobs.watching import LivePreview
    from vitrail.service.http.options import ServiceOptions
    from vitrail.service.operations.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Setting:
    """What a job is asked about.

    Attributes:
        hosted: the collection.
        options: how the service is set up.
        uploads: images that the owner handed in to ask with.
        jobs: all that there are, and their files.
        owner: who asks; empty where callers are not told apart.
    """

    hosted: Hosted
    options: ServiceOptions
    uploads: Uploads
    jobs: JobStore
    owner: str = ""


@dataclass(frozen=True, slots=True)
class JobRun:
    """One try at a job.

    Attributes:
        setting: what it is about.
        job: its id.
        progress: told where it is.
        cancellation: looked at between its steps.
        preview: shown half-made images, where somebody asks for them.
    """

    setting: Setting
    job: str
    progress: Progress
    cancellation: Cancellation
    preview: LivePreview


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        result: of types that ``vitrail.service.documents.plain`` makes JSON of.
        complete: whether it came to its end; a run that was cancelled may tell what it did so far.
    """

    result: Mapping[str, Any]
    complete: bool = True


B = TypeVar("B", bound=JobBody)


class JobKind(ABC, Generic[B]):
    """A kind of job; one object of each serves all jobs.

    Attributes:
        name: such as ``index``.
        lane: whose jobs one worker does, one after the other.
        body: what it is asked with.
        resumable: whether one that is run again does only what is left.
    """

    name: str
    lane: str
    body: type[B]
    resumable = False

    def read(self, parameters: Mapping[str, Any]) -> B:
        """What is to be done, as the table has it."""
        return self.body.model_validate(parameters)

    def writes(self, body: B) -> bool:  # noqa: ARG002
        """Whether it changes the collection or its files."""
        return False

    @abstractmethod
    def check(self, setting: Setting, body: B) -> None:
        """Refuse what is bound to fail, as far as that can be told at once.

        Raises:
            VitrailError: as the run would.
        """

    @abstractmethod
    def run(self, run: JobRun, body: B) -> Outcome:
        """Do it.

        Raises:
            CollectionLockedError: another process writes; it is tried again later.
            CancelledError: somebody asked to stop.
            VitrailError: it cannot be done.
        """
