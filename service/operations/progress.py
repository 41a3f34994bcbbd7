"""How long work tells where it is: events, each a frozen dataclass, to whoever looks on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.indexer.indexing.roots import RootPlan
    from vitrail.service.operations.refusals import RefusedCopy


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about what was asked, in a line; the work goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class CollectionCreated:
    """There was no collection, and one has begun.

    Attributes:
        directory: of it.
        encoder: described in words.
    """

    directory: str
    encoder: str


@dataclass(frozen=True, slots=True)
class QueryProgress:
    """Where a search is.

    Attributes:
        stage: the query image is embedded, its text read, images of a prompt are generated, those
            of unrelated prompts are, the collection is searched, or the hits are explained.
        done: of the images that are generated.
        total: of them.
    """

    stage: Literal["embedding", "reading", "generating", "comparing", "searching", "explaining"]
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class RunBegins:
    """An indexing run, or one that embeds all anew, is about to begin.

    Attributes:
        encoder: described in words.
        plans: the folders, with the options that hold for them; none where all is embedded anew.
    """

    encoder: str
    plans: tuple[RootPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """Where indexing, or embedding anew, is.

    Attributes:
        counts: so far; a copy, which stays.
    """

    counts: IndexCounts


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """Where generation is.

    Attributes:
        stage: what is done; ``loading`` before the first step.
        total: images asked for.
        made: of them, those that were generated.
        there: of them, those that were there already.
        lacking: of them, those that a guard refused, whatever the seed.
        step: denoising steps of the image that is being made.
        steps: of how many; 0 between two images.
    """

    stage: Literal["loading", "generating", "indexing", "reproducing"]
    total: int
    made: int = 0
    there: int = 0
    lacking: int = 0
    step: int = 0
    steps: int = 0

    @property
    def done(self) -> int:
        """How many of the images are through."""
        return self.made + self.there + self.lacking


@dataclass(frozen=True, slots=True)
class ImageRefused:
    """An image was made, and is not kept, or one that was there is not counted."""

    image: RefusedCopy


@dataclass(frozen=True, slots=True)
class CalibrationProgress:
    """Where calibrating is: images are copied, to see how near copies stay.

    Attributes:
        done: of the images.
        total: of them.
    """

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TuningProgress:
    """Where the measuring of spaces is.

    Attributes:
        stage: what is done: images embedded, or copied and embedded; or spaces measured.
        done: of the images.
        total: of them; 0 while spaces are measured.
        what: the space, or mixture, that is measured.
    """

    stage: Literal["embedding", "copying", "measuring"]
    done: int = 0
    total: int = 0
    what: str = ""


@dataclass(frozen=True, slots=True)
class AnalysisProgress:
    """Where an analysis of a collection is.

    Attributes:
        doing: what is done now, in words.
        done: of what is counted.
        total: of that; 0 while nothing is.
        noun: what one of these is called.
        told: what else there is to say of it; empty for nothing.
    """

    doing: str
    done: int = 0
    total: int = 0
    noun: str = "image"
    told: str = ""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """Where many questions are.

    Attributes:
        done: of the questions.
        total: of them.
        failed: of those that are done, how many could not be asked.
    """

    done: int
    total: int
    failed: int = 0


Event: TypeAlias = (
    Note
    | CollectionCreated
    | QueryProgress
    | RunBegins
    | IndexProgress
    | GenerationProgress
    | ImageRefused
    | CalibrationProgress
    | TuningProgress
    | AnalysisProgress
    | BatchProgress
)


class Progress(Protocol):
    """Looks on. Called from the thread that works, which waits for it to return."""

    def __call__(self, event: Event, /) -> None:
        """Take note of what happened."""


def nobody(_: Event, /) -> None:
    """Looks away."""
