"""Decisions about duplicates, as bodies and replies have them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from vitrail.service.http.schemas.base import Closed, Open
from vitrail.service.http.schemas.bodies import ImageNumber
from vitrail.service.http.schemas.searches import Receipt

DecisionKind = Literal["same", "not-duplicates", "keep"]
Token = Annotated[str, Field(pattern=r"^[0-9a-f]{4,16}$")]


class DecideBody(Closed):
    """What images are to one another, for good.

    Attributes:
        kind: ``same``, ``not-duplicates``, or ``keep``: each stays, whatever it is a copy of.
        images: ids; two at least, but of ``keep``.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "not-duplicates", "images": [1, 2]}]},
    )

    kind: DecisionKind
    images: Annotated[list[ImageNumber], Field(min_length=1, max_length=200)]


class UndoBody(Closed):
    """Which decision is taken back.

    Attributes:
        token: of the decision, or its first digits; the last one that holds, where not given.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    token: Token | None = None


class DecisionReply(Open):
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
    images: list[int]
    contents: list[str]
    undone: bool


class DecisionsReply(Open):
    """All of them, the first made first."""

    decisions: list[DecisionReply]
    receipt: Receipt


class CarriedDecision(Closed):
    """A decision as one collection gives it to another.

    Attributes:
        token: what it is called.
        at: when it was made, UTC, without a zone.
        kind: what was said; ``undo`` takes another back.
        contents: content hashes (sha256, hex).
        undoes: token of the decision that an ``undo`` takes back.
    """

    token: str
    at: str
    kind: str
    contents: list[str] = Field(default_factory=list)
    undoes: str | None = None


class CarriedDecisions(Closed):
    """The whole log, as one collection gives it to another."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decisions": []}]})

    decisions: Annotated[list[CarriedDecision], Field(max_length=100_000)]


class TakenDecisions(Open):
    """How many of them were new, those that take others back counted too."""

    added: int
