from __future__ import annotations

from pathlib import Path

from tests.indexer.collection.holdings import FINGERPRINT
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord


def test_no_commit_compresses_more_than_a_few_thousand_rows(tmp_path: Path) -> None:
    """Readers wait for that; groups stay small, however often the file is opened and closed."""
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as writer:
        for first in range(0, 20_000, 5_000):
            paths = [f"/{number}" for number in range(first, first + 5_000)]
            writer.commit(Batch(rejects=[RejectRecord(path, 1, 1, "odd", "") for path in paths]))
    catalog = Catalog(str(tmp_path / "c" / FILE))
    with catalog.reading() as connection:
        rows = connection.execute(
            "SELECT row_group_id, sum(count) FROM pragma_storage_info('rejects') "
            "WHERE column_name = 'size' AND segment_type = 'BIGINT' GROUP BY 1"
        ).fetchall()
    catalog.close()
    assert sum(count for _, count in rows) == 20_000
    assert max(count for _, count in rows) <= 8192
