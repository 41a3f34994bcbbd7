"""Ids given out ahead to whoever stages segments, so that nobody gets them again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.changes import next_id
from vitrail.indexer.catalog.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Reservation:
    """A range of ids for one segment; plain, so that it may be sent to another process.

    Attributes:
        token: names it, and is in the name of the segment that is staged with it.
        first: smallest id of the range.
        last: largest one.
        until: when it is over, in seconds since 1970 by the writer's clock: what was staged with it
            and not adopted by then is swept.
        seq: the commit that gave it.
    """

    token: str
    first: int
    last: int
    until: float
    seq: int

    @property
    def count(self) -> int:
        """How many ids it has."""
        return self.last - self.first + 1


def reserve_ids(transaction: Transaction, count: int, seconds: float) -> Reservation:
    """Give out the next ``count`` ids, which are nobody else's from this commit on.

    Args:
        transaction: the writer's.
        count: how many.
        seconds: for how long what is staged with them is kept.
    """
    first, now = next_id(transaction), time.time()
    made = Reservation(
        secrets.token_hex(8), first, first + count - 1, now + seconds, transaction.seq
    )
    # The new one ends above all of them, so that no id of theirs is given again.
    transaction.run("DELETE FROM reservations WHERE NOT open OR until < ?", [now])
    transaction.append(
        "reservations",
        {
            "token": [made.token],
            "first": [made.first],
            "last": [made.last],
            "until": [made.until],
            "open": [True],
            "seq": [made.seq],
        },
    )
    return made


def open_reservations(connection: DuckDBPyConnection) -> dict[str, Reservation]:
    """Those with which nothing was adopted yet, by token."""
    rows = connection.execute(
        'SELECT token, "first", "last", until, seq FROM reservations WHERE open'
    ).fetchall()
    return {row[0]: Reservation(*row) for row in rows}


def close_reservations(transaction: Transaction, tokens: Iterable[str]) -> None:
    """Note that these are used; their ids stay out of reach."""
    listed = list(tokens)
    if listed:
        transaction.run(
            "UPDATE reservations SET open = false "
            "WHERE open AND token IN (SELECT unnest(?::VARCHAR[]))",
            [listed],
        )


def keep_ids_below(transaction: Transaction, last: int) -> None:
    """Let ids go on above ``last``, whatever images there are."""
    if last >= next_id(transaction):
        transaction.append(
            "reservations",
            {
                "token": [secrets.token_hex(8)],
                "first": [last],
                "last": [last],
                "until": [0.0],
                "open": [False],
                "seq": [transaction.seq],
            },
        )
