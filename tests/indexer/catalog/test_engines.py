"""DuckDB engines that are lent: each to one at a time, and empty."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.catalog import engines
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.engines import borrow, discard_idle, give_back


@pytest.fixture(autouse=True)
def _none_is_there() -> Iterator[None]:
    discard_idle()
    yield
    discard_idle()


def tables(engine: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in engine.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def test_one_that_was_given_back_is_lent_again_without_what_was_put_into_it() -> None:
    engine = borrow()
    engine.execute('CREATE TEMP TABLE held_images AS SELECT 1; CREATE TEMP TABLE "a ""b" (c INT)')
    assert len(tables(engine)) == 2
    give_back(engine)
    assert borrow() is engine
    assert tables(engine) == []
    assert borrow() is not engine, "it is lent to one at a time"


def test_one_that_is_out_of_order_is_lent_to_nobody() -> None:
    closed, failed = borrow(), borrow()
    closed.close()
    failed.execute("BEGIN")
    with pytest.raises(duckdb.Error):
        failed.execute("SELECT no_such_function()")
    for engine in (closed, failed):
        give_back(engine)
    assert engines._idle == []


def test_no_more_wait_than_are_of_use() -> None:
    lent = [borrow() for _ in range(5)]
    for engine in lent:
        give_back(engine)
    assert len(engines._idle) == 2
    closed = [one for one in lent if one not in engines._idle]
    for engine in closed:
        with pytest.raises(duckdb.ConnectionException):
            engine.execute("SELECT 1")


def test_a_catalog_has_its_own_until_it_is_closed(tmp_path: Path) -> None:
    one, other = (Catalog(str(tmp_path / f"{name}.duckdb")) for name in "ab")
    one.create(FINGERPRINT)
    other.create(FINGERPRINT)
    with one.reading() as first, other.reading() as second:
        assert first is not second
    one.close()
    third = Catalog(str(tmp_path / "a.duckdb"))
    with third.reading() as again:
        assert again is first
        found = again.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert (str(tmp_path / "a.duckdb"),) in found
    assert not any(str(path).endswith("b.duckdb") for (path,) in found)


def test_after_an_error_it_is_lent_to_nobody(tmp_path: Path) -> None:
    catalog = Catalog(str(tmp_path / "a.duckdb"))
    catalog.create(FINGERPRINT)
    lent: list[duckdb.DuckDBPyConnection] = []

    def fail(engine: duckdb.DuckDBPyConnection) -> None:
        lent.append(engine)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), catalog.writing("test") as transaction:
        fail(transaction.connection)
    catalog.close()
    assert engines._idle == []
    with catalog.reading() as another:
        assert another is not lent[0]


def test_a_readers_copy_is_sealed_and_lent_to_nobody(tmp_path: Path) -> None:
    catalog = Catalog(str(tmp_path / "a.duckdb"))
    catalog.create(FINGERPRINT)
    catalog.close()
    (idle,) = engines._idle
    replica = catalog.copy()
    assert engines._idle == []
    with pytest.raises(duckdb.Error, match="locked"):
        idle.execute("SET enable_external_access = true")
    del replica
    assert borrow() is not idle


FORKED = """
import os
from vitrail.indexer.catalog import engines
lent = engines.borrow()
engines.give_back(lent)
child = os.fork()
if not child:
    own = engines.borrow()
    alright = own is not lent and own.execute("SELECT 1").fetchall() == [(1,)]
    engines.give_back(own)
    os._exit(0 if alright and engines.borrow() is own else 1)
assert os.waitpid(child, 0)[1] == 0
assert engines.borrow() is lent
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_process_has_none_of_its_parents() -> None:
    command = [sys.executable, "-c", FORKED]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
