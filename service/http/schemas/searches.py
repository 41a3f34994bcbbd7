"""A search, asked and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from vitrail.service.http.schemas.base import Closed, Open
from vitrail.service.http.schemas.queries import FilterMembers, QueryPart

MOST_EXPLAINED = 32


class SearchRequest(FilterMembers):
    """What hits shall be like, and unlike, and how to search."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"positive": [{"id": 17}], "k": 20},
                {
                    "positive": [{"id": 17}, {"id": 23}],
                    "negative": [{"id": 5}],
                    "filter": {"column": "width", "at_least": 512},
                },
            ]
        }
    )

    positive: Annotated[list[QueryPart], Field(min_length=1, max_length=64)]
    negative: Annotated[list[QueryPart], Field(max_length=64, default_factory=list)]
    k: Annotated[int, Field(ge=1, description="Hits, at most.")] = 10
    spaces: Annotated[
        dict[str, float] | None,
        Field(description="Weight by space; without, as the collection weighs them."),
    ] = None
    min_score: Annotated[float | None, Field(ge=-1, le=1)] = None
    max_fpr: Annotated[
        float | None,
        Field(gt=0, le=1, description="Share of unrelated pairs that may be as near."),
    ] = None
    fusion: Literal["mean", "rrf", "best-score"] | None = None
    exact: Annotated[bool, Field(description="Scan all vectors.")] = False
    group_by: Annotated[str | None, Field(description="A column, or copies.")] = None
    diverse: Annotated[float | None, Field(ge=0, le=1)] = None
    sort: Annotated[
        list[str] | None,
        Field(
            description="Columns that the hits are put in the order of; - before it for falling."
        ),
    ] = None
    after: Annotated[str | None, Field(description="`next` of the page before.")] = None
    fields: Annotated[
        list[str] | None,
        Field(description="Columns of each hit's metadata; `*` for all."),
    ] = None
    explain: Annotated[
        int, Field(ge=0, le=MOST_EXPLAINED, description="Hits that are explained, patch by patch.")
    ] = 0


class ExplainRequest(SearchRequest):
    """A search, and the image of which is told why it is found."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": 23, "positive": [{"id": 17}]}]}
    )

    id: Annotated[int, Field(ge=0, lt=2**63)]


class SpreadRequest(SearchRequest):
    """A search, of which is told how all images score."""

    bins: Annotated[int, Field(ge=1, le=512, description="Ranges of scores.")] = 64


class SpreadReply(Open):
    """How images score: counts between evenly spaced scores, the lowest first."""

    low: float
    high: float
    counts: list[int]
    compared: int
    images: int
    scale: dict[str, Any] | None
    receipt: Receipt


class BatchRequest(Closed):
    """Several searches, each with an answer of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"searches": [{"positive": [{"id": 17}]}, {"positive": [{"id": 23}], "k": 5}]}
            ]
        }
    )

    searches: Annotated[list[SearchRequest], Field(min_length=1)]


class EncoderReply(Open):
    """The encoder that a collection's vectors are of.

    ``variant`` says which certified export of it embedded the question; null where it did so
    itself, or nothing was embedded.
    """

    checkpoint: str
    fingerprint: str
    variant: str | None


class Receipt(Open):
    """How far a reply can be trusted, and what it is of."""

    exact: bool
    estimated_recall: float
    candidates: int
    allowed: int | None
    commit: int
    encoder: EncoderReply
    seconds: dict[str, float]


class GroupReply(Open):
    """What a hit stands for."""

    by: str
    value: Any
    more: int
    best: int


class HitReply(Open):
    """One image found."""

    id: int
    score: float
    scores: dict[str, float]
    fpr: float | None
    closeness: Literal["copy", "look-alike", "related", "chance"] | None
    group: GroupReply | None
    seed_ranks: list[int | None]
    metadata: dict[str, Any]
    explanation: dict[str, Any] | None = None


class MadeImage(Open):
    """An image that a prompt made, to be shown and asked with by its token."""

    upload: str
    caption: str


class QueryReply(Open):
    """What was asked."""

    title: str
    images: list[MadeImage]


class SearchReply(Open):
    """The hits, best first, and how far to trust them."""

    hits: list[HitReply]
    receipt: Receipt
    scale: dict[str, Any] | None
    evidence: dict[str, Any]
    weights: dict[str, float]
    next: str | None
    reason: str | None
    hints: list[str]
    notes: list[str]
    query: QueryReply


class FailedReply(Open):
    """A search of a batch that has no answer."""

    problem: dict[str, Any]


class BatchReply(Open):
    """An answer each, in the order asked."""

    answers: list[SearchReply | FailedReply]
