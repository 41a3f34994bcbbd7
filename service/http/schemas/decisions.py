"""Decisions about duplicates, as bodies and replies have them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vitrail.service.http.schemas.references import ImageNumber

DecisionKind = Literal["same", "not-duplicates", "keep"]
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{4,16}$")]


class DecideBody(BaseModel):
    """What images are to one another, for good.

    Attributes:
        kind: ``same``, ``not-duplicates``, or ``keep``: each stays, whatever it is a copy of.
        images: ids; two at least, but of ``keep``.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "not-duplicates", "images": [1, 2]}]},
    )

    kind: DecisionKind
    images: Annotated[tuple[ImageNumber, ...], Field(min_length=1, max_length=200)]


class UndoBody(BaseModel):
    """Which decision is taken back.

    Attributes:
        token: of the decision, or its first digits; the last one that holds, where not given.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    token: Token | None = None


class DecisionReply(BaseModel):
    """A decision.

    Attributes:
        token: what it is called.
        at: when it was made, UTC.
        kind: what was said.
        images: ids of those that are in the collection now.
        contents: content hashes of all.
        undone: whether it was taken back.
    """

    token: str
    at: datetime
    kind: str
    images: tuple[int, ...]
    contents: tuple[str, ...]
    undone: bool


class DecisionsReply(BaseModel):
    """All of them, the first made first."""

    decisions: tuple[DecisionReply, ...]


class CarriedDecision(BaseModel):
    """A decision as one collection gives it to another.

    Attributes:
        token: what it is called.
        at: when it was made, UTC, without a zone.
        kind: what was said; ``undo`` takes another back.
        contents: content hashes (sha256, hex).
        undoes: token of the decision that an ``undo`` takes back.
    """

    model_config = ConfigDict(extra="forbid")

    token: str
    at: str
    kind: str
    contents: tuple[str, ...] = ()
    undoes: str | None = None


class CarriedDecisions(BaseModel):
    """The whole log, as one collection gives it to another."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"decisions": []}]})

    decisions: Annotated[tuple[CarriedDecision, ...], Field(max_length=100_000)]


class TakenDecisions(BaseModel):
    """How many of them were new."""

    added: int
