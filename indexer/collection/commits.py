"""One commit: a batch, and what was staged for it, into the catalog, all of it or none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.changes import (
    add_segment,
    delete_images,
    delete_orphans,
    put_labels,
    put_predictions,
    read_again,
)
from vitrail.indexer.catalog.departures import leave_files, mark_missing, mark_seen, revive_images
from vitrail.indexer.catalog.known import KnownContent, KnownPaths, look_up, look_up_paths
from vitrail.indexer.catalog.new_rows import image_rows, prediction_rows
from vitrail.indexer.catalog.paths import NewFiles, hold_files, put_files, put_rejects
from vitrail.indexer.catalog.reservations import close_reservations, open_reservations
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.catalog.transaction import HeldRows, Transaction
from vitrail.indexer.collection.batches import cleaned
from vitrail.indexer.collection.staging import Arrived, Staged, read_staged
from vitrail.indexer.errors import InputError
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, FileRecord, ImageRecord
from vitrail.indexer.segments.image_rows import images_table
from vitrail.indexer.segments.segment_file import Segment, SegmentHeader, write_segment

_log = logging.getLogger("vitrail")
_ROW_BYTES = 2048  # a catalog row with its share of pages, generously


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of staged segments.

    Attributes:
        new: images that the collection did not have.
        known: those that it had already, that were staged twice, or that were removed since their
            ids were reserved.
    """

    new: int
    known: int


@dataclass(frozen=True, slots=True)
class _Addition:
    """Images of one new segment; ``doubled`` are ids of its images that are there already."""

    segment: Segment | None
    ids: list[int]
    images: list[ImageRecord]
    doubled: tuple[int, ...] = ()

    @property
    def by_hash(self) -> dict[str, int]:
        """Content hash -> id of the images that are new."""
        ids = zip(self.ids, self.images, strict=True)
        return {i.content_hash: id_ for id_, i in ids if id_ not in self.doubled}


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
        """Make all of the batch visible, or none of it; see ``CollectionStore.commit``."""
        batch = cleaned(batch, self.fingerprint)
        with self.catalog.preparing() as prepared:
            known = _look_up(prepared, batch)
            added = _new_images(batch, known.contents)
            ready = _get_ready(prepared, [added], batch, known)
        segment = self._written(added, batch.files, prepared.seq)
        with self.catalog.writing("commit", seq=prepared.seq) as transaction:
            _enter(transaction, [replace(added, segment=segment)], batch, ready)

    def adopt(self, staged: Sequence[Staged]) -> Adopted:
        """Make all that was staged visible, or none of it; see ``CollectionStore.adopt``."""
        arrived = [read_staged(self.segments, one, self.fingerprint) for one in staged]
        images = [image for one in arrived for image in one.images.values()]
        batch = Batch(images, [file for one in arrived for file in one.files])
        with self.catalog.preparing() as prepared:
            _check_reserved(prepared, staged)
            known = _look_up(prepared, batch)
            additions = _additions(arrived, known.contents)
            ready = _get_ready(prepared, additions, batch, known)
        new = {id_ for one in additions for id_ in one.by_hash.values()}
        # Two of them may have named one path, which can hold one image only.
        bare = new.difference(ready.files.images.values())
        with self.catalog.writing("adopt", seq=prepared.seq) as transaction:
            close_reservations(transaction, [one.reservation.token for one in staged])
            _enter(transaction, additions, batch, ready)
            delete_images(transaction, sorted(bare), "gone")
        return Adopted(len(new), len(images) - len(new))

    def _written(self, added: _Addition, files: list[FileRecord], seq: int) -> Segment | None:
        """The segment of a commit to come, written while nobody waits; ``None`` for no images."""
        if not added.images:
            return None
        table = images_table(added.ids, added.images, files, self.fingerprint.spaces)
        return write_segment(self.segments, table, SegmentHeader(self.fingerprint, FORMAT, seq))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the catalog knows of what a batch names, read while others read too."""

    contents: KnownContent
    paths: KnownPaths


def _look_up(prepared: Transaction, batch: Batch) -> _Known:
    images = [image.content_hash for image in (*batch.images, *batch.readings)]
    hashes = [*images, *(file.content_hash for file in batch.files), *batch.predictions]
    paths = [file.path for file in batch.files] + [reject.path for reject in batch.rejects]
    return _Known(look_up(prepared, hashes), look_up_paths(prepared, paths))


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a commit puts into the catalog, ready to be put, so that readers wait for little."""

    images: HeldRows
    predictions: HeldRows
    files: NewFiles
    known: _Known


def _get_ready(
    prepared: Transaction, additions: Sequence[_Addition], batch: Batch, known: _Known
) -> _Ready:
    contents = known.contents
    ids = contents.removed | contents.waiting | contents.live
    for one in additions:
        ids |= one.by_hash
    files = [file for file in batch.files if file.content_hash in ids]
    if len(files) < len(batch.files):
        # Its image left the collection during this run; unknown, it is read again next time.
        _log.warning("%d files are left for the next run", len(batch.files) - len(files))
    images = {i: image for one in additions for i, image in zip(one.ids, one.images, strict=True)}
    predictions = {i: image.predictions for i, image in images.items()}
    return _Ready(
        prepared.hold("images", image_rows(list(images), list(images.values()))),
        prepared.hold("predictions", prediction_rows(predictions)),
        hold_files(prepared, files, ids, known.paths),
        known,
    )


def _new_images(batch: Batch, known: KnownContent) -> _Addition:
    """New images, with their ids; those that wait come back under the id they have."""
    there = known.live.keys() | known.waiting.keys()
    new = {i.content_hash: i for i in batch.images if i.content_hash not in there}
    return _numbered(list(new.values()), batch.ids, known.next_id)


def _check_reserved(prepared: Transaction, staged: Sequence[Staged]) -> None:
    """Refuse what nobody has reserved, or what has been adopted with its reservation already."""
    known = open_reservations(prepared.connection)
    for one in staged:
        if known.pop(one.reservation.token, None) != one.reservation:
            raise InputError(
                f"staged segment {one.segment.name} cannot be adopted: its reservation of ids "
                f"{one.reservation.first} to {one.reservation.last} is used, over, or of another "
                "collection; reserve ids and stage it again"
            )


def _additions(arrived: Sequence[Arrived], known: KnownContent) -> list[_Addition]:
    """Staged segments; images are doubled whose content is there, came before, or was removed."""
    there = set(known.live) | set(known.waiting)
    additions = []
    for one in arrived:
        doubled, begun = [], one.staged.reservation.seq
        for image_id, image in one.images.items():
            content = image.content_hash
            if content in there or known.removed_by.get(content, 0) > begun:
                doubled.append(image_id)
            there.add(content)
        additions.append(
            _Addition(
                one.staged.segment, list(one.images), list(one.images.values()), tuple(doubled)
            )
        )
    return additions


def _enter(
    transaction: Transaction, additions: Sequence[_Addition], batch: Batch, ready: _Ready
) -> None:
    """All that a commit does to the catalog."""
    for one in additions:
        if one.segment is not None:
            add_segment(transaction, one.segment)
    transaction.append_held(ready.images)
    transaction.append_held(ready.predictions)
    for one in additions:
        delete_images(transaction, one.doubled, "doubled")
    _put(transaction, batch, ready)
    known = ready.known.contents
    _enrich(transaction, batch, known.live | known.waiting)
    _take_out(transaction, batch)


def _put(transaction: Transaction, batch: Batch, ready: _Ready) -> None:
    """Files and rejects in place of what was known at their paths, and what comes back by them."""
    known = ready.known.contents
    losers = put_files(transaction, ready.files, ready.known.paths)
    named = [i.content_hash for i in batch.images] + [file.content_hash for file in batch.files]
    back = {known.waiting[h] for h in named if h in known.waiting and h not in known.live}
    revive_images(transaction, sorted(back))
    losers |= put_rejects(transaction, batch.rejects, ready.known.paths)
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


def _numbered(images: list[ImageRecord], given: dict[str, int], next_id: int) -> _Addition:
    """Images with ids, ascending: those that were given, then the next ones."""
    named = [(given[i.content_hash], i) for i in images if i.content_hash in given]
    named.sort(key=lambda pair: pair[0])
    if named and named[0][0] < next_id:
        raise InputError(f"id {named[0][0]} cannot be given: ids go on from {next_id}")
    rest = [image for image in images if image.content_hash not in given]
    start = named[-1][0] + 1 if named else next_id
    ids = [image_id for image_id, _ in named] + list(range(start, start + len(rest)))
    return _Addition(None, ids, [image for _, image in named] + rest)
