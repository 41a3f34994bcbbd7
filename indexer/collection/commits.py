"""One commit: a batch into a segment and the catalog, all of it or none."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.changes import (
    KnownContent,
    add_images,
    add_segment,
    delete_orphans,
    look_up,
    put_files,
    put_labels,
    put_predictions,
    put_rejects,
    read_again,
)
from vitrail.indexer.catalog.departures import leave_files, mark_missing, mark_seen, revive_images
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.catalog.transaction import Transaction
from vitrail.indexer.errors import InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.paths import clean
from vitrail.indexer.records import DEEPEST_RECIPE, Batch, ImageRecord
from vitrail.indexer.segments.image_rows import images_table
from vitrail.indexer.segments.segment_file import Segment, SegmentHeader, write_segment

_log = logging.getLogger("vitrail")
_ROW_BYTES = 2048  # a catalog row with its share of pages, generously


@dataclass(frozen=True, slots=True)
class _Addition:
    ids: list[int]
    images: list[ImageRecord]

    @property
    def by_hash(self) -> dict[str, int]:
        return {i.content_hash: id_ for id_, i in zip(self.ids, self.images, strict=True)}


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

    def commit(self, batch: Batch) -> None:
        """Make all of the batch visible, or none of it; see ``Collection.commit``."""
        batch = self._cleaned(batch)
        with self.catalog.preparing() as prepared:
            known = look_up(prepared, _hashes(batch))
        addition = _additions(batch, known)
        segment = self._staged(addition, batch, prepared.seq)
        with self.catalog.writing("commit", seq=prepared.seq) as transaction:
            if segment is not None:
                add_segment(transaction, segment)
                add_images(transaction, addition.ids, addition.images)
            _put(transaction, batch, known, addition.by_hash)
            _enrich(transaction, batch, known.live | known.waiting)
            _take_out(transaction, batch)

    def _cleaned(self, batch: Batch) -> Batch:
        # Of two files at one path the last counts; an image left without any is not entered.
        held = {file.content_hash for file in {f.path: f for f in batch.files}.values()}
        return replace(
            batch,
            images=[self._checked(image) for image in batch.images if image.content_hash in held],
            files=[replace(file, label=clean(file.label)) for file in batch.files],
            labels={path: clean(label) for path, label in batch.labels.items()},
            readings=[_clean(image) for image in batch.readings],
        )

    def _checked(self, image: ImageRecord) -> ImageRecord:
        for space, dim in self.fingerprint.spaces:
            vector = image.vectors.get(space)
            if vector is None or vector.shape != (dim,) or not np.isfinite(vector).all():
                got = "nothing" if vector is None else f"shape {vector.shape}"
                raise InputError(
                    f"image {image.content_hash[:10]} needs {dim} finite numbers in space "
                    f"{space}, but has {got}"
                )
        return _clean(image)

    def _staged(self, addition: _Addition, batch: Batch, seq: int) -> Segment | None:
        """The segment of a commit to come, written while nobody waits; ``None`` for no images."""
        if not addition.images:
            return None
        table = images_table(addition.ids, addition.images, batch.files, self.fingerprint.spaces)
        return write_segment(self.segments, table, SegmentHeader(self.fingerprint, FORMAT, seq))


def _hashes(batch: Batch) -> list[str]:
    images = [image.content_hash for image in (*batch.images, *batch.readings)]
    return [*images, *(file.content_hash for file in batch.files), *batch.predictions]


def _additions(batch: Batch, known: KnownContent) -> _Addition:
    """New images, with their ids; those that wait come back under the id they have."""
    there = known.live.keys() | known.waiting.keys()
    new = {i.content_hash: i for i in batch.images if i.content_hash not in there}
    return _numbered(list(new.values()), batch.ids, known.next_id)


def _put(transaction: Transaction, batch: Batch, known: KnownContent, new: dict[str, int]) -> None:
    """Files and rejects in place of what was known at their paths, and what comes back by them."""
    ids = known.removed | known.waiting | known.live | new
    files = [file for file in batch.files if file.content_hash in ids]
    if len(files) < len(batch.files):
        # Its picture left the collection during this run; unknown, it is read again next time.
        _log.warning("%d files are left for the next run", len(batch.files) - len(files))
    losers = put_files(transaction, files, ids)
    named = [i.content_hash for i in batch.images] + [file.content_hash for file in files]
    back = {known.waiting[h] for h in named if h in known.waiting and h not in known.live}
    revive_images(transaction, sorted(back))
    losers |= put_rejects(transaction, batch.rejects)
    delete_orphans(transaction, losers, "gone")


def _enrich(transaction: Transaction, batch: Batch, ids: dict[str, int]) -> None:
    """What was learnt of images and files that were known before."""
    put_labels(transaction, batch.labels)
    readings = {ids[i.content_hash]: i for i in batch.readings if i.content_hash in ids}
    read_again(transaction, readings)
    put_predictions(transaction, {ids[h]: p for h, p in batch.predictions.items() if h in ids})


def _take_out(transaction: Transaction, batch: Batch) -> None:
    present = {file.path for file in batch.files}
    mark_missing(transaction, [path for path in batch.missing if path not in present])
    mark_seen(transaction, batch.seen)
    leave_files(transaction, [path for path in batch.excluded if path not in present], "excluded")
    leave_files(transaction, [path for path in batch.gone if path not in present], "gone")


def _clean(image: ImageRecord) -> ImageRecord:
    keywords = tuple(clean(word) or "" for word in image.keywords)
    return replace(
        image, camera=clean(image.camera), recipe=_clean_json(image.recipe), keywords=keywords
    )


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


def _clean_json(value: Any, depth: int = 0) -> Any:
    """Texts that a database can hold; what is nested deeper than any recipe is left out."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict | list | tuple):
        if depth >= DEEPEST_RECIPE:
            return None
        if isinstance(value, dict):
            return {clean(str(key)): _clean_json(item, depth + 1) for key, item in value.items()}
        return [_clean_json(item, depth + 1) for item in value]
    return value
