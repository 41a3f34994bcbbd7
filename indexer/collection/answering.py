"""What a commit of a collection answers about its images, from whatever it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.catalog.contents import (
    Among,
    content_hashes,
    embedded_hashes,
    known_files,
    read_rejects,
    resolve,
    stale_hashes,
    unclassified_hashes,
)
from vitrail.indexer.catalog.decisions import Decision, read_decisions
from vitrail.indexer.catalog.filtering import allowed_ids, fulfilling_files, open_filter
from vitrail.indexer.catalog.listing import Listing, list_rows
from vitrail.indexer.catalog.metadata import Shown, read_metadata
from vitrail.indexer.catalog.roots import KnownRoot, read_roots
from vitrail.indexer.catalog.state import State
from vitrail.indexer.catalog.suggestions import suggest
from vitrail.indexer.catalog.unclassifiable import read_unclassifiable
from vitrail.indexer.collection.readings import Readings
from vitrail.indexer.errors import UnknownImageError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.image_info import ImageInfo
from vitrail.indexer.records import READ_VERSION, KnownFile, RejectRecord

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from vitrail.indexer.vectors.index import VectorIndex

_T = TypeVar("_T")


class Answering:
    """Answers of one commit; what derives from it says which, and gives the vector indexes."""

    @property
    def readings(self) -> Readings:
        """Of the catalog as of the commit."""
        raise NotImplementedError

    def index(self, space: str) -> VectorIndex:
        """The vector index of a space."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """The commit that readings answer for."""
        return self.readings.state

    @property
    def fingerprint(self) -> Fingerprint:
        """The encoder that all its vectors come from."""
        return self.state.fingerprint

    @property
    def spaces(self) -> dict[str, int]:
        """All spaces and their widths: stored ones in the encoder's order, then derived ones."""
        return self.state.spaces

    @property
    def default_weights(self) -> dict[str, float]:
        """Shares of the spaces that a search weighs where nothing is said; they sum to 1."""
        return self.state.default_weights

    def __len__(self) -> int:
        """Number of live images."""
        return self.state.images

    def known_files(self, *roots: str, retried: Iterable[str] = ()) -> dict[str, KnownFile]:
        """Every path known under some folders (or everywhere), rejected files included.

        Args:
            roots: folders, or files themselves; none for everything.
            retried: reasons whose rejected files shall count as changed.
        """
        return self._read(lambda connection: known_files(connection, roots or None, retried))

    def content_hashes(self, among: Among = None) -> frozenset[str]:
        """Content hashes (sha256, hex) of live images: of all, or those among some."""
        return self._read(lambda connection: content_hashes(connection, among))

    def embedded_hashes(self, among: Among = None) -> frozenset[str]:
        """Content hashes that need not be embedded: those of live images, and of waiting ones."""
        return self._read(lambda connection: embedded_hashes(connection, among))

    def stale_hashes(self, among: Among = None) -> frozenset[str]:
        """Content hashes of live images whose metadata today's readers have not seen."""
        return self._read(lambda connection: stale_hashes(connection, READ_VERSION, among))

    def unclassified_hashes(self, among: Among = None) -> frozenset[str]:
        """Content hashes of live images without labels of the checkpoint's head."""
        return self._read(lambda connection: unclassified_hashes(connection, among))

    def unclassifiable(self) -> dict[str, str]:
        """Content hash -> why the image could not be decoded again for the head's labels."""
        return self._read(read_unclassifiable)

    def roots(self) -> list[KnownRoot]:
        """The folders that were indexed, with the options remembered, by path."""
        return self._read(read_roots)

    def decisions(self) -> tuple[Decision, ...]:
        """All that the user has said of contents, undone or not, in the order of time."""
        return self._read(read_decisions)

    def rejects(self) -> list[RejectRecord]:
        """Files that could not be indexed, by path."""
        return self._read(read_rejects)

    def allowed_ids(self, where: str, parameters: Sequence[Any] = ()) -> NDArray[np.int64]:
        """Ids for which an SQL expression over the columns is true: (n,) int64, sorted, read-only.

        It is true of an image if any of its files fulfils it as a whole.

        Args:
            where: such as ``label = 'cat' and width > 512``; see ``columns.BUILT_IN``.
            parameters: values of its ``?`` marks, in order.

        Raises:
            FilterError: it is no expression, names an unknown column or a function that a filter
                may not call, or takes too much time or memory.
        """
        kept = self.readings.filters
        known = None if kept is None else kept.find(where, parameters)
        if known is not None:
            return known
        with self.readings.filtering() as source:
            found = allowed_ids(source, where, parameters)
        if kept is not None:
            return kept.keep(where, parameters, found)
        found.flags.writeable = False
        return found

    def suggest(self, where: str) -> list[str]:
        """Lines on what a filter that lets nothing through may have meant; perhaps none.

        Raises:
            FilterError: it cannot be used at all; see ``allowed_ids``.
        """
        with self.readings.filtering() as source:
            return suggest(open_filter(source, where))

    def metadata(self, ids: Sequence[int], where: str | None = None) -> list[ImageInfo]:
        """Everything known of each image, in the order of ``ids``; ``paths`` are its files.

        Path, name, folder, label, when it was added and whether it is missing are the first
        file's.

        Args:
            ids: of images.
            where: a filter; the files that fulfil it come before an image's others.

        Raises:
            UnknownImageError: an id that no image has.
            FilterError: as ``allowed_ids``.
        """
        rows = self._metadata(ids, {})
        if where is None:
            return rows
        shared = [row.id for row in rows if len(row.paths) > 1]
        if not shared:
            return rows
        with self.readings.filtering() as source:
            shown = fulfilling_files(source, where, shared)
        again = {row.id: row for row in self._metadata(list(shown), shown)}
        return [again.get(row.id, row) for row in rows]

    def _metadata(self, ids: Sequence[int], shown: Shown) -> list[ImageInfo]:
        cache = self.readings.metadata_cache()
        if cache is not None:
            return cache.images([int(i) for i in ids], shown)
        return self._read(lambda connection: read_metadata(connection, ids, shown))

    @contextmanager
    def listed(self, listing: Listing) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
        """The columns of a list of images, and its rows, read as they are asked for.

        A row begins with the bytes of its file's path where the text does not say it all.

        Raises:
            InputError: the filter cannot be used, or there is no such column.
        """
        with self.readings.filtering() as source:
            yield list_rows(source, listing)

    def resolve(self, text: str, *, waiting: bool = False) -> int:
        """The image that an id, an indexed path or its last parts, or a content hash names.

        Of a hash the start will do (6 digits), of a path the last part or parts. ``waiting`` looks
        among the hidden images instead that wait for their files to come back.

        Raises:
            UnknownImageError: none does.
            InputError: more than one does; the message lists some.
        """
        return self._read(lambda connection: resolve(connection, text, waiting=waiting))

    def vectors(self, ids: Sequence[int], space: str) -> NDArray[np.float32]:
        """Stored vectors of images in one space: (n, dim) float32, in the order of ``ids``.

        Raises:
            UnknownImageError: an id that no image has.
            InputError: an unknown space.
        """
        try:
            return self.index(space).vectors(np.asarray(ids, np.int64))
        except KeyError as error:
            raise UnknownImageError(
                f"there is no image with id {error} in this collection"
            ) from error

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A sealed read-only connection to the catalog's tables, for a short moment."""
        return self.readings.reading()

    def _read(self, read: Callable[[DuckDBPyConnection], _T]) -> _T:
        with self.reading() as connection:
            return read(connection)
