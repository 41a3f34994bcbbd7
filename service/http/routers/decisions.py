"""Decisions about duplicates: said, taken back, listed, and carried to another collection."""

from __future__ import annotations

import json

from fastapi import APIRouter

from vitrail.service.http.hosting import Asked, Hosted, follow
from vitrail.service.http.jobs.desk import DoneBy
from vitrail.service.http.reading import Reading
from vitrail.service.http.schemas.decisions import (
    CarriedDecisions,
    DecideBody,
    DecisionReply,
    DecisionsReply,
    TakenDecisions,
    UndoBody,
)
from vitrail.service.http.schemas.searches import Receipt
from vitrail.service.http.security.effects import WRITES
from vitrail.service.operations.deciding import (
    KnownDecision,
    decide,
    export_decisions,
    import_decisions,
    list_decisions,
    undo,
)
from vitrail.service.operations.references import ImageId

router = APIRouter(prefix="/duplicates/decisions", tags=["decisions"])


@router.get("")
def get_decisions(hosted: Asked) -> DecisionsReply:
    """All decisions, undone or not."""
    reading = Reading(hosted)
    found = [_reply(one) for one in list_decisions(reading.commit)]
    return DecisionsReply(decisions=found, receipt=Receipt.model_validate(reading.receipt()))


@router.post("", status_code=201, openapi_extra=WRITES)
def make_decision(hosted: Asked, runner: DoneBy, body: DecideBody) -> DecisionReply:
    """Say what images are to one another; it holds for their content, for good."""
    with runner.writing(hosted.name):
        made = decide(hosted.directory, body.kind, [ImageId(one) for one in body.images])
    return _followed(hosted, made)


@router.post("/undo", openapi_extra=WRITES)
def undo_decision(hosted: Asked, runner: DoneBy, body: UndoBody) -> DecisionReply:
    """Take a decision back: the last one that holds, or the one that is named."""
    with runner.writing(hosted.name):
        undone = undo(hosted.directory, body.token)
    return _followed(hosted, undone)


@router.get("/export")
def get_decision_log(hosted: Asked) -> CarriedDecisions:
    """The whole log, for another collection."""
    log = json.loads(export_decisions(hosted.collection.store))
    return CarriedDecisions.model_validate({"decisions": log})


@router.post("/import", openapi_extra=WRITES)
def take_decision_log(hosted: Asked, runner: DoneBy, body: CarriedDecisions) -> TakenDecisions:
    """Add the decisions of another collection that this one lacks."""
    log = json.dumps([one.model_dump() for one in body.decisions]).encode()
    with runner.writing(hosted.name):
        added = import_decisions(hosted.directory, log)
    follow(hosted)
    return TakenDecisions(added=sum(added))


def _followed(hosted: Hosted, decision: KnownDecision) -> DecisionReply:
    follow(hosted)  # so that who decided sees it in the next reply
    return _reply(decision)


def _reply(decision: KnownDecision) -> DecisionReply:
    return DecisionReply(
        token=decision.token,
        at=decision.at,
        kind=decision.kind,
        images=[image.id for image in decision.images],
        contents=list(decision.contents),
        undone=decision.undone,
    )
