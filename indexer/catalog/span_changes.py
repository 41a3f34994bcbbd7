"""Tables whose rows carry spans, changed as the journal tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.journal import KEYS
from vitrail.indexer.catalog.journal_tail import UntoldError
from vitrail.indexer.catalog.news import News
from vitrail.indexer.catalog.replay import told_values, unnested
from vitrail.indexer.catalog.schema import quote
from vitrail.indexer.catalog.spans import FOREVER, FROM, UNTIL, begun_at

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

# What tells the images that a row is about.
_IMAGES = {
    "images": "id",
    "files": "image_id",
    "predictions": "image_id",
    "deletions": "image_id",
    "revivals": "image_id",
    "annotations": "content_hash",
}


@dataclass(slots=True)
class SpanChanges:
    """The rows that end and begin with one commit; or with several, taken as one.

    Attributes:
        connection: to the tables, in a transaction.
        seq: the commit.
        most: how many rows may change.
        ids: the images whose rows have changed.
        hashes: contents whose annotations have.
        ended: how many rows each table has lost.
        begun: how many it has got.
    """

    connection: DuckDBPyConnection
    seq: int
    most: int
    ids: set[int] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)

    def take(self, news: News) -> None:
        """Change the tables to what they are at the newest commit.

        Raises:
            UntoldError: they cannot be changed so, or so much that they are better read anew.
        """
        for content in news.told:
            for change in content["changes"]:
                if change["do"] != "shape":  # the same as before; see ``read_news``
                    self._do(change["table"], change["do"], change["columns"])
        self._replace_meta(news.meta)
        if len(news.new):
            self._take_new(news.new.tolist(), news.rows)
        if self.hashes:
            self.ids.update(self._images_of(sorted(self.hashes)))

    def check(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Hold the tables to how many rows they had, and have in the catalog.

        Raises:
            UntoldError: something has changed that the journal does not tell.
        """
        for table, count in now.items():
            here = before[table] + self.begun[table] - self.ended[table]
            if here != count:
                raise UntoldError(f"{here} rows of {table} instead of {count}")

    def _do(self, table: str, do: str, columns: Mapping[str, Any]) -> None:
        rows = {name: told_values(table, name, values) for name, values in columns.items()}
        if do in ("put", "drop"):
            self._end(table, KEYS[table], rows)
        if do in ("put", "append"):
            self._begin(table, rows)

    def _end(self, table: str, keys: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> None:
        values = ", ".join(
            f"{value} AS {name}"
            for name, value in zip(keys, unnested(self.connection, table, keys), strict=True)
        )
        same = " AND ".join(
            f"t.{key} {'IS NOT DISTINCT FROM' if key == 'path_raw' else '='} k.{key}"
            for key in keys
        )
        ended = self.connection.execute(
            f"UPDATE {table} t SET {UNTIL} = {self.seq} FROM (SELECT {values}) k "
            f"WHERE {same} AND t.{UNTIL} = {FOREVER} RETURNING {_IMAGES.get(table, 'NULL')}",
            [rows[key] for key in keys],
        ).fetchall()
        self.ended[table] += len(ended)
        self._note(table, [row[0] for row in ended])

    def _begin(self, table: str, rows: Mapping[str, Sequence[Any]]) -> None:
        names = ", ".join([*map(quote, rows), FROM, UNTIL])
        values = ", ".join(unnested(self.connection, table, rows))
        self.connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {values}, {self.seq}, {FOREVER}",
            list(rows.values()),
        )
        self.begun[table] += len(next(iter(rows.values())))
        self._note(table, rows.get(_IMAGES.get(table, ""), ()))

    def _note(self, table: str, about: Iterable[Any]) -> None:
        named = (one for one in about if one is not None)
        if table == "annotations":
            self.hashes.update(named)
        else:
            self.ids.update(named)
        if self.ended.total() + self.begun.total() > self.most:
            raise UntoldError("too much has changed")

    def _replace_meta(self, meta: Sequence[tuple[str, str]]) -> None:
        self._end("meta", ["key"], {"key": self._keys_of_meta()})
        key, value = zip(*meta, strict=True)
        self._begin("meta", {"key": key, "value": value})

    def _keys_of_meta(self) -> list[str]:
        rows = self.connection.execute(f"SELECT key FROM meta WHERE {UNTIL} = {FOREVER}")
        return [row[0] for row in rows.fetchall()]

    def _take_new(self, new: list[int], rows: Mapping[str, pa.Table]) -> None:
        for table, key in (("images", "id"), ("predictions", "image_id")):
            self._end(table, [key], {key: new})  # what was read again of them later
            self.connection.register("news", rows[table])
            self.connection.execute(
                f"INSERT INTO {table} BY NAME SELECT *, {begun_at(self.seq)} FROM news"
            )
            self.connection.unregister("news")
            self.begun[table] += rows[table].num_rows
        self._note("images", new)

    def _images_of(self, hashes: list[str]) -> list[int]:
        rows = self.connection.execute(
            "SELECT id FROM images WHERE content_hash IN (SELECT unnest(?::VARCHAR[])) "
            f"AND {UNTIL} = {FOREVER}",
            [hashes],
        )
        return [row[0] for row in rows.fetchall()]
