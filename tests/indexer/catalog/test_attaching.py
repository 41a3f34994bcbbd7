"""How DuckDB behaves where it is asked for the catalog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.collection.store import CollectionStore

ASKED = """
import sys, duckdb
from vitrail.indexer.catalog.catalog import Catalog
asked = "SELECT current_setting('enable_progress_bar')"
assert duckdb.connect().execute(asked).fetchall() == [(True,)], "as it is by itself"
catalog = Catalog(sys.argv[1])
for opened in (catalog.reading, catalog.sealed, catalog.preparing):
    with opened() as found:
        connection = getattr(found, "connection", found)
        assert connection.execute(asked).fetchall() == [(False,)], opened
replica = catalog.copy()
assert replica.cursor(replica.head).execute(asked).fetchall() == [(False,)]
"""


def test_no_bar_is_drawn_for_long_queries_of_a_program_without_a_file(tmp_path: Path) -> None:
    CollectionStore.create(tmp_path / "c", FINGERPRINT).close()
    catalog = str(tmp_path / "c" / "catalog.duckdb")
    done = subprocess.run([sys.executable, "-c", ASKED, catalog], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
