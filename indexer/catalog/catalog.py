"""The DuckDB catalog: opened briefly, by one writer or many readers; its commit is the commit."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog import journal
from vitrail.indexer.catalog.attaching import attach, connect, seal
from vitrail.indexer.catalog.engines import borrow, discard, give_back
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.journal_tail import UntoldError
from vitrail.indexer.catalog.news import Known, News, read_news
from vitrail.indexer.catalog.private_copy import copy_attached
from vitrail.indexer.catalog.replica import Replica
from vitrail.indexer.catalog.schema import FORMAT, JOURNALLED, create_tables, migrate
from vitrail.indexer.catalog.state import last_seq, last_time, read_format
from vitrail.indexer.catalog.troubles import check_path, is_busy, trouble
from vitrail.indexer.errors import CollectionError, UnreadableError
from vitrail.indexer.files.durability import is_full, sync_directory
from vitrail.indexer.files.reading import exists
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.segments import segment_file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from vitrail.indexer.catalog.transaction import Transaction

FILE = "catalog.duckdb"
PATIENCE = 30.0  # seconds to wait for other processes' short reads and commits
_log = logging.getLogger("vitrail")
# DuckDB lets a process open a file only once with one configuration, so threads take turns.
_TURNS: dict[str, threading.RLock] = {}
_TURNS_GUARD = threading.Lock()


class Catalog:
    """The catalog file of a collection.

    Args:
        path: the DuckDB file.
        patience: seconds to wait for others before giving up.

    Attributes:
        path: the DuckDB file.
        journal: where every commit is written down first; ``None`` for a catalog that is not in
            its place yet, on which nobody can rely.

    Raises:
        InputError: DuckDB could not take this path.
    """

    def __init__(self, path: str, *, patience: float = PATIENCE) -> None:
        check_path(path)
        self.path = path
        self._patience = patience
        folder, name = os.path.split(path)
        self.journal = Journal(os.path.join(folder, journal.FOLDER)) if name == FILE else None
        self._engine: DuckDBPyConnection | None = None
        with _TURNS_GUARD:
            self._turn = _TURNS.setdefault(os.path.realpath(path), threading.RLock())

    def create(
        self, fingerprint: Fingerprint, fill: Callable[[DuckDBPyConnection], None] | None = None
    ) -> None:
        """Make a new catalog file for collections of this encoder.

        Args:
            fingerprint: the encoder's.
            fill: puts into the empty tables what is known already.
        """
        with self._open(read_only=False, create=True) as connection:
            connection.execute("BEGIN")
            from vitrail.indexer.catalog.transaction import Transaction

            create_tables(connection)
            meta = {
                "format": str(FORMAT),
                "fingerprint": fingerprint.to_json(),
                "incarnation": secrets.token_hex(8),
                "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
            Transaction(connection, 0).append(
                "meta", {"key": list(meta), "value": list(meta.values())}
            )
            if fill is not None:
                fill(connection)
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT")

    def format(self) -> int:
        """Number of the format that the file has now.

        Raises:
            CollectionError: the format is newer than this version, or the file is damaged.
        """
        with self.reading() as connection:
            return read_format(connection, self.path)

    def migrate(self) -> None:
        """Bring an older format up to date; harmless on a current one.

        Raises:
            CollectionError: the format is newer than this version, or the file is damaged.
        """
        version = self.format()
        if version < FORMAT:
            with self._open(read_only=False) as connection:
                migrate(connection, version)

    def catch_up(self) -> bool:
        """Do the commit again that the journal knows and the catalog does not; whether there was.

        A writer was killed between the two, or lost the log beside the file, in which DuckDB keeps
        a commit until it is in the file itself: one that is cut short or no log at all is passed
        over by DuckDB without a word.

        Raises:
            OSError: the disk is full or refuses.
            DamagedError: the journal knows of more than one such commit, or a segment of it is not
                what it should be.
        """
        if self.journal is None:
            return False
        with self.reading() as connection:
            if read_format(connection, self.path) < JOURNALLED:
                return False  # whoever wrote that record would have migrated it first
            changes = self.journal.pending(last_seq(connection), last_time(connection))
        if changes:
            from vitrail.indexer.catalog.redoing import redo

            with self._open(read_only=False) as connection:
                redo(connection, changes, self._segments)
        return bool(changes)

    @property
    def _segments(self) -> str:
        return os.path.join(os.path.dirname(self.path), segment_file.FOLDER)

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Open for reading, for a short moment: writers wait meanwhile.

        Raises:
            CollectionError: it is damaged, or others held it for too long.
        """
        with self._open(read_only=True) as connection:
            yield connection

    @contextmanager
    def sealed(self) -> Iterator[DuckDBPyConnection]:
        """Like ``reading``, for SQL that a user wrote: no files, network or settings within reach.

        Raises:
            CollectionError: it is damaged, or others held it for too long.
        """
        self._need_file()
        with self.errors(), self._turn:
            connection = self._retrying(lambda: connect(self.path, read_only=True))
            try:
                seal(connection)
                yield connection
            finally:
                connection.close()

    @contextmanager
    def preparing(self) -> Iterator[Transaction]:
        """What the next commit begins with, for the one writer to read: others read meanwhile.

        Raises:
            CollectionError: it is damaged, or others held it for too long.
        """
        from vitrail.indexer.catalog.transaction import Transaction

        with self.reading() as connection:
            yield Transaction(connection, last_seq(connection) + 1)

    @contextmanager
    def writing(
        self,
        kind: str,
        *,
        checkpoint: bool = False,
        journalled: bool = True,
        seq: int | None = None,
    ) -> Iterator[Transaction]:
        """Open a transaction that commits when the block ends, and not when it raises.

        Args:
            kind: what is done, for the log of commits.
            checkpoint: write the log into the file at once, as is due after DDL.
            journalled: write down what changes first, for whoever has to make the catalog anew.
            seq: the number that it was prepared for.

        Raises:
            CollectionError: it is damaged, or others held it for too long.
        """
        from vitrail.indexer.catalog.transaction import Transaction

        with self._open(read_only=False) as connection:
            connection.execute("BEGIN")
            number = last_seq(connection) + 1
            assert seq in (None, number), "there is one writer"
            record = self.journal.begin(number) if self.journal and journalled else None
            transaction = Transaction(connection, number, record)
            try:
                yield transaction
                transaction.run(
                    "INSERT INTO commits VALUES (?, now()::TIMESTAMP, ?)", [number, kind]
                )
                if record is not None:
                    record.seal()
                connection.execute("COMMIT")
            except BaseException:
                with suppress(Exception):  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                if record is not None and not _has(connection, number):
                    record.abandon()  # or what was told to have failed would be done later
                raise
            if checkpoint:
                self._checkpoint(connection)

    def _checkpoint(self, connection: DuckDBPyConnection) -> None:
        import duckdb

        try:
            connection.execute("CHECKPOINT")
        except duckdb.Error as error:
            if self.journal is None or not is_full(error):  # otherwise the commit stands
                raise

    def news(self, known: Known) -> News | None:
        """What was committed since a reader's commit; ``None`` where nothing was.

        Raises:
            UntoldError: the journal does not tell, or it is another catalog: make another copy.
            CollectionError: the catalog is damaged, missing or of a newer format.
        """
        with self.reading() as connection:
            try:
                return read_news(connection, self.path, self.journal, known)
            except UntoldError as error:  # which is no trouble with the file
                untold = error
        raise untold

    def copy(self) -> Replica:
        """A private copy of the committed state, closed to the outside.

        What ``catch_up`` would do is done in the copy.

        Raises:
            CollectionError: the catalog is damaged, missing or of a newer format, or there is no
                room for the copy.
        """
        self._need_file()
        with self.errors():
            connection = borrow()
        try:
            with self.errors():
                with self._turn:
                    self._retrying(lambda: connection.execute(attach(self.path, "READ_ONLY")))
                    copied = copy_attached(connection, self.path, self.journal)
                return copied.open(connection, self._segments)
        except BaseException:
            # Whoever keeps the error would keep the file open with it, and this process from
            # writing to it: DuckDB calls that a conflict, which is no lock of anybody else.
            discard(connection)
            raise

    def export(self, paths: Mapping[str, str]) -> None:
        """Copy tables into new Parquet files: table name -> path.

        Raises:
            CollectionError: the catalog is damaged.
            duckdb.Error: the disk is full.
        """
        with self._open(read_only=True) as connection:
            connection.execute("BEGIN")
            for table, path in paths.items():
                target = "'" + path.replace("'", "''") + "'"
                connection.execute(f"COPY {table} TO {target} (FORMAT parquet, COMPRESSION zstd)")
            connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of DuckDB and the journal; both are had again when needed."""
        with self._turn:
            self._let_go(give_back)

    def _let_go(self, engine_goes: Callable[[DuckDBPyConnection], None]) -> None:
        if self.journal is not None:
            self.journal.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine_goes(engine)

    @contextmanager
    def _open(self, *, read_only: bool, create: bool = False) -> Iterator[DuckDBPyConnection]:
        """Attach the file for a moment: a tenth of the cost of a DuckDB instance of its own."""
        if not create:
            self._need_file()
        with self.errors(), self._turn:
            sql = attach(self.path, "READ_ONLY" if read_only else "READ_WRITE")
            try:
                engine = self._retrying(lambda: self._running().execute(sql))
                engine.execute("USE disk")
                yield engine
                engine.execute("USE memory")
                self._detach(engine, forgiving=not read_only and not create)
                if not read_only:
                    # Its log is deleted by then; come back after a power cut, it would belong to
                    # an older state of the file, which DuckDB refuses.
                    sync_directory(os.path.dirname(self.path))
            except BaseException:
                self._let_go(discard)  # and of the file, whatever state it was left in
                raise

    def _detach(self, engine: DuckDBPyConnection, *, forgiving: bool) -> None:
        """Let go of the file, into which DuckDB brings what is in its log before.

        Where the disk is full then, commits stand: the log has them, which the next one to attach
        the file reads first, and the journal. That is told, and no failure.
        """
        import duckdb

        try:
            engine.execute("DETACH disk")
        except duckdb.Error as error:
            if not (forgiving and self.journal is not None and is_full(error)):
                raise
            self._let_go(discard)
            _log.warning(
                "the disk is full, and a commit, which stands, is only in the log of %s: free some "
                "room",
                self.path,
            )

    def _running(self) -> DuckDBPyConnection:
        if self._engine is None:
            self._engine = borrow()
        return self._engine

    def _need_file(self) -> None:
        if exists(self.path):
            return
        folder = os.path.dirname(self.path)
        if not exists(folder) or not os.listdir(folder):
            raise UnreadableError(
                f"{folder} is not there any more, or empty, as where its disk was taken out, which "
                "is no sign of damage: mount it, or name the directory as it is called now, and "
                "run again"
            )
        raise CollectionError(
            f"the catalog {self.path} is missing", remedy="run `vitrail verify --repair`"
        )

    def _retrying(self, attempt: Any) -> Any:
        import duckdb

        deadline = time.monotonic() + self._patience
        pause = 0.002
        while True:
            try:
                return attempt()
            except duckdb.IOException as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, 0.01)  # others hold it for some ten milliseconds

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell damage, and what is only unreadable now, from errors of whoever asks."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            if is_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path) from error
            told = trouble(self.path, error, self._patience)
            if told is None:
                raise
            raise told from error


def _has(connection: DuckDBPyConnection, seq: int) -> bool:
    """Whether a commit stands, as where Ctrl-C came while DuckDB made it."""
    with suppress(Exception):  # which DuckDB lets nobody ask after some errors
        return last_seq(connection) >= seq
    return False
