"""What a service tells, as the types that the same work gives where it is done here."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from vitrail.indexer.image_info import COLUMNS, ImageInfo
from vitrail.indexer.paths import original
from vitrail.search.query import Evidence, Group, Hit, Origin, Scale, SearchResult
from vitrail.service.client.errors import ServiceError

T = TypeVar("T")
ALL = ("*", "predictions")
"""All that is known of an image, as requests name it: no filter knows predictions."""
_TIMES = ("taken_at", "added_at")
_DECLARED = [one.name for one in fields(ImageInfo)]


@dataclass(frozen=True, slots=True)
class MadeQueryImage:
    """An image that a prompt made, to be asked with.

    Attributes:
        upload: by which the service knows it for an hour.
        caption: what it is.
    """

    upload: str
    caption: str


@dataclass(frozen=True, slots=True)
class ServedResult(SearchResult):
    """The answer of a service: one of a search, and what goes with it.

    Attributes:
        title: what was asked, for people.
        made: the images that prompts made, to ask with.
        notes: what is to be known, a line each.
    """

    title: str = ""
    made: tuple[MadeQueryImage, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServedCollection:
    """A collection that a service holds.

    Attributes:
        name: by which it is asked for.
        images: how many it holds.
        checkpoint: of its encoder.
    """

    name: str
    images: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Where a job is.

    Attributes:
        stage: what is done now, in words.
        done: of what is counted.
        total: of that; 0 while nothing is.
        unit: what one of these is called.
        step: within one of them, where that is told.
        steps: of how many.
        counts: what was found so far, by name.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = ""
    step: int | None = None
    steps: int | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it was when the service was asked.

    Attributes:
        id: of it.
        kind: such as ``index``.
        collection: name of the collection.
        state: ``queued``, ``waiting`` (for another writer), ``running``, ``done``, ``failed``,
            ``cancelled`` or ``interrupted`` (by the end of the service).
        position: how many jobs come before it; ``None`` unless it has yet to run.
        progress: where it is, or was last.
        notes: what is to be known, a line each.
        problem: why it came to nothing.
        result: whether there is a result.
    """

    id: str
    kind: str
    collection: str
    state: str
    position: int | None = None
    progress: JobProgress | None = None
    notes: tuple[str, ...] = ()
    problem: Mapping[str, Any] | None = field(default=None, repr=False)
    result: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it ends here."""
        return self.state in ("done", "failed", "cancelled", "interrupted")


def read_reply(read: Callable[[Any], T], told: Any) -> T:
    """What a reply tells.

    Raises:
        ServiceError: it is not as the service's own replies are.
    """
    try:
        return read(told)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ServiceError(
            f"the service's reply cannot be read ({type(error).__name__}: {error})",
            remedy="let service and client be of one version",
            code="foreign",
        ) from error


def read_result(told: Mapping[str, Any]) -> ServedResult:
    """The answer of a search, as the reply to it tells."""
    receipt, scale = told["receipt"], told["scale"]
    return ServedResult(
        hits=[_hit(one) for one in told["hits"]],
        exact=receipt["exact"],
        estimated_recall=receipt["estimated_recall"],
        candidates=receipt["candidates"],
        allowed=receipt["allowed"],
        evidence=known(Evidence, told["evidence"]),
        seconds=receipt["seconds"],
        hints=tuple(told["hints"]),
        reason=told["reason"] or "",
        weights=told["weights"],
        next=told["next"],
        scale=None if scale is None else known(Scale, scale),
        origin=_origin(receipt),
        title=told["query"]["title"],
        made=tuple(known(MadeQueryImage, one) for one in told["query"]["images"]),
        notes=tuple(told["notes"]),
    )


def read_image(told: Mapping[str, Any]) -> ImageInfo:
    """An image, as a reply that tells all columns has it.

    Where the service tells no places, its path is its name alone, and it has no ``paths``.
    """
    metadata = told["metadata"]
    row: dict[str, Any] = {name: metadata.get(name) for name in _DECLARED}
    paths = tuple(
        original(path, None if raw is None else base64.b64decode(raw))
        for path, raw in zip(
            metadata.get("paths") or (), metadata.get("paths_raw") or (), strict=True
        )
    )
    times = {name: row[name] and datetime.fromisoformat(row[name]) for name in _TIMES}
    known_of = {**row, **times, "paths": paths}
    known_of |= {
        "id": told["id"],
        "path": paths[0] if paths else metadata.get("name"),
        "keywords": tuple(row["keywords"] or ()),
        "predictions": tuple((label, rate) for label, rate in row["predictions"] or ()),
        "own": {n: v for n, v in metadata.items() if n not in (*COLUMNS, "paths_raw")},
    }
    return ImageInfo(**known_of)


def read_collection(told: Mapping[str, Any]) -> ServedCollection:
    """A collection of the list of them."""
    return known(ServedCollection, told)


def read_job(told: Mapping[str, Any]) -> JobStatus:
    """A job, as replies tell it."""
    progress = told["progress"]
    return known(
        JobStatus,
        {
            **told,
            "progress": None if progress is None else known(JobProgress, progress),
            "notes": tuple(told["notes"]),
        },
    )


def known(kind: type[T], told: Mapping[str, Any]) -> T:
    """A dataclass of those members that it has; a newer service may tell more."""
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in told.items() if name in names})


def _hit(told: Mapping[str, Any]) -> Hit:
    group = told["group"]
    return Hit(
        id=told["id"],
        score=told["score"],
        scores=told["scores"],
        metadata=read_image(told),
        seed_ranks=tuple(told["seed_ranks"]),
        group=None if group is None else known(Group, group),
        fpr=told["fpr"],
        closeness=told["closeness"],
    )


def _origin(receipt: Mapping[str, Any]) -> Origin:
    encoder = receipt["encoder"]
    return Origin(
        receipt["commit"],
        encoder["checkpoint"],
        encoder["fingerprint"],
        encoder.get("variant"),  # which servers of before do not tell
    )
