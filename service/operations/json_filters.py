"""Filters as JSON, made into the SQL expression that says the same.

A condition names a column and holds it against values; ``all``, ``any`` and ``not`` join others:

>>> print(to_sql({"any": [{"column": "width", "at_least": 512}, {"column": "label", "is": "cat"}]}))
(("width" >= 512) OR ("label" = 'cat'))
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from vitrail.indexer.errors import FilterError

MOST_PARTS = 1_000
"""Conditions and values of a filter, all together."""
DEEPEST = 32
_LARGEST = 2**64
_COMPARED = {
    "is": "=",
    "above": ">",
    "below": "<",
    "at_least": ">=",
    "at_most": "<=",
    "like": "LIKE",
}
OPERATORS = (*_COMPARED, "in", "has", "missing")
"""What a condition may say of its column: comparisons, ``in`` a list of values, a list that ``has``
a value, ``missing`` or not."""
_JOINED = {"all": (" AND ", "true"), "any": (" OR ", "false")}


def to_sql(given: Mapping[str, Any]) -> str:
    """The SQL expression of a filter; the catalog tells columns that there are from others.

    Args:
        given: plain JSON types.

    Raises:
        FilterError: it is no filter, or too large a one.
    """
    return _Reading().expression(given, 0)


class _Reading:
    """One filter, whose parts are counted as they are read."""

    def __init__(self) -> None:
        self._parts = 0

    def expression(self, given: Any, depth: int) -> str:
        if not isinstance(given, Mapping):
            raise FilterError(f"{_shown(given)} is no condition; {_FORM}")
        if depth > DEEPEST:
            raise FilterError(f"the filter is nested more than {DEEPEST} deep; write it flatter")
        if "column" in given:
            return self._condition(given)
        if len(given) != 1:
            raise FilterError(f"{_shown(dict(given))} is no condition; {_FORM}")
        ((word, inner),) = given.items()
        if word == "not":
            return f"(NOT {self.expression(inner, depth + 1)})"
        if word not in _JOINED or not isinstance(inner, list | tuple):
            raise FilterError(f"{_shown(dict(given))} is no condition; {_FORM}")
        between, empty = _JOINED[word]
        self._count(1)
        return f"({between.join(self.expression(one, depth + 1) for one in inner) or empty})"

    def _condition(self, given: Mapping[str, Any]) -> str:
        said = {word: value for word, value in given.items() if word != "column"}
        if not said or not said.keys() <= {*OPERATORS}:
            raise FilterError(
                f"{_shown(dict(given))} does not say what column {_shown(given['column'])} is held "
                f"against; use {', '.join(OPERATORS)}"
            )
        column = _name(given["column"])
        compared = [self._comparison(column, word, value) for word, value in said.items()]
        return compared[0] if len(compared) == 1 else f"({' AND '.join(compared)})"

    def _comparison(self, column: str, word: str, value: Any) -> str:
        if word == "missing":
            if not isinstance(value, bool):
                raise FilterError(f"missing is {_shown(value)}; give true or false")
            return f"({column} IS {'' if value else 'NOT '}NULL)"
        if word == "in":
            return self._one_of(column, value)
        self._count(1)
        if word == "has":
            return f"list_contains({column}, {_literal(value)})"
        if word == "like" and not isinstance(value, str):
            raise FilterError(f"like is {_shown(value)}; give a text with % for any other text")
        same = f"{column} {_COMPARED[word]} {_literal(value)}"
        return f"({same}{_by_last_name(column, [value]) if word == 'is' else ''})"

    def _one_of(self, column: str, values: Any) -> str:
        if not isinstance(values, list | tuple):
            raise FilterError(f"in is {_shown(values)}; give a list of values")
        self._count(len(values))
        if not values:
            return "false"
        listed = ", ".join(map(_literal, values))
        return f"({column} IN ({listed}){_by_last_name(column, values)})"

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > MOST_PARTS:
            raise FilterError(
                f"the filter has more than {MOST_PARTS:,} conditions and values; ask for less at "
                "once, or annotate the images and filter by that column"
            )


_FORM = (
    'give {"column": "width", "at_least": 512}, or such in {"all": [..]}, {"any": [..]} or '
    '{"not": ..}'
)


def _name(given: Any) -> str:
    """A column's name, quoted."""
    if not isinstance(given, str) or not given:
        raise FilterError(f"{_shown(given)} names no column; give its name as a text")
    return '"' + _text(given).replace('"', '""') + '"'


def _by_last_name(column: str, values: Iterable[Any]) -> str:
    """Models that are folders or files, by what they are called: so are they told of images."""
    if column.lower() != '"model"':
        return ""
    names = [one for one in values if isinstance(one, str) and one and "/" not in one]
    return "".join(f" OR ends_with({column}, {_literal('/' + one)})" for one in names)


def _literal(value: Any) -> str:
    """A value as SQL writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + _text(value).replace("'", "''") + "'"
    if isinstance(value, int) and abs(value) < _LARGEST:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    raise FilterError(
        f"a column cannot be held against {_shown(value)}; give a text, a number, true or false, "
        "and for no value at all missing"
    )


def _text(given: str) -> str:
    """Text that SQL can hold."""
    if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise FilterError(f"{_shown(given)} holds what is no text; give valid Unicode without NUL")
    return given


def _shown(given: object) -> str:
    return ascii(given)[:80]


def join_filters(where: str | None, given: Mapping[str, Any] | None) -> str | None:
    """A filter as SQL and one as JSON, of which both shall hold; ``None`` without either.

    Raises:
        FilterError: the latter is none, or the former is empty.
    """
    if given is None:
        return where
    if where is None:
        return to_sql(given)
    if not where.strip():
        raise FilterError("the filter is empty; leave it out to search everything")
    return f"({where}\n) AND {to_sql(given)}"
