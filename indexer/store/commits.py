"""One commit: a batch into a segment and the catalog, all of it or none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from indexer.catalog.catalog import Catalog
from indexer.catalog.changes import (
    KnownContent,
    add_images,
    add_segment,
    delete_orphans,
    drop_files,
    look_up,
    put_files,
    put_rejects,
)
from indexer.catalog.schema import FORMAT
from indexer.catalog.state import live_segments
from indexer.catalog.transaction import Transaction
from indexer.encoders.base import Fingerprint
from indexer.errors import InputError
from indexer.paths import clean
from indexer.records import Batch, ImageRecord
from indexer.store.image_rows import image_records, images_table
from indexer.store.segments import SegmentHeader, read_segment, write_segment

_log = logging.getLogger("vitrail")
_ROW_BYTES = 2048  # a catalog row with its share of pages, generously


@dataclass(frozen=True, slots=True)
class _Addition:
    ids: list[int]
    images: list[ImageRecord]


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes batches of one collection.

    Args:
        catalog: the collection's.
        segments: its ``segments`` folder.
        fingerprint: its encoder.
    """

    catalog: Catalog
    segments: str
    fingerprint: Fingerprint

    def expected_bytes(self, batch: Batch) -> int:
        """A generous estimate of the disk space a batch takes."""
        width = sum(dim for _, dim in self.fingerprint.spaces)
        rows = len(batch.files) + len(batch.rejects) + len(batch.images)
        return (1 << 20) + len(batch.images) * 4 * width + rows * _ROW_BYTES

    def commit(self, batch: Batch, *, keep_missing: bool) -> None:
        """Make all of the batch visible, or none of it; see ``Collection.commit``."""
        images = [self._checked(image) for image in batch.images]
        files = [replace(file, label=clean(file.label)) for file in batch.files]
        batch = replace(batch, images=images, files=files)
        with self.catalog.writing("commit") as transaction:
            hashes = [i.content_hash for i in images] + [f.content_hash for f in files]
            known = look_up(transaction, hashes)
            addition = self._additions(transaction, batch, known)
            ids = known.live | {
                image.content_hash: image_id
                for image_id, image in zip(addition.ids, addition.images, strict=True)
            }
            self._write(transaction, addition, batch)
            self._apply(transaction, batch, ids, keep_missing)

    def _checked(self, image: ImageRecord) -> ImageRecord:
        for space, dim in self.fingerprint.spaces:
            vector = image.vectors.get(space)
            if vector is None or vector.shape != (dim,) or not np.isfinite(vector).all():
                got = "nothing" if vector is None else f"shape {vector.shape}"
                raise InputError(
                    f"image {image.content_hash[:10]} needs {dim} finite numbers in space "
                    f"{space}, but has {got}"
                )
        return replace(image, camera=clean(image.camera), recipe=_clean_json(image.recipe))

    def _additions(self, transaction: Transaction, batch: Batch, known: KnownContent) -> _Addition:
        new = {i.content_hash: i for i in batch.images if i.content_hash not in known.live}
        named = {f.content_hash for f in batch.files}
        back = [h for h in named - new.keys() - known.live.keys() if h in known.dead]
        new |= self._revived(transaction, [known.dead[h] for h in back])
        return _numbered(list(new.values()), batch.ids, known.next_id)

    def _revived(self, transaction: Transaction, ids: Sequence[int]) -> dict[str, ImageRecord]:
        """Deleted images whose content is found again, from the segments that still hold them."""
        found: dict[str, ImageRecord] = {}
        for segment in live_segments(transaction.connection) if ids else ():
            wanted = [i for i in ids if segment.min_id <= i <= segment.max_id]
            if wanted:
                table = read_segment(self.segments, segment)
                table = table.filter(np.isin(np.asarray(table["id"]), wanted))
                records = image_records(table, self.fingerprint.spaces)
                found |= {record.content_hash: record for record in records}
        return found

    def _write(self, transaction: Transaction, addition: _Addition, batch: Batch) -> None:
        if addition.images:
            table = images_table(
                addition.ids, addition.images, batch.files, self.fingerprint.spaces
            )
            header = SegmentHeader(self.fingerprint, FORMAT, transaction.seq)
            add_segment(transaction, write_segment(self.segments, table, header))
            add_images(transaction, addition.ids, addition.images)

    def _apply(
        self, transaction: Transaction, batch: Batch, ids: dict[str, int], keep_missing: bool
    ) -> None:
        files = [file for file in batch.files if file.content_hash in ids]
        if len(files) < len(batch.files):
            # Its picture left the collection during this run; unknown, it is read again next time.
            _log.warning("%d files are left for the next run", len(batch.files) - len(files))
        losers = put_files(transaction, files, ids)
        losers |= put_rejects(transaction, batch.rejects)
        present = {file.path for file in batch.files}
        gone = [path for path in batch.gone if path not in present]
        losers |= drop_files(transaction, gone, keep_missing=keep_missing)
        delete_orphans(transaction, losers, "gone")


def _numbered(images: list[ImageRecord], given: dict[str, int], next_id: int) -> _Addition:
    """Images with ids, ascending: those that were given, then the next ones."""
    named = [(given[i.content_hash], i) for i in images if i.content_hash in given]
    named.sort(key=lambda pair: pair[0])
    if named and named[0][0] < next_id:
        raise InputError(f"id {named[0][0]} cannot be given: ids go on from {next_id}")
    rest = [image for image in images if image.content_hash not in given]
    start = named[-1][0] + 1 if named else next_id
    ids = [image_id for image_id, _ in named] + list(range(start, start + len(rest)))
    return _Addition(ids, [image for _, image in named] + rest)


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_json(item) for item in value]
    return value
