"""A filter as DuckDB's own parser reads it, held to what a filter may be.

What is checked here is all that stands between SQL that somebody else wrote and this process:
DuckDB's limits of memory do not hold for texts and lists, and it looks for interruptions only
between blocks of some thousand rows. ``bounds`` does the rest.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.functions import (
    ALLOWED,
    BARE_COLUMN,
    CASTS,
    CONSTANT,
    RESHAPING,
    WORDS,
)
from vitrail.indexer.errors import FilterError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST = 100_000  # characters: some ten thousand ids
DEEPEST = 50  # levels; and and or add none
_RESHAPED = 6  # levels of what can double a text
_ARGUMENTS = 64  # of one function, and columns below one
_PATTERN = 1000  # characters of a pattern, a format, a separator
_PLAIN = {"COMPARISON", "CONJUNCTION", "CONSTANT", "BETWEEN", "CASE", "PARAMETER", "COLLATE"}
_OPERATORS = {
    "OPERATOR_NOT",
    "OPERATOR_IS_NULL",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_COALESCE",
    "OPERATOR_NULLIF",
    "OPERATOR_TRY",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "ARRAY_CONSTRUCTOR",
    "ARRAY_EXTRACT",
    "ARRAY_SLICE",
}
_KEPT, _SHORT = 64, 1000  # filters whose parse trees are kept, and characters of such a one
_SHOWN = 200  # characters of a filter in a message
_EXAMPLE = "label = 'cat' and width > 512"
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A filter that may be run.

    Attributes:
        text: as the user wrote it.
        columns: lower-case names of the columns that it mentions.
        root: DuckDB's parse tree of it.
    """

    text: str
    columns: frozenset[str]
    root: Node


def read_expression(connection: DuckDBPyConnection, where: str, known: Iterable[str]) -> Expression:
    """Parse a filter, and refuse what is no single, bounded expression over the known columns.

    Raises:
        FilterError: it cannot be read, is more than that, or names an unknown column or function.
    """
    root = _parsed.get(where) or _keep(where, _parse(connection, where))
    names = {name.lower(): name for name in known}
    check = _Check(where, names)
    check.node(root, depth=1, reshaped=0, variables=frozenset())
    return Expression(where, frozenset(check.mentioned), root)


def children(node: Node) -> Iterator[Node]:
    """The expressions that an expression is made of, in the order of the text."""
    pending = list(reversed(list(node.values())))
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and isinstance(item.get("class"), str):
            yield item
        elif isinstance(item, dict):
            pending.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            pending.extend(reversed(item))


def column_of(node: Node) -> str | None:
    """Lower-case name of the column that an expression is, or ``None``."""
    names = node["column_names"] if node["class"] == "COLUMN_REF" else []
    return str(names[0]).lower() if len(names) == 1 else None


def constant_of(node: Node) -> tuple[str, str] | None:
    """Kind (``STRING``, ``INTEGER``, ...) and text of the constant that an expression is."""
    literal = node.get("literal") if node["class"] == "CONSTANT" else None
    return (str(literal["kind"]), str(literal["text"])) if isinstance(literal, dict) else None


_parsed: dict[str, Node] = {}  # by the text alone: what it may name is held to each time


def _keep(where: str, root: Node) -> Node:
    """Remember how a filter is read: DuckDB's parser takes longer than many a filter itself."""
    if len(where) <= _SHORT:
        if len(_parsed) >= _KEPT:
            _parsed.clear()
        _parsed[where] = root
    return root


def _parse(connection: DuckDBPyConnection, where: str) -> Node:
    try:
        where.encode()
    except UnicodeEncodeError:
        raise FilterError("the filter holds characters that are no valid text; retype it") from None
    if len(where) > LONGEST:
        raise FilterError(
            f"the filter has {len(where):,} characters, but {LONGEST:,} are the most; put long "
            "lists into a column of your own with `vitrail annotate`"
        )
    if "\0" in where:
        raise FilterError(f"the filter {quoted(where)} holds a NUL character; leave it out")
    # Bare it must parse too, lest its brackets close ours; in brackets it can have no alias.
    # Line breaks keep a trailing comment from swallowing the bracket.
    texts = [f"SELECT\n{where}\n", f"SELECT (\n{where}\n)"]
    rows = connection.execute("SELECT json_serialize_sql(unnest(?::VARCHAR[]))", [texts]).fetchall()
    try:
        bare, parsed = (json.loads(row[0]) for row in rows)
    except RecursionError:
        raise _too_deep(where) from None
    _one(where, bare)
    return _one(where, parsed)


def _one(where: str, parsed: Mapping[str, Any]) -> Node:
    """The one expression of a parsed statement."""
    problem = " ".join(str(parsed.get("error_message", "")).split())[:_SHOWN]
    if "expression depth" in problem:
        raise _too_deep(where)
    statements = parsed.get("statements", [])
    if parsed["error"] and "Only SELECT" not in problem:
        raise FilterError(
            f"the filter {quoted(where)} cannot be read: {problem or 'not SQL'}; "
            f"write an SQL expression such as {_EXAMPLE}"
        )
    node = statements[0]["node"] if len(statements) == 1 else {}
    listed = node.get("select_list", [])
    if len(listed) != 1:
        raise _not_one(where)
    root: Node = listed[0]
    return root


@dataclass(slots=True)
class _Check:
    """One walk over a parse tree; recursion is bounded by the depth it allows."""

    where: str
    known: Mapping[str, str]
    mentioned: set[str] = field(default_factory=set)

    def node(self, node: Node, *, depth: int, reshaped: int, variables: frozenset[str]) -> int:
        """Check an expression and those below, and count the columns they mention."""
        kind, columns = node["class"], 0
        if depth > DEEPEST:
            raise _too_deep(self.where)
        if kind == "COLUMN_REF":
            return self._column(node, variables)
        if kind == "FUNCTION":
            reshaped += self._function(node)
        elif kind == "CAST":
            reshaped += self._cast(node)
        elif kind == "LAMBDA":
            variables = self._lambda(node, variables)
        elif kind not in _PLAIN and not (kind == "OPERATOR" and node["type"] in _OPERATORS):
            raise _not_one(self.where)
        if reshaped > _RESHAPED:
            raise _too_deep(self.where)
        for child in children(node):
            if child["class"] != "TYPE":
                columns += self.node(child, depth=depth + 1, reshaped=reshaped, variables=variables)
        if kind == "FUNCTION":
            self._sizes(node, columns)
        return columns

    def _column(self, node: Node, variables: frozenset[str]) -> int:
        first, *_ = names = [str(name).lower() for name in node["column_names"]]
        if first in variables or (len(names) == 1 and first in WORDS - self.known.keys()):
            return first in variables
        if first not in self.known:
            raise unknown_column(".".join(node["column_names"]), self.known.values())
        self.mentioned.add(first)
        return 1

    def _function(self, node: Node) -> int:
        name = str(node["function_name"]).lower()
        if node.get("schema") or node.get("catalog"):
            raise FilterError(
                f"the filter calls {node.get('schema') or node['catalog']}.{name}; write "
                f"{name}(column, ...) without a dot"
            )
        if name not in ALLOWED:
            raise FilterError(
                f"the filter calls {name}, which a filter may not; those that it may are listed "
                "in docs/cli.md under `--where`"
            )
        arguments = list(children({"arguments": node.get("arguments", node.get("children", ()))}))
        if name in BARE_COLUMN and arguments and column_of(arguments[0]) is None:
            raise FilterError(f"the first argument of {name} must be a column in a filter")
        for place in CONSTANT.get(name, ()):
            if place < len(arguments):
                self._constant(name, place, arguments[place])
        return name in RESHAPING

    def _constant(self, name: str, place: int, argument: Node) -> None:
        if any(node["class"] == "COLUMN_REF" for node in _within(argument)):
            raise FilterError(
                f"argument {place + 1} of {name} names a column; a filter must give it itself, "
                "such as 'text'"
            )
        long = [
            c for node in _within(argument) if (c := constant_of(node)) and len(c[1]) > _PATTERN
        ]
        if long:
            raise FilterError(
                f"argument {place + 1} of {name} has {len(long[0][1]):,} characters, but "
                f"{_PATTERN:,} are the most in a filter"
            )

    def _sizes(self, node: Node, columns: int) -> None:
        name = str(node["function_name"]).lower()
        many = len(node.get("arguments", node.get("children", ())))
        if columns > _ARGUMENTS or (many > _ARGUMENTS and name not in ("list_value", "row")):
            raise FilterError(
                f"{name} is given {max(many, columns)} values in the filter, but {_ARGUMENTS} are "
                "the most; write several conditions"
            )

    def _cast(self, node: Node) -> int:
        kind = node.get("type_expr")
        name = str(kind.get("type_name", "")).lower() if isinstance(kind, dict) else "?"
        if name not in CASTS:
            raise FilterError(
                f"the filter casts to {name}, which a filter may not; it may to numbers, dates, "
                "times and VARCHAR"
            )
        return 1

    def _lambda(self, node: Node, variables: frozenset[str]) -> frozenset[str]:
        if variables:
            raise FilterError(
                f"the filter {quoted(self.where)} has a lambda in a lambda; write one alone"
            )
        found = [n for n in _within(node["lhs"]) if n["class"] == "COLUMN_REF"]
        return frozenset(str(n["column_names"][0]).lower() for n in found)


def quoted(where: str) -> str:
    """A filter as messages show it: its beginning."""
    return repr(where if len(where) <= _SHOWN else where[:_SHOWN] + "...")


def _within(node: Node) -> Iterator[Node]:
    """An expression and all those below it."""
    pending = [node]
    while pending:
        yield (one := pending.pop())
        pending.extend(children(one))


def unknown_column(name: str, known: Iterable[str], *, asker: str = "the filter") -> FilterError:
    """The refusal of a column that the collection lacks, with the nearest that it has."""
    names = sorted(known)
    by_lower = {column.lower(): column for column in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    hint = " (texts are written in 'single quotes')" if asker == "the filter" else ""
    meant = f"; did you mean {by_lower[near[0]]}?" if near else ";"
    return FilterError(
        f"{asker} names the column {name!r:.100}, which this collection lacks{meant} it has "
        f"{', '.join(names)}{hint}"
    )


def _too_deep(where: str) -> FilterError:
    return FilterError(
        f"the filter {quoted(where)} is nested too deeply; {DEEPEST} levels are the most, "
        f"and {_RESHAPED} of casts and of lists in lists"
    )


def _not_one(where: str) -> FilterError:
    return FilterError(
        f"the filter {quoted(where)} is more than one expression over the columns; "
        "write one, without semicolons or SELECT"
    )
