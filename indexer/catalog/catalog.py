"""The DuckDB catalog: opened briefly, by one writer or many readers; its commit is the commit."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog import journal
from vitrail.indexer.catalog.journal import Journal
from vitrail.indexer.catalog.schema import FORMAT, create_tables, migrate
from vitrail.indexer.catalog.state import last_seq, read_format
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.encoders.base import Fingerprint
from vitrail.indexer.errors import CollectionError, DamagedError, InputError, UnreadableError
from vitrail.indexer.paths import display
from vitrail.indexer.store.durability import is_full, sync_directory
from vitrail.indexer.store.reading import REASONS, exists, unreadable
from vitrail.indexer.telemetry import DUCKDB

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "catalog.duckdb"
PATIENCE = 30.0  # seconds to wait for other processes' short reads and commits
# What DuckDB says of a file whose checksums or format are wrong.
_PROOFS = (
    "orrupt",
    "not a valid DuckDB database",
    "not read enough bytes",
    "does not match stored checksum",
    "Failure while replaying WAL",  # where the system's own reasons are not the cause
)
_IN_MEMORY = 32 << 20  # bytes of a catalog that a reader copies into memory
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
        _check_path(path)
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
        import duckdb

        self._need_file()
        with self.errors(), self._turn:
            connection = self._retrying(
                lambda: duckdb.connect(self.path, read_only=True, config=_config())
            )
            try:
                _seal(connection)
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(
        self, kind: str, *, checkpoint: bool = False, journalled: bool = True
    ) -> Iterator[Transaction]:
        """Open a transaction that commits when the block ends, and not when it raises.

        Args:
            kind: what is done, for the log of commits.
            checkpoint: write the log into the file at once, as is due after DDL.
            journalled: write down what changes first, for whoever has to make the catalog anew.

        Raises:
            CollectionError: it is damaged, or others held it for too long.
        """
        with self._open(read_only=False) as connection:
            connection.execute("BEGIN")
            seq = last_seq(connection) + 1
            record = self.journal.begin(seq) if self.journal and journalled else None
            transaction = Transaction(connection, seq, record)
            try:
                yield transaction
                transaction.run("INSERT INTO commits VALUES (?, now()::TIMESTAMP, ?)", [seq, kind])
                if record is not None:
                    record.seal()
            except BaseException:
                if record is not None:
                    record.abandon()
                with suppress(Exception):  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            if checkpoint:
                connection.execute("CHECKPOINT")

    def copy(self) -> tuple[DuckDBPyConnection, str]:
        """A private copy of the committed state, closed to the outside.

        A small catalog is copied into memory, a large one into a temporary file, so that a reader
        holds no lock and sees one commit.

        Returns:
            the connection, and the name of its database to ``USE``.
        """
        import duckdb

        self._need_file()
        connection = duckdb.connect(":memory:", config=_config())
        database = "memory"
        with self.errors(), self._turn:
            self._retrying(lambda: connection.execute(_attach(self.path, "READ_ONLY")))
            if os.path.getsize(self.path) > _IN_MEMORY:
                private = self._private_file()
                connection.execute("DETACH disk")
                connection.execute(_attach(private, "READ_WRITE"))
                database = "disk"
                with suppress(OSError):  # an open file can go at once, but not on Windows
                    shutil.rmtree(os.path.dirname(private))
            else:
                connection.execute("COPY FROM DATABASE disk TO memory")
                connection.execute("DETACH disk")
        connection.execute(f"USE {database}")
        version = read_format(connection, self.path)
        if version < FORMAT:
            migrate(connection, version)
        _seal(connection)
        return connection, database

    def _private_file(self) -> str:
        folder = tempfile.mkdtemp(prefix="vitrail-")
        private = os.path.join(folder, FILE)
        # The log first: closing any handle of the main file ends this process's lock on it.
        if os.path.exists(self.path + ".wal"):
            shutil.copyfile(self.path + ".wal", private + ".wal")
        shutil.copyfile(self.path, private)
        return private

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
        """Give back what DuckDB holds in memory, and the journal; made anew when needed."""
        with self._turn:
            if self.journal is not None:
                self.journal.close()
            engine, self._engine = self._engine, None
            if engine is not None:
                with suppress(Exception):  # after a full disk even closing may complain
                    engine.close()

    @contextmanager
    def _open(self, *, read_only: bool, create: bool = False) -> Iterator[DuckDBPyConnection]:
        """Attach the file for a moment: a tenth of the cost of a DuckDB instance of its own."""
        if not create:
            self._need_file()
        with self.errors(), self._turn:
            attach = _attach(self.path, "READ_ONLY" if read_only else "READ_WRITE")
            try:
                engine = self._retrying(lambda: self._running().execute(attach))
                engine.execute("USE disk")
                yield engine
                engine.execute("USE memory")
                engine.execute("DETACH disk")
                if not read_only:
                    # Its log is deleted by then; come back after a power cut, it would belong to
                    # an older state of the file, which DuckDB refuses.
                    sync_directory(os.path.dirname(self.path))
            except BaseException:
                self.close()  # which lets go of the file, whatever state it was left in
                raise

    def _running(self) -> DuckDBPyConnection:
        import duckdb

        if self._engine is None:
            self._engine = duckdb.connect(":memory:", config=_config())
        return self._engine

    def _need_file(self) -> None:
        if not exists(self.path):
            raise CollectionError(
                f"the catalog {self.path} is missing; run `vitrail verify --repair`"
            )

    def _retrying(self, attempt: Any) -> Any:
        import duckdb

        deadline = time.monotonic() + self._patience
        pause = 0.002
        while True:
            try:
                return attempt()
            except duckdb.IOException as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, 0.05)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell damage, and what is only unreadable now, from errors of whoever asks."""
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            if is_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path) from error
            trouble = _trouble(self.path, error, self._patience)
            if trouble is None:
                raise
            raise trouble from error


def _check_path(path: str) -> None:
    """Refuse a path of which DuckDB would make another, for the file or for the log beside it."""
    odd = "?" if os.name == "nt" else "?\\"
    wrong = next((repr(letter) for letter in odd if letter in path), None)
    if wrong is None and display(path) != path:
        wrong = "bytes that are no UTF-8"
    if wrong is not None:
        raise InputError(
            f"the path {display(os.path.dirname(path))} has {wrong} in it, which the catalog's "
            "database cannot take: name another directory, or rename this one"
        )


def _trouble(path: str, error: Exception, patience: float) -> CollectionError | None:
    """What an error of DuckDB's says about the file; ``None``: nothing.

    Only what proves damage may be called so: ``verify --repair`` sets aside what is.
    """
    import duckdb

    line = str(error).splitlines()[0]
    if _is_busy(error):
        return UnreadableError(
            f"the catalog {path} was in use for {patience:.0f} s; close the program that holds it "
            f"and run again ({line})"
        )
    if any(reason in str(error) for reason in REASONS):
        return unreadable(path, line)
    if isinstance(error, duckdb.OutOfMemoryException):
        return unreadable(path, os.strerror(errno.ENOMEM))
    proven = any(part in str(error) for part in _PROOFS)
    if proven or isinstance(error, _damage_types()):
        return DamagedError(
            f"the catalog {path} is damaged ({line}); run `vitrail verify --repair`"
        )
    return unreadable(path, line) if isinstance(error, duckdb.IOException) else None


def _is_busy(error: Exception) -> bool:
    text = str(error)  # as DuckDB says it on POSIX, within a process, and as Windows says it
    return any(part in text for part in ("set lock on file", "file handle conflict", "being used"))


def _damage_types() -> tuple[type[Exception], ...]:
    import duckdb

    return (
        duckdb.SerializationException,
        duckdb.InternalException,
        duckdb.FatalException,
        duckdb.CatalogException,  # a table is missing
    )


def _config() -> dict[str, Any]:
    return dict(DUCKDB)


def _seal(connection: DuckDBPyConnection) -> None:
    """Let no SQL of a user's filter touch files, the network or settings."""
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _attach(path: str, mode: str) -> str:
    return "ATTACH '" + path.replace("'", "''") + f"' AS disk (TYPE duckdb, {mode})"
