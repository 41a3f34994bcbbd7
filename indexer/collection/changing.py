"""What the one writer of a collection is asked to do to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from vitrail.indexer.collection.answering import Answering
from vitrail.indexer.records import Batch, FileRecord, ImageRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from vitrail.indexer.catalog.annotations import AnnotationReport
    from vitrail.indexer.catalog.reservations import Reservation
    from vitrail.indexer.catalog.transaction import Transaction
    from vitrail.indexer.collection.commits import Adopted
    from vitrail.indexer.collection.staging import Staged
    from vitrail.indexer.collection.writer import Writer

RESERVED_SECONDS = 86_400.0  # for which ids are given out where nothing else is asked for


class Changing(Answering):
    """Changes of one collection; what derives from it gives the writer, and refuses without one.

    Attributes:
        directory: absolute path.
    """

    directory: str

    @property
    def _writing(self) -> Writer:
        """The one writer.

        Raises:
            CollectionError: not open for writing.
        """
        raise NotImplementedError

    def commit(self, batch: Batch) -> None:
        """Make all of a batch visible, or none of it; durable when this returns.

        Content that is known already becomes no second image, and what comes without a file none.
        An image that loses its last file is hidden, and waits for the same content to bring it
        back. From time to time this also does what ``maintain`` does; where that fails, the log
        gets a warning, and the batch stands.

        Args:
            batch: what was found.

        Raises:
            InputError: an image lacks a space's vector, or has it in another width.
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._writing.commit(batch)

    def reserve(self, count: int, *, seconds: float = RESERVED_SECONDS) -> Reservation:
        """Give out ids for ``count`` new images, which nobody else gets; durable on return.

        Args:
            count: how many images can be staged with it, in one segment.
            seconds: for how long what is staged is kept, and can be adopted.

        Raises:
            InputError: ``count`` or ``seconds`` is not positive, or ``count`` above 2 ** 32.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.reserve(count, seconds)

    def stage(
        self, reservation: Reservation, images: Sequence[ImageRecord], files: Sequence[FileRecord]
    ) -> Staged:
        """Write a durable segment of new images, which counts once it is adopted.

        Any process may do that that sees the collection's folder, at its own pace, a reader too;
        ``staging.stage`` does it for one that has not even opened the collection.

        Args:
            reservation: of at least as many ids as there are images, for this segment alone.
            images: with their vectors; those of which no file is given are left out.
            files: paths at which they are.

        Raises:
            InputError: no image is left, there are more than ids, or an image lacks a space's
                vector, or has it in another width.
            CollectionError: the disk is full.
        """
        from vitrail.indexer.collection.staging import stage

        return stage(self.directory, self.fingerprint, reservation, images, files)

    def adopt(self, staged: Sequence[Staged]) -> Adopted:
        """Make all that was staged visible, or none of it; durable when this returns.

        Reservations may be adopted in any order. Images whose content is here by now, or was
        removed since the ids were reserved, are hidden at once, and only their files are taken.
        What follows is as after ``commit``.

        Args:
            staged: what ``stage`` gave, here or elsewhere.

        Raises:
            InputError: one is of another encoder, or does not fit its reservation, or that is used
                or over; nothing is adopted then.
            CollectionError: not open for writing, a staged file is damaged or cannot be read now,
                or the disk is full.
        """
        return self._writing.adopt(staged)

    def remove(self, ids: Sequence[int]) -> None:
        """Delete images from the collection (never from disk); the next search lacks them.

        Their files stay known, so that they come back only when they change. Those that are hidden
        and wait for their files do so no longer.

        Raises:
            InputError: an id that no image has, live or waiting; nothing is removed then.
            CollectionError: not open for writing, or the disk is full.
        """
        self._writing.remove(ids)

    def annotate(self, path: str, *, numbers: Iterable[str] = ()) -> AnnotationReport:
        """Join the columns of a CSV or Parquet file to images by its ``path`` column.

        A path may be absolute, relative to the file's folder, or the last part or parts of exactly
        one indexed path. Annotating again updates. The columns can be used in ``allowed_ids``.

        Args:
            path: the file.
            numbers: columns of a CSV file whose cells that are no numbers shall be left empty.

        Raises:
            InputError: it cannot be read, has no ``path`` column, or one that no image can have;
                nothing is changed then.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.annotate(path, tuple(numbers))

    def annotate_images(self, ids: Sequence[int], columns: Mapping[str, pa.ChunkedArray]) -> int:
        """Set columns of the user's own on images that are named by id; others stay as they are.

        Args:
            ids: of the images; those that are gone by now are passed over.
            columns: a value for each image, by name; an empty one clears what was there.

        Returns:
            how many images were set.

        Raises:
            InputError: a column that no image can have; nothing is changed then.
            CollectionError: not open for writing, or the disk is full.
        """
        return self._writing.annotate_images(ids, columns)

    def maintain(self) -> tuple[str, ...]:
        """Give up what has waited too long, merge small segments, save indexes where it pays.

        The catalog's tables are copied where it pays. Indexes are a cache: where they cannot be
        saved, or whoever looks on (``building.watching_builds``) wishes that to end, the log of
        ``vitrail`` gets a warning.

        Returns:
            spaces whose index was not built since that was to end; it begins anew next time.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        return self._writing.maintain()

    def copy_tables(self) -> None:
        """Copy the catalog's tables as of the last commit, whether it pays or not.

        Raises:
            CollectionError: not open for writing, or the disk is full; nothing committed is lost.
        """
        self._writing.copy_tables()

    def transaction(
        self, kind: str, *, journalled: bool = True, tidies: bool = True
    ) -> AbstractContextManager[Transaction]:
        """A catalog transaction of the writer; readings are fresh afterwards.

        Args:
            kind: what is done, for the log of commits.
            journalled: whether the journal follows; if not, ``copy_tables`` has to come next.
            tidies: whether what it changes is worth tidying up after when the writer closes.
        """
        return self._writing.transaction(kind, journalled=journalled, tidies=tidies)

    def preparing(self) -> AbstractContextManager[Transaction]:
        """What the writer's next commit begins with, to read."""
        return self._writing.preparing()
