"""What a filter may be: one bounded expression over the columns."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitrail.indexer.catalog.columns import BUILT_IN
from vitrail.indexer.catalog.expressions import (
    _KEPT,
    _SHORT,
    DEEPEST,
    LONGEST,
    _parsed,
    read_expression,
)
from vitrail.indexer.errors import InputError

NESTED = {
    "not": lambda n: "not " * n + "true",
    "brackets": lambda n: "(" * n + "1" + ")" * n + " = 1",
    "joined": lambda n: "name" + "||'a'" * n + " = 'b'",
    "both": lambda n: "id=1" + " and (id=1 or id=2" * n + ")" * n,
    "case": lambda n: "case when true then " * n + "1" + " else 2 end" * n + " = 1",
    "cast": lambda n: "id" + "::int" * n + " = 1",
    "index": lambda n: "keywords" + "[1]" * n + " = 1",
    "null": lambda n: "id" + " is null" * n,
    "list": lambda n: "[" * n + "1" + "]" * n + " = []",
    "call": lambda n: "lower(" * n + "name" + ")" * n + " = 'a'",
    "in": lambda n: "1 in (1," * n + "1" + ")" * n,
    "lambda": lambda n: "list_filter([1], lambda x: " * n + "true" + ")" * n + " = []",
    "collate": lambda n: "name" + " collate nocase" * n + " = 'a'",
    "type": lambda n: "null::struct(a " * n + "int" + ")" * n + " = 1",
    "select": lambda n: "exists (select " * n + "1" + ")" * n,
    "zone": lambda n: "taken_at" + " at time zone 'UTC'" * n + " = 1",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as made:
        yield made


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("depth", [DEEPEST, 300, 900, 3000, 8000])
def test_nesting_without_end_is_one_line(
    connection: duckdb.DuckDBPyConnection, kind: str, depth: int
) -> None:
    text = NESTED[kind](depth)[: LONGEST + 1]
    if kind == "brackets" and depth <= 900:  # brackets leave nothing in the tree
        assert read_expression(connection, text, BUILT_IN).columns == frozenset()
        return
    with pytest.raises(InputError) as refused:
        read_expression(connection, text, BUILT_IN)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 2000


def test_long_lists_are_no_nesting(connection: duckdb.DuckDBPyConnection) -> None:
    ids = ",".join(map(str, range(10_000)))
    assert read_expression(connection, f"id in ({ids})", BUILT_IN).columns == {"id"}
    labels = " or ".join(f"label = '{n}'" for n in range(2_000))
    assert read_expression(connection, labels, BUILT_IN).columns == {"label"}
    with pytest.raises(InputError, match="100,000 are the most"):
        read_expression(connection, f"id in ({ids * 3})", BUILT_IN)


@pytest.mark.parametrize(
    ("where", "columns"),
    [
        ("Label = 'cat' and \"WIDTH\" > 5", {"label", "width"}),
        ("lower(name) like '%a%' or path ilike 'b'", {"name", "path"}),
        ("len(list_filter(keywords, lambda k: k like 'sea%')) > 0", {"keywords"}),
        ("recipe->>'$.steps' = '3'", {"recipe"}),
        ("taken_at > now() - interval 7 days and taken_at < current_date", {"taken_at"}),
        ("(width, height) = (1, 2) or [id] = []", {"width", "height", "id"}),
        ("regexp_matches(prompt, '(a|b)*c')", {"prompt"}),
        ("extract(year from taken_at) = 2024 and camera ~ 'x'", {"taken_at", "camera"}),
        ("case when generated then 1 else 2 end = 1", {"generated"}),
        ("array_to_string(keywords, ', ') like '%a%'", {"keywords"}),
        ("try_cast(label as integer) between ? and $2", {"label"}),
        ("coalesce(nullif(label, ''), 'none') in ('a', 'b')", {"label"}),
        ("labels[1] = 'a' and 'b' in labels", {"labels"}),
    ],
)
def test_what_people_write_is_read(
    connection: duckdb.DuckDBPyConnection, where: str, columns: set[str]
) -> None:
    assert read_expression(connection, where, BUILT_IN).columns == columns


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("lable = 'cat'", "did you mean label?"),
        ('label = "cat"', "'single quotes'"),
        ("images.width > 3", "'images.width'"),
        ("user = 'me'", "the column 'user'"),
        ("width > 3; select 1", "more than one expression"),
        ("columns(*) = 1", "more than one expression"),
        ("#1 = 1", "more than one expression"),
        ("row_number() over () = 1", "more than one expression"),
        ("id = any(select 1)", "more than one expression"),
        ("sleep_ms(100000) = 1", "calls sleep_ms, which a filter may not"),
        ("len(range(1000000000)) > 1", "calls range"),
        ("system.main.sleep_ms(1) = 1", "without a dot"),
        ("[k for k in keywords if true] = []", "calls list_apply"),
        ("null::integer[100000] is null", "casts to"),
        ("regexp_matches(name, prompt)", "argument 2 of regexp_matches names a column"),
        (f"regexp_matches(name, '{'a' * 1001}')", "1,001 characters, but 1,000"),
        ("array_to_string(['a', name], 'x') = ''", "must be a column"),
        ("concat(" + ",".join(["prompt"] * 65) + ") = ''", "65 values"),
        ("concat(" + ",".join(["''"] * 65) + ") = ''", "65 values"),
        ("\ud800 = 1", "no valid text"),
        ("label = 'a\0b'", "NUL"),
        ("label = ", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_filter_is_refused_in_one_line(
    connection: duckdb.DuckDBPyConnection, where: str, says: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_expression(connection, where, BUILT_IN)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


WORDS = """
label width 'a' 1 = > ( ) [ ] { } , ; -- /* */ ' " $$ and or not in like between case when end
select from lambda : :: int ? $1 * . null sleep_ms lower keywords \\ é ☃
"""
PIECES = st.sampled_from([*WORDS.split(), "\n", "\x00"])


@given(pieces=st.lists(PIECES, max_size=30))
@example(["$", "$"])
def test_any_text_is_read_or_refused(
    connection: duckdb.DuckDBPyConnection, pieces: list[str]
) -> None:
    try:
        read_expression(connection, " ".join(pieces), BUILT_IN)
    except InputError as refused:
        lines = str(refused).splitlines()
        assert len(lines) == 1


def test_what_was_read_before_is_held_to_its_columns_again(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    first = read_expression(connection, "width > 0", ["width", "label"])
    assert read_expression(connection, "width > 0", ["WIDTH"]).root == first.root
    with pytest.raises(InputError, match="width"):
        read_expression(connection, "width > 0", ["label"])


def test_few_filters_are_remembered(connection: duckdb.DuckDBPyConnection) -> None:
    for number in range(3 * _KEPT):
        read_expression(connection, f"width > {number}", ["width"])
        read_expression(connection, f"width > {number}" + " " * 2000, ["width"])
    assert 0 < len(_parsed) <= _KEPT
    assert all(len(where) <= _SHORT for where in _parsed)
