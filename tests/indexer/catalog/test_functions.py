"""Every function of the installed DuckDB is harmless where a filter may call it, or refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from vitrail.indexer.catalog.expressions import read_expression
from vitrail.indexer.catalog.functions import ALLOWED, BARE_COLUMN, CONSTANT, RESHAPING
from vitrail.indexer.errors import InputError

ROOT = Path(__file__).parents[3]
CALLABLE = "WHERE function_type IN ('scalar', 'macro', 'aggregate', 'table', 'table_macro')"
# Chosen by what it does rather than by what it is called; each has hung, grown or reached out.
DANGEROUS = """
    sleep_ms pg_sleep repeat lpad rpad range generate_series list_resize format printf bar replace
    regexp_replace hex bin to_base64 string_split regexp_extract_all list_transform list_apply
    list_reduce list_aggregate unnest random setseed nextval currval setval gen_random_uuid uuid
    getvariable current_setting current_query txid_current write_log error read_text read_blob
    read_csv read_parquet read_json glob sniff_csv getenv duckdb_settings json_serialize_sql
    json_deserialize_sql damerau_levenshtein array_cross_product to_json json_keys url_encode
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as made:
        yield made


def call_of(name: str) -> str:
    return '"' + name.replace('"', '""') + '"(label) is null'


def test_every_function_is_allowed_or_refused_by_its_name(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = connection.execute(f"SELECT DISTINCT function_name FROM duckdb_functions() {CALLABLE}")
    names = {row[0] for row in rows.fetchall()}
    assert len(names) > 500
    for name in names | {*DANGEROUS.split()}:
        if name.lower() in ALLOWED:
            continue
        with pytest.raises(InputError) as refused:
            read_expression(connection, call_of(name), ["label"])
        assert f"calls {name.lower()}," in str(refused.value), name


def test_what_is_dangerous_is_not_allowed() -> None:
    assert not ALLOWED & {*DANGEROUS.split()}
    assert {*CONSTANT, *BARE_COLUMN, *RESHAPING} <= ALLOWED


def hostile(rows: int, seed: int, *names: str) -> list[str]:
    """What ``hostile_calls`` printed; a function that ends it is named by its last try."""
    command = [sys.executable, "-m", "tests.indexer.catalog.hostile_calls", str(rows), str(seed)]
    done = subprocess.run(
        [*command, *names], cwd=ROOT, capture_output=True, text=True, check=False, timeout=3600
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("rows", "seed"),
    [(4, 0), *(pytest.param(30, seed, marks=pytest.mark.slow) for seed in range(1, 6))],
)
def test_no_allowed_function_hangs_or_grows(rows: int, seed: int) -> None:
    lines = hostile(rows, seed)
    assert [line[:300] for line in lines if not line.startswith("ran ")] == []
    ran = {line.removeprefix("ran ") for line in lines}
    assert len(ran) > 0.9 * len(ALLOWED), sorted(ALLOWED - ran)


def test_growing_functions_would_be_noticed() -> None:
    for name in ("replace", "hex"):
        lines = hostile(20, 1, name)
        assert any(line.startswith(("grown", "memory")) for line in lines), name
