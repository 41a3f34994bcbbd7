"""Decisions about duplicates: made, taken back, and carried from one collection to another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from vitrail.indexer.catalog.decisions import (
    UNDO,
    Decision,
    DecisionCounts,
    add_decisions,
    check_decision,
    count_decisions,
    new_decision,
    standing,
)
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError

DECISIONS = b"vitrail.decisions"
"""Under what an exported file tells them."""
_MOST = 1_000_000  # decisions that are carried


def decide(collection: CollectionStore, kind: str, contents: Iterable[str]) -> Decision:
    """Write a decision down; durable when this returns.

    Args:
        collection: open for writing.
        kind: ``same``, ``not-duplicates`` or ``keep``.
        contents: content hashes (sha256, hex), whether the collection has them or not.

    Raises:
        InputError: it is no such kind, or names too few contents, too many, or one twice; nothing
            is written.
        CollectionError: not open for writing, or the disk is full.
    """
    if kind == UNDO:
        raise InputError("an undoing names a decision, not images")
    return _add(collection, new_decision(kind, contents, after=collection.decisions()))


def undo(collection: CollectionStore, token: str | None = None) -> Decision:
    """Take a decision back; the log keeps both.

    Args:
        collection: open for writing.
        token: of the decision, or its first digits; ``None`` is the last that stands.

    Returns:
        the decision that holds no more.

    Raises:
        InputError: there is none, several begin so, or it is undone already; nothing is written.
        CollectionError: not open for writing, or the disk is full.
    """
    known = collection.decisions()
    chosen = _chosen(known, token)
    _add(collection, new_decision(UNDO, undoes=chosen.token, after=known))
    return chosen


def take_decisions(collection: CollectionStore, decisions: Sequence[Decision]) -> DecisionCounts:
    """Add the decisions that a collection lacks, as they were made elsewhere; how many.

    Raises:
        CollectionError: not open for writing, or the disk is full.
    """
    known = {one.token for one in collection.decisions()}
    new = {one.token: one for one in decisions if one.token not in known}
    if new:
        with collection.transaction("take decisions", tidies=False) as transaction:
            add_decisions(transaction, list(new.values()))
    return count_decisions(new.values())


def told_decisions(decisions: Iterable[Decision]) -> bytes:
    """Decisions as JSON, for a file."""
    return json.dumps([_told(one) for one in decisions]).encode()


def carried_decisions(metadata: Mapping[bytes, bytes] | None, path: str) -> tuple[Decision, ...]:
    """The decisions that an exported file tells; none where it tells nothing of any.

    Raises:
        InputError: they cannot be understood.
    """
    text = (metadata or {}).get(DECISIONS)
    if text is None:
        return ()
    try:
        return tuple(check_decision(_read(one)) for one in _listed(json.loads(text)))
    except (KeyError, TypeError, ValueError, RecursionError, InputError) as error:
        raise InputError(f"{path}: what it tells of decisions cannot be used: {error}") from error


def _add(collection: CollectionStore, decision: Decision) -> Decision:
    with collection.transaction(decision.kind, tidies=False) as transaction:
        add_decisions(transaction, [decision])
    return decision


def _chosen(known: Sequence[Decision], token: str | None) -> Decision:
    held = standing(known)
    if token is None:
        if not held:
            raise InputError("there is no decision to undo")
        return held[-1]
    named = [one for one in known if token and one.token.startswith(token) and one.kind != UNDO]
    if len(named) != 1:
        many = "begins several decisions" if named else "is no decision of this collection"
        raise InputError(f"{token!r:.100} {many}; `vitrail decisions` lists them")
    if named[0] not in held:
        raise InputError(f"decision {named[0].token} is undone already; decide again instead")
    return named[0]


def _told(decision: Decision) -> dict[str, Any]:
    return {
        "token": decision.token,
        "at": decision.at.isoformat(),
        "kind": decision.kind,
        "contents": list(decision.contents),
        "undoes": decision.undoes,
    }


def _listed(told: Any) -> list[Any]:
    if not isinstance(told, list) or len(told) > _MOST:
        raise InputError(f"expected a list of {_MOST:,} decisions or fewer")
    return told


def _read(told: Mapping[str, Any]) -> Decision:
    at = datetime.fromisoformat(told["at"])
    undoes = told["undoes"]
    if at.tzinfo is not None or not (undoes is None or isinstance(undoes, str)):
        raise InputError(f"decision {told['token']!r:.100} is not written as decisions are")
    contents = tuple(str(one) for one in list(told["contents"]))
    return Decision(str(told["token"]), at, str(told["kind"]), contents, undoes)
