"""Columns of the user's own that were made text by one cell, and are of another kind again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vitrail.indexer.catalog.kinds import PATTERNS, in_words
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.catalog.transaction import Transaction

TEXT = "VARCHAR"


@dataclass(frozen=True, slots=True)
class StillText:
    """A column that stays text though another kind of values came for it.

    Attributes:
        column: its name.
        kind: SQL type of what came.
        cells: how many images have something else there.
        text: what one of them has.
        path: of that one's first file, or ``None``.
    """

    column: str
    kind: str
    cells: int
    text: str
    path: str | None


def fill_kinds(
    transaction: Transaction, own: Mapping[str, str], new: Mapping[str, str]
) -> dict[str, str]:
    """The kinds of the table ``incoming``; a column that holds nothing takes the known one's."""
    known = {name.lower(): kind for name, kind in own.items()}
    kinds = dict(new)
    for name, kind in new.items():
        if kind == TEXT and known.get(name.lower(), TEXT) != TEXT:
            ((values,),) = transaction.rows(f"SELECT count({quote(name)}) FROM incoming")
            kinds[name] = kind if values else known[name.lower()]
    return kinds


def free_of_text(
    transaction: Transaction, own: Mapping[str, str], new: Mapping[str, str]
) -> tuple[StillText, ...]:
    """Give columns of the table ``merged`` another kind than text, where all its values are of one.

    That is done to columns for which values of another kind have just come, or none, so that a
    wrong cell is mended by annotating it anew. What was text all along is left alone.

    Args:
        transaction: with the temporary tables ``incoming`` and ``merged``.
        own: the collection's columns and their SQL types, before.
        new: those of ``incoming``.

    Returns:
        the columns that something else keeps from it.
    """
    coming = {name.lower(): (name, kind) for name, kind in new.items()}
    still = []
    for name in (name for name, kind in own.items() if kind == TEXT and name.lower() in coming):
        its_name, kind = coming[name.lower()]
        if kind == TEXT:
            ((values,),) = transaction.rows(f"SELECT count({quote(its_name)}) FROM incoming")
            if values:
                continue
        fitting = next((one for one in PATTERNS if _all_are(transaction, name, one)), None)
        if fitting is not None:
            transaction.run(f"ALTER TABLE temp.merged ALTER {quote(name)} TYPE {fitting}")
        elif kind in PATTERNS:
            still.append(_told(transaction, name, kind))
    return tuple(still)


def _fits(name: str, kinds: Iterable[str]) -> str:
    """SQL: whether a text is a value of one of the kinds, and would be the same cast back."""
    column = quote(name)
    tests = []
    for kind in kinds:
        cast = f"try_cast({column} AS {kind})"
        test = f"regexp_full_match({column}, '{PATTERNS[kind]}') AND {cast} IS NOT NULL"
        tests.append(f"({test} AND NOT isnan({cast}))" if kind == "DOUBLE" else f"({test})")
    return " OR ".join(tests)


def _all_are(transaction: Transaction, name: str, kind: str) -> bool:
    column = quote(name)
    ((values, fitting),) = transaction.rows(
        f"SELECT count({column}), count({column}) FILTER ({_fits(name, [kind])}) FROM temp.merged"
    )
    return bool(values) and values == fitting


def _told(transaction: Transaction, name: str, kind: str) -> StillText:
    alike = [one for one in PATTERNS if in_words(one) == in_words(kind)]
    column, odd = quote(name), f"NOT ({_fits(name, alike)})"
    text, path, cells = transaction.rows(
        f"SELECT m.{column}, (SELECT min(path) FROM files f WHERE f.content_hash = "
        f"m.content_hash), count(*) OVER () FROM temp.merged m WHERE {odd} "
        "ORDER BY 2 NULLS LAST LIMIT 1"
    )[0]
    return StillText(name, kind, cells, text, path)
