"""What a catalog's tables hold, as it is and as its copies would give it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.catalog.schema import TABLES
from vitrail.indexer.collection.layout import begun_path, discard_begun
from vitrail.indexer.collection.rebuilding import rebuild_catalog

Tables = dict[str, list[str]]


def as_it_is(place: Path) -> Tables:
    """The rows of each table that a rebuilt catalog has too, as text, in order."""
    return _dump(str(place / FILE))


def as_rebuilt(place: Path) -> Tables:
    """The same of the catalog that segments, snapshot and journal would give; it is thrown away."""
    rebuilt = rebuild_catalog(str(place))
    try:
        assert not rebuilt.unusable
        assert not rebuilt.lost
        assert not rebuilt.knowledge
        assert not rebuilt.notes
        return _dump(begun_path(str(place)))
    finally:
        discard_begun(str(place))


def _dump(path: str) -> Tables:
    catalog = Catalog(path)
    tables: Tables = {}
    with catalog.reading() as connection:
        for table in sorted(TABLES.keys() - {"meta"}):
            which = "WHERE kind NOT IN ('rebuild', 'lost')" if table == "commits" else ""
            result = connection.execute(f"SELECT * FROM {table} {which}")
            names = sorted(column[0] for column in result.description or ())
            order = [[column[0] for column in result.description or ()].index(n) for n in names]
            rows: list[Any] = [str([row[i] for i in order]) for row in result.fetchall()]
            tables[table] = [str(names), *sorted(rows)]
    catalog.close()
    return tables
