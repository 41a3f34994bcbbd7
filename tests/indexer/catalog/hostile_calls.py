"""Calls every function that a filter may call with hostile values; prints what went wrong.

``python -m tests.indexer.catalog.hostile_calls ROWS SEED`` runs by itself, since a function that
hangs or takes all memory must be one finding of a test and not its end.
"""

from __future__ import annotations

import itertools
import random
import resource
import sys
from collections.abc import Iterator, Set

import duckdb

from vitrail.indexer.catalog import expressions, functions
from vitrail.indexer.errors import InputError

MEMORY = 3 << 30  # bytes of address space
CPU = 400  # seconds for all of them: three a second on the slowest machine
LONG = 20_000
SLACK = 200  # characters that a result may have beside: a date or a number written out
GROWN = 1.01  # times as long a result may be as all that is given;
RESHAPED = 12.0  # of what may not be nested deeply,
JOINED = 1000.0  # and of what takes nothing but a column
TEXTS = [
    *("", "a" * LONG, "%a" * (LONG // 2), "\\" * LONG, '"' * LONG, "'" * LONG, "9" * LONG),
    *('{"a":' * 400, "[" * 400, "ß" * LONG, "İ" * LONG, "é" * LONG, "a/" * (LONG // 2)),
    *("2024-05-06 07:08:09", "%c%c%c", "(a*)*b", "1e308", "$..*", "\u0301" * LONG),
]
VALUES: dict[str, list[str]] = {
    "VARCHAR": ["'" + text.replace("'", "''") + "'" for text in TEXTS],
    "BIGINT": ["-9223372036854775808", "9223372036854775807", "0", "-1", "100000", "NULL"],
    "INTEGER": ["-2147483648", "2147483647", "0", "1000000000", "100000"],
    "DOUBLE": ["1e308", "-1e308", "'nan'", "'inf'", "5e-324", "0"],
    "HUGEINT": ["170141183460469231731687303715884105727", "-1", "0"],
    "DECIMAL(38,10)": ["9999999999999999999999999999.9999999999", "0", "-1"],
    "DATE": [
        "'0001-01-01'",
        "'9999-12-31'",
        "'infinity'",
        "'5877642-06-25 (BC)'",
        "'5881580-07-10'",
    ],
    "TIMESTAMP": ["'0001-01-01'", "'infinity'", "'290309-12-22 (BC)'", "'294247-01-10 04:00:54'"],
    "TIME": ["'00:00:00'", "'23:59:59.999999'"],
    "INTERVAL": ["'2147483647 months'", "'-2147483647 days'", "'9223372036854775 ms'", "'0 days'"],
    "BOOLEAN": ["true", "false", "NULL"],
    "VARCHAR[]": [
        "[]",
        "[''] ",
        f"[repeat('\\', {LONG})]",
        f"list_transform(range({LONG}), lambda x: '''')",
    ],
}
KINDS = {  # what stands for a parameter of a type that no column has
    **dict.fromkeys(("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT", "UINTEGER"), "INTEGER"),
    **dict.fromkeys(("UBIGINT", "UHUGEINT"), "HUGEINT"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS"), "TIMESTAMP"),
    **dict.fromkeys(("TIMESTAMP_NS", "TIMESTAMPTZ_NS"), "TIMESTAMP"),
    **dict.fromkeys(("TIME WITH TIME ZONE", "TIME_NS"), "TIME"),
    **dict.fromkeys(("ANY", "T", "K", "JSON", "None"), "VARCHAR"),
    **dict.fromkeys(("ANY[]", "T[]"), "VARCHAR[]"),
    **{"FLOAT": "DOUBLE", "DECIMAL": "DECIMAL(38,10)"},
}
COLUMNS = 3  # of each type, so that a call meets different values together


def name_of(kind: str, number: int) -> str:
    return f"{kind.split('(')[0].replace('[]', '_list').lower()}_{number}"


def make_table(connection: duckdb.DuckDBPyConnection, rows: int, seed: int) -> list[str]:
    random_ = random.Random(seed)
    names = [(kind, name_of(kind, n)) for kind in VALUES for n in range(COLUMNS)]
    listed = ", ".join(f"{name} {kind}" for kind, name in names)
    connection.execute(f"CREATE TABLE hostile ({listed})")
    orders = [random_.sample(VALUES[kind], len(VALUES[kind])) for kind, _ in names]
    for row in range(rows):
        values = [
            f"({order[row % len(order)]})::{kind}"
            for order, (kind, _) in zip(orders, names, strict=True)
        ]
        connection.execute(f"INSERT INTO hostile SELECT {', '.join(values)}")
    return [name for _, name in names]


def calls(
    connection: duckdb.DuckDBPyConnection, wanted_names: Set[str]
) -> Iterator[tuple[str, list[str]]]:
    """Names of functions with the columns to give them."""
    found = connection.execute(
        "SELECT DISTINCT function_name, parameter_types, varargs FROM duckdb_functions() "
        "WHERE function_type IN ('scalar', 'macro') ORDER BY ALL"
    ).fetchall()
    for name, kinds, varargs in found:
        wanted = [*map(str, kinds), *([varargs] * 2 if varargs else [])]
        for first in ("VARCHAR", "VARCHAR[]"):  # a macro's parameters are of any type
            known = [first if k == "None" and not i else k for i, k in enumerate(wanted)]
            stand_ins = [KINDS.get(kind, kind) for kind in known]
            if name in wanted_names and all(kind in VALUES for kind in stand_ins):
                yield name, [name_of(kind, i % COLUMNS) for i, kind in enumerate(stand_ins)]
            if known == wanted:
                break


def written(name: str, arguments: list[str], kinds: int) -> Iterator[str]:
    """The call with columns, and with constants (of some kinds) where columns may not be."""
    function = name if name.isidentifier() else f'"{name}"'
    constants = ["'a'", f"'{'(a|b)*' * 150}'", f"'{'%c' * 400}'", "'$.*'"]
    for constant in (None, *constants[:kinds]):
        for places in itertools.chain.from_iterable(
            itertools.combinations(range(len(arguments)), n) for n in range(len(arguments) + 1)
        ):
            if (constant is None) == (not places):
                given = [constant or a if i in places else a for i, a in enumerate(arguments)]
                yield f"{function}({', '.join(given)})"


def share(connection: duckdb.DuckDBPyConnection, call: str, arguments: list[str]) -> float:
    """How many times longer than all that it is given the longest result of a call is."""
    given = " + ".join(f"coalesce(length({one}::VARCHAR), 0)" for one in arguments) or "0"
    result = f"length(TRY(({call})::VARCHAR)) - {SLACK}"
    (row,) = connection.execute(
        f"SELECT max(({result}) / ({given} + {len(call)})) FROM hostile"
    ).fetchall()
    return float(row[0] or 0)


def most(name: str) -> float:
    if name in functions.BARE_COLUMN:
        return JOINED
    return RESHAPED if name in functions.RESHAPING else GROWN


def main(rows: int, seed: int, *also: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    allowed = functions.ALLOWED | {*also}
    setattr(expressions, "ALLOWED", allowed)  # noqa: B010 - the name that it imported
    connection = duckdb.connect(":memory:", config={"threads": 1})
    known = make_table(connection, rows, seed)
    for name, arguments in calls(connection, {*also} or allowed):
        for call in written(name, arguments, 1 + rows // 8):
            print(f"TRIES {call[:300]}", file=sys.stderr, flush=True)
            try:
                expressions.read_expression(connection, f"{call} is null", known)
                grown = share(connection, call, arguments)
            except InputError:
                continue
            except duckdb.OutOfMemoryException:
                print(f"memory: {call}")
            except duckdb.Error:
                print(f"ran {name}")  # values or types that do not fit
            else:
                print(f"ran {name}")
                if grown > most(name):
                    print(f"grown {grown:.2f} times: {call}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
