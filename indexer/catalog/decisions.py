"""What the user has said of contents that may be duplicates: a log, which is only ever added to.

A decision names contents by their hashes, so that it holds for whatever has these bytes, under
whatever path and id, also after the image was removed and came back. What is taken back stays in
the log, with a decision after it that says so.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAME, NOT_DUPLICATES, KEEP, UNDO = "same", "not-duplicates", "keep", "undo"
KINDS = {SAME: 2, NOT_DUPLICATES: 2, KEEP: 1, UNDO: 0}
"""Kind of decision -> how many contents it names at least."""
MOST_CONTENTS = 200  # of one decision, which speaks of all pairs of them
_HASH = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[0-9a-f]{16}")
_YEARS = range(1970, 9000)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        token: what it is called, in every collection that has it: 16 random hex digits.
        at: when it was made, UTC; later ones go before earlier ones.
        kind: ``same``: each two of the contents are the same image; ``not-duplicates``: no two of
            them are; ``keep``: each stays, whatever it is a copy of; ``undo``: takes another back.
        contents: content hashes (sha256, hex), ascending, each once; none of an ``undo``.
        undoes: token of the decision that an ``undo`` takes back.
    """

    token: str
    at: datetime
    kind: str
    contents: tuple[str, ...] = ()
    undoes: str | None = None

    @property
    def order(self) -> tuple[datetime, str]:
        """Its place among all decisions, whichever collections they were made in."""
        return self.at, self.token


class DecisionCounts(NamedTuple):
    """How many decisions there are.

    Attributes:
        decisions: that say something of images, undone or not.
        undoings: that take one of these back.
    """

    decisions: int = 0
    undoings: int = 0

    def in_words(self) -> str:
        """Such as ``3 decisions and 1 undoing``; no undoings are left out."""
        undoings = f" and {counted(self.undoings, 'undoing')}" if self.undoings else ""
        return counted(self.decisions, "decision") + undoings


def count_decisions(decisions: Iterable[Decision]) -> DecisionCounts:
    """How many of them are decisions, and how many take others back."""
    kinds = [one.kind for one in decisions]
    undoings = kinds.count(UNDO)
    return DecisionCounts(len(kinds) - undoings, undoings)


def check_decision(decision: Decision) -> Decision:
    """The decision, if it is one that can be kept.

    Raises:
        InputError: says what of it cannot be.
    """
    kind, contents = decision.kind, decision.contents
    if kind not in KINDS:
        raise InputError(f"{kind!r:.100} is no decision; expected {', '.join(KINDS)}")
    odd = next((text for text in contents if not _HASH.fullmatch(text)), None)
    if odd is not None:
        raise InputError(f"{odd!r:.100} is no content hash, which has 64 hex digits")
    if list(contents) != sorted(set(contents)):
        raise InputError(f"a decision of kind {kind} names an image twice")
    if len(contents) < KINDS[kind] or (kind == UNDO and contents):
        least = KINDS[kind] or "no"
        raise InputError(f"{kind} is said of {least} images or more, not of {len(contents)}")
    if len(contents) > MOST_CONTENTS:
        raise InputError(
            f"{kind} is said of {len(contents)} images, but {MOST_CONTENTS} are the most; say it "
            "of some at a time"
        )
    if not _TOKEN.fullmatch(decision.token) or decision.at.year not in _YEARS:
        raise InputError(f"decision {decision.token!r:.100} of {decision.at} cannot be one")
    if (kind == UNDO) != bool(_TOKEN.fullmatch(decision.undoes or "")):
        raise InputError(f"decision {decision.token} undoes {decision.undoes!r:.100}")
    return decision


def new_decision(
    kind: str,
    contents: Iterable[str] = (),
    *,
    undoes: str | None = None,
    after: Sequence[Decision] = (),
) -> Decision:
    """A decision that is made now, later than all that are known, whatever the clock says.

    Raises:
        InputError: it names too few contents, too many, or one twice.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    last = max((one.at for one in after), default=now)
    at = now if now > last or not after else last + _TICK
    given = sorted(contents)
    return check_decision(Decision(secrets.token_hex(8), at, kind, tuple(given), undoes))


def standing(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Those that hold: neither undone nor an undoing itself, in the order of time."""
    known = tuple(decisions)
    undone = {one.undoes for one in known if one.kind == UNDO}
    held = (one for one in known if one.kind != UNDO and one.token not in undone)
    return tuple(sorted(held, key=lambda one: one.order))


def read_decisions(connection: DuckDBPyConnection) -> tuple[Decision, ...]:
    """All decisions, in the order of time."""
    rows = connection.execute(
        'SELECT token, "at", kind, contents, undoes FROM decisions ORDER BY "at", token'
    ).fetchall()
    return tuple(
        Decision(token, at, kind, tuple(contents or ()), undoes)
        for token, at, kind, contents, undoes in rows
    )


def add_decisions(transaction: Transaction, decisions: Sequence[Decision]) -> None:
    """Append decisions that were checked, and that the log lacks."""
    rows: dict[str, list[Any]] = {
        "token": [one.token for one in decisions],
        "at": [one.at for one in decisions],
        "kind": [one.kind for one in decisions],
        "contents": [list(one.contents) for one in decisions],
        "undoes": [one.undoes for one in decisions],
        "seq": [transaction.seq] * len(decisions),
    }
    transaction.append("decisions", rows)
