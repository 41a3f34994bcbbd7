from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitrail.indexer.catalog.journal import KEYS, LINE_ROWS, Journal
from vitrail.indexer.catalog.journal_file import measure
from vitrail.indexer.catalog.journal_lines import encode
from vitrail.indexer.catalog.replay import replay
from vitrail.indexer.catalog.schema import TABLES, create_tables
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.errors import DamagedError, NewerFormatError


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(str(tmp_path / "journal"))
    os.mkdir(made.folder)
    made.start()
    return made


def _write(journal: Journal, seq: int, name: str = "a", rows: int = 1) -> None:
    record = journal.begin(seq)
    record.note("segments", "append", {"name": [f"{name}{i}" for i in range(rows)]})
    record.seal()


def _names(journal: Journal, after: int = 0) -> list[str]:
    lines = journal.changes(after)
    return [n for line in lines for c in line["changes"] for n in c["columns"]["name"]]


def _file(journal: Journal) -> Path:
    return Path(journal.folder) / sorted(os.listdir(journal.folder))[-1]


def test_records_come_back_in_order_and_after_a_commit(journal: Journal) -> None:
    for seq in range(1, 5):
        _write(journal, seq, f"{seq}-")
    assert _names(journal) == ["1-0", "2-0", "3-0", "4-0"]
    assert _names(journal, 2) == ["3-0", "4-0"]
    assert journal.reaches(0) == 4
    assert journal.follows(4, 4)
    assert not journal.follows(5, 5)


def test_a_record_of_many_rows_is_one_record(journal: Journal) -> None:
    _write(journal, 1, rows=2 * LINE_ROWS + 5)
    assert len(_names(journal)) == 2 * LINE_ROWS + 5
    os.truncate(_file(journal), _file(journal).stat().st_size - 1)
    assert _names(journal) == []
    assert journal.reaches(0) == 0


def test_every_torn_end_is_the_record_before(tmp_path: Path, journal: Journal) -> None:
    _write(journal, 1)
    whole = _file(journal).stat().st_size
    _write(journal, 2, "b", rows=LINE_ROWS + 1)
    data = _file(journal).read_bytes()
    journal.close()
    for end in (*range(whole, whole + 90), len(data) - 40, len(data) - 1):
        _file(journal).write_bytes(data[:end])
        [extent] = journal.extents()
        assert (extent.seq, extent.end, extent.damaged) == (1, whole, False)
        assert extent.torn == (end > whole)
    # The file system may have written the end of a record, and not its beginning.
    _file(journal).write_bytes(data[:whole] + bytes(4096) + data[whole + 4096 :])
    assert [extent.damaged for extent in journal.extents()] == [False]
    _write(journal, 2, "c")
    assert _names(journal) == ["a0", "c0"]


@example(228, 0)  # the break between two records
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_is_told_unless_it_may_be_a_torn_end(offset: int, bit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(folder)
        journal.start()
        ends = []
        for seq in range(1, 4):
            _write(journal, seq, f"{seq}-")
            ends.append(_file(journal).stat().st_size)
        journal.close()
        data = bytearray(_file(journal).read_bytes())
        offset %= len(data)
        data[offset] ^= 1 << bit
        _file(journal).write_bytes(data)
        [extent] = journal.extents()
        assert extent.damaged == (offset < ends[1])
        assert extent.damaged or extent.torn
        good = sum(end <= offset for end in ends)
        assert _names(journal) == [f"{seq}-0" for seq in range(1, good + 1)]


def test_a_record_of_a_commit_that_never_happened_goes_for_good(journal: Journal) -> None:
    _write(journal, 1)
    _write(journal, 2, "aborted")
    journal.close()
    record = journal.begin(2)  # as the catalog, which ends at 1, says
    assert _names(journal) == ["a0"]  # before the new one is written
    record.note("segments", "append", {"name": ["b"]})
    record.seal()
    _write(journal, 3, "c")
    assert _names(journal) == ["a0", "b", "c0"]


def test_what_was_begun_and_abandoned_leaves_nothing(journal: Journal) -> None:
    _write(journal, 1)
    before = _file(journal).read_bytes()
    record = journal.begin(2)
    record.note("segments", "append", {"name": [str(n) for n in range(3 * LINE_ROWS)]})
    record.abandon()
    assert _file(journal).read_bytes() == before


def test_a_catalog_that_is_behind_is_refused(journal: Journal) -> None:
    for seq in (1, 2, 3):
        _write(journal, seq)
    with pytest.raises(DamagedError, match=r"ends at commit 1, .* commit 3"):
        journal.begin(2)


def test_a_gap_or_damage_begins_a_new_file(journal: Journal) -> None:
    _write(journal, 1)
    _write(journal, 7)
    assert len(journal.extents()) == 2
    assert journal.reaches(0) == 1
    assert journal.reaches(6) == 7
    data = bytearray(_file(journal).read_bytes())
    data[20] ^= 1
    _write(journal, 8)
    journal.close()
    _file(journal).write_bytes(bytes(data) + b"".join([encode(9, {}, whole=True)]))
    assert journal.extents()[-1].damaged
    _write(journal, 10)
    assert journal.reaches(9) == 10


def test_snapshots_cut_it_and_take_what_is_not_needed(journal: Journal) -> None:
    for seq in range(1, 4):
        _write(journal, seq)
    journal.cut(3, kept=0)
    _write(journal, 4)
    journal.cut(4, kept=3)
    assert [extent.after for extent in journal.extents()] == [3, 4]
    assert journal.reaches(3) == 4
    assert journal.follows(4, 4)


def test_a_newer_version_is_told(journal: Journal) -> None:
    _file(journal).write_bytes(encode(0, {"journal": 2}, whole=True))
    with pytest.raises(NewerFormatError, match=r"version 2, .* upgrade vitrail"):
        measure(str(_file(journal)))


_VALUES: dict[str, list[Any]] = {
    "VARCHAR": ["plain", 'quo"te\n\0', "é\u2028😀", "", None],
    "BLOB": [b"\xff\x00", b"", None],
    "BIGINT": [-(1 << 63), (1 << 63) - 1, None],
    "BOOLEAN": [True, False, None],
    "TIMESTAMP": [datetime(1, 1, 1), datetime(2024, 2, 29, 1, 2, 3, 456789), None],
    "UBIGINT": [(1 << 64) - 1, 0, None],
    "INTEGER": [-(1 << 31), None],
    "DOUBLE": [0.1, 1e300, -0.0, float("inf"), None],
    "VARCHAR[]": [["a", 'b"', ""], [], None],
}


@pytest.mark.parametrize("table", sorted(KEYS.keys() - {"annotations", "images", "predictions"}))
def test_every_type_of_every_table_comes_back(journal: Journal, table: str) -> None:
    count = 12
    columns = {
        name: [_VALUES[kind][i % len(_VALUES[kind])] for i in range(count)]
        for name, kind in TABLES[table].items()
    }
    with duckdb.connect() as one, duckdb.connect() as other:
        create_tables(one)
        create_tables(other)
        record = journal.begin(1)
        transaction = Transaction(one, 1, record)
        transaction.append(table, columns)
        key = KEYS[table][0]
        transaction.run(f"DELETE FROM {table} WHERE {key} = ?", [columns[key][0]])
        transaction.run(f"INSERT INTO {table} SELECT * FROM {table} WHERE {key} IS NULL")
        changed = next(name for name in columns if name not in KEYS[table])
        transaction.run(f'UPDATE {table} SET "{changed}" = NULL WHERE {key} = ?', [columns[key][1]])
        record.seal()
        _again(journal, other)
        assert _rows(one, table) == _rows(other, table)


_KINDS: dict[str, list[Any]] = {
    "TINYINT": [-128, None],
    "HUGEINT": [(1 << 127) - 1, -(1 << 100), None],
    "FLOAT": [0.1, None],
    "DOUBLE": [0.1, 1 / 3, 5e-324, None],
    "DECIMAL(18,3)": ["1.500", None],
    "DATE": ["2024-02-29", None],
    "TIME": ["23:59:59.999999", None],
    "TIMESTAMP": ["2024-02-29 01:02:03.456789", None],
    "TIMESTAMP_NS": ["2024-02-29 01:02:03.456789123", None],
    "INTERVAL": ["1 month 3 days", None],
    "UUID": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", None],
    "BLOB": [b"\x00\xffa", None],
    "BOOLEAN": [True, None],
    "VARCHAR": ["NULL", "", 'it\'s\n"x", {a}', None],
    "VARCHAR[]": [["a, b", "c'\"", "NULL", "", "{x}", None], [], None],
    "STRUCT(a INTEGER, b VARCHAR)": [{"a": 1, "b": "x, 'y'"}, None],
    "MAP(VARCHAR, INTEGER)": [{"a": 1}, None],
    "ENUM('a', 'b c')": ["b c", None],
}


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_every_type_that_a_user_may_annotate_with_comes_back(journal: Journal, kind: str) -> None:
    with duckdb.connect() as one, duckdb.connect() as other:
        for connection in (one, other):
            create_tables(connection)
            connection.execute("INSERT INTO annotations VALUES ('kept')")
        one.execute(f'CREATE TEMP TABLE merged (content_hash VARCHAR, "its ""own""" {kind})')
        one.execute("INSERT INTO merged (content_hash) VALUES ('kept')")
        for number, value in enumerate(_KINDS[kind]):
            one.execute(f"INSERT INTO merged VALUES (?, ?::{kind})", [str(number), value])
        record = journal.begin(1)
        one.execute(
            "CREATE TEMP TABLE matched AS SELECT content_hash FROM merged "
            "WHERE content_hash <> 'kept'"
        )
        Transaction(one, 1, record).replace_annotations("merged", changed="matched")
        record.seal()
        _again(journal, other)
        assert _rows(one, "annotations") == _rows(other, "annotations")
        assert (
            one.execute("DESCRIBE annotations").fetchall()
            == other.execute("DESCRIBE annotations").fetchall()
        )


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE OR REPLACE TABLE files AS SELECT 1",
        "alter table annotations add column x integer",
        "TRUNCATE deletions",
        " MERGE INTO files USING x ON true",
        "DROP TABLE roots",
    ],
)
def test_a_change_that_cannot_be_noted_is_refused(journal: Journal, sql: str) -> None:
    with duckdb.connect() as connection:
        create_tables(connection)
        with pytest.raises(TypeError):
            Transaction(connection, 1, journal.begin(1)).run(sql)


def test_a_query_that_changes_is_refused() -> None:
    with duckdb.connect() as connection:
        create_tables(connection)
        with pytest.raises(TypeError, match="goes through run"):
            Transaction(connection, 1).rows("DELETE FROM files RETURNING path")


def _again(journal: Journal, connection: duckdb.DuckDBPyConnection) -> None:
    for line in journal.changes(0):
        replay(connection, line)


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return sorted(str(row) for row in connection.execute(f"SELECT * FROM {table}").fetchall())
