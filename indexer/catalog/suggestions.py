"""What a filter that lets nothing through may have meant: the nearest values there are."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vitrail.indexer.catalog.bounds import run_bounded
from vitrail.indexer.catalog.columns import relation
from vitrail.indexer.catalog.expressions import Node, children, column_of, constant_of
from vitrail.indexer.catalog.filtering import Filtered
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.errors import InputError

SECONDS = 3.0  # for all that is asked of the catalog, about
_MOST = 8  # conditions that are looked at
_NEAR = 0.8  # of 1, from which on two words are alike (Jaro and Winkler)
_NAMED = 3
_ORDERED = {
    "COMPARE_LESSTHAN": ("<", ">"),
    "COMPARE_GREATERTHAN": (">", "<"),
    "COMPARE_LESSTHANOREQUALTO": ("<=", ">="),
    "COMPARE_GREATERTHANOREQUALTO": (">=", "<="),
}  # and as it is where the constant comes first
_LIKE = {"~~": "LIKE", "~~*": "ILIKE"}
_LISTS = {"contains", "list_contains", "list_has", "array_contains", "array_has"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a filter that compares a column with constants.

    Attributes:
        column: its name, in lower case.
        test: SQL with ``c`` for the column and ``?`` for each value.
        values: as texts.
    """

    column: str
    test: str
    values: tuple[str, ...]


def suggest(chosen: Filtered) -> list[str]:
    """Lines on those conditions of a filter that are true of no image at all; perhaps none."""
    lines: list[str] = []
    conditions, whole = read_conditions(chosen.expression.root)
    deadline = time.monotonic() + SECONDS
    for condition in conditions[:_MOST]:
        try:
            lines += _Values(chosen, condition, deadline).lines()
        except InputError:  # a value that the column cannot have, or too long for a mere help
            whole = False
    if not lines and whole and len(conditions) > 1:
        return ["each condition is true of some image, but all of them of no single file"]
    return lines


def read_conditions(root: Node) -> tuple[list[Condition], bool]:
    """The conditions that a filter joins by and and or, and whether it is nothing else."""
    if root["class"] == "CONJUNCTION":
        parts = [read_conditions(child) for child in children(root)]
        only_and = root["type"] == "CONJUNCTION_AND"
        return [c for found, _ in parts for c in found], only_and and all(w for _, w in parts)
    condition = _condition(root)
    return ([condition], True) if condition else ([], False)


def _condition(node: Node) -> Condition | None:
    parts = list(children(node))
    kind, name = node["type"], str(node.get("function_name", ""))
    column = column_of(parts[0]) if parts else None
    values = [_constant(part) for part in parts[1:]]
    turned = node["class"] == "COMPARISON" and column is None and len(parts) == 2
    if turned:
        column, values = column_of(parts[1]), [_constant(parts[0])]  # 512 < width
    texts = [value for value in values if value is not None]
    if column is None or not texts or len(texts) < len(values):
        return None
    test = None
    if kind == "COMPARE_EQUAL":
        test = "c = ?"
    elif kind == "COMPARE_IN":
        test = f"c IN ({', '.join('?' * len(texts))})"
    elif kind in _ORDERED:
        test = f"c {_ORDERED[kind][turned]} ?"
    elif kind == "COMPARE_BETWEEN":
        test = "c BETWEEN ? AND ?"
    elif name in _LIKE:
        test = f"c {_LIKE[name]} ?"
    elif name in _LISTS:
        test = "list_contains(c, ?)"
    return None if test is None else Condition(column, test, tuple(texts))


def _constant(node: Node) -> str | None:
    if node["class"] == "CAST":  # date '2024-01-01'
        return next((_constant(part) for part in children(node)), None)
    known = constant_of(node)
    return known[1] if known and known[0] != "NULL_LITERAL" else None


@dataclass(frozen=True, slots=True)
class _Values:
    """What the collection has in a condition's column."""

    chosen: Filtered
    condition: Condition
    deadline: float

    def lines(self) -> Iterator[str]:
        column = quote(self.condition.column)
        ((kind, some, low, high),) = self._ask(
            f"SELECT any_value(typeof({column})), count({column}), min({column}), max({column}) "
            "FROM {source}"
        )
        if not some:
            yield f"{self.condition.column} is empty in every image"
        elif kind in ("VARCHAR", "VARCHAR[]"):
            yield from self._texts(column, listed=kind.endswith("[]"))
        elif not self._exists(column):
            yield f"{self.condition.column} is from {low} to {high} here"

    def _exists(self, column: str) -> bool:
        test = self.condition.test.replace("c ", f"{column} ", 1)
        test = test.replace("(c,", f"({column},", 1)
        values = list(self.condition.values)
        return bool(self._ask(f"SELECT 1 FROM {{source}} WHERE {test} LIMIT 1", values))

    def _texts(self, column: str, *, listed: bool) -> Iterator[str]:
        if listed != ("list_contains" in self.condition.test) or self._exists(column):
            return
        value = f"unnest({column})" if listed else column
        for wanted in self.condition.values[:_MOST]:
            yield self._nearest(
                value, wanted.strip("%_") if "LIKE" in self.condition.test else wanted
            )

    def _nearest(self, value: str, wanted: str) -> str:
        shown = f"no {self.condition.column} is {_quoted(wanted)}"
        if "LIKE" in self.condition.test:
            shown = f"no {self.condition.column} is like {_quoted(self.condition.values[0])}"
        elif "list" in self.condition.test:
            shown = f"{_quoted(wanted)} is in no {self.condition.column}"
        word = re.sub(r"[\\/]+$", "", wanted)
        rows = self._ask(
            "SELECT v, images, ends_with(lower(v), '/' || lower(ltrim($1, './'))) AS ends, "
            "contains(lower(v), lower($1)) OR contains(lower($1), lower(v)) AS part, "
            "jaro_winkler_similarity(left(lower(v), 200), left(lower($1), 200)) AS alike FROM "
            f"(SELECT v, count(*) AS images FROM (SELECT {value} AS v FROM {{source}}) "
            "WHERE v <> '' GROUP BY v) "
            "ORDER BY lower(v) = lower($1) DESC, ends DESC, part DESC, alike DESC, v "
            f"LIMIT {_NAMED + 1}",
            [word],
        )
        near = [row for row in rows if row[2] or row[3] or row[4] >= _NEAR]
        if any(row[2] for row in near):
            near = [row for row in near if row[2]]
        if near:
            named = ", ".join(f"{_quoted(row[0])} ({row[1]:,})" for row in near[:_NAMED])
            return f"{shown}; nearest: {named}"
        named = ", ".join(_quoted(row[0]) for row in rows[:_NAMED])
        more = ", ..." if len(rows) > _NAMED else ""
        return f"{shown}; there is {named}{more}" if named else shown

    def _ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        import duckdb

        source = relation(self.chosen.connection, {self.condition.column}, flat=self.chosen.flat)
        try:
            return run_bounded(
                self.chosen.connection,
                sql.replace("{source}", source),
                parameters,
                where=self.chosen.expression.text,
                seconds=max(0.1, self.deadline - time.monotonic()),
            ).fetchall()
        except duckdb.Error as error:  # a value that the column's type does not take
            raise InputError(str(error)) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
