"""Segments written outside of any transaction, by whoever has reserved ids for them.

Whoever stages needs no catalog: a reservation, the encoder's fingerprint and the collection's
folder on the same file system are enough. What is staged counts once the writer has adopted it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vitrail.indexer.catalog.reservations import Reservation
from vitrail.indexer.catalog.schema import FORMAT
from vitrail.indexer.collection.batches import cleaned
from vitrail.indexer.errors import InputError, NewerFormatError, SegmentGoneError
from vitrail.indexer.files.durability import disk_guard
from vitrail.indexer.fingerprint import Fingerprint
from vitrail.indexer.records import Batch, FileRecord, ImageRecord
from vitrail.indexer.segments import segment_file
from vitrail.indexer.segments.image_rows import file_records, image_records, images_table
from vitrail.indexer.segments.segment_file import (
    Segment,
    SegmentHeader,
    read_header,
    read_segment,
    write_segment,
)
from vitrail.indexer.wording import counted

_RESERVED_MOST = 1 << 32  # at once, far more than a segment holds; all ids are 2 ** 63
_ROW_BYTES = 2048  # of an image in a segment, beside its vectors, generously


@dataclass(frozen=True, slots=True)
class Staged:
    """A segment that waits to be adopted; plain, so that it may be sent to another process.

    Attributes:
        reservation: whose ids it has.
        segment: the file.
    """

    reservation: Reservation
    segment: Segment


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a staged segment holds, without its vectors.

    Attributes:
        staged: it.
        images: id -> image.
        files: those that hold the images, as they were known when it was staged.
    """

    staged: Staged
    images: Mapping[int, ImageRecord]
    files: Sequence[FileRecord]


def check_reservable(count: int, seconds: float) -> None:
    """Refuse to give out ids that make no sense.

    Raises:
        InputError: ``count`` or ``seconds`` is not positive, or ``count`` above 2 ** 32.
    """
    if not 0 < count <= _RESERVED_MOST or not 0 < seconds < math.inf:
        raise InputError(
            f"{count} ids for {seconds:g} seconds cannot be reserved; both must be above 0, "
            f"and ids at most {_RESERVED_MOST} at once"
        )


def stage(
    directory: str | os.PathLike[str],
    fingerprint: Fingerprint,
    reservation: Reservation,
    images: Sequence[ImageRecord],
    files: Sequence[FileRecord],
) -> Staged:
    """Write a durable segment of new images; nobody sees it before it is adopted.

    Args:
        directory: the collection's.
        fingerprint: of the encoder that made the vectors, which must be the collection's.
        reservation: of at least as many ids as there are images.
        images: with their vectors; those of which no file is given are left out.
        files: paths at which they are.

    Raises:
        InputError: no image is left, there are more than ids, or an image lacks a space's vector,
            or has it in another width.
        CollectionError: the disk is full.
    """
    batch = cleaned(Batch(list(images), list(files)), fingerprint)
    new = list({image.content_hash: image for image in batch.images}.values())
    if not 0 < len(new) <= reservation.count:
        raise InputError(
            f"{counted(len(new), 'image')} with files cannot be staged with "
            f"{counted(reservation.count, 'reserved id')}; reserve as many as there are images"
        )
    folder = os.path.join(os.path.abspath(os.fspath(directory)), segment_file.FOLDER)
    ids = range(reservation.first, reservation.first + len(new))
    width = sum(dim for _, dim in fingerprint.spaces)
    with disk_guard(folder, len(new) * (4 * width + _ROW_BYTES)):
        table = images_table(ids, new, batch.files, fingerprint.spaces)
        header = SegmentHeader(fingerprint, FORMAT, reservation.seq)
        return Staged(reservation, write_segment(folder, table, header, token=reservation.token))


def read_staged(folder: str, staged: Staged, fingerprint: Fingerprint) -> Arrived:
    """What a staged segment holds, proven to be what was staged.

    Args:
        folder: the collection's ``segments`` folder.
        staged: what ``stage`` gave.
        fingerprint: the collection's.

    Raises:
        InputError: it is another encoder's, does not lie in its reservation, or was swept.
        NewerFormatError: a newer version staged it.
        UnreadableError: it cannot be read now.
        DamagedError: it is another file than was staged.
    """
    segment, reservation = staged.segment, staged.reservation
    if segment_file.token_of(segment.name) != reservation.token or not (
        reservation.first <= segment.min_id <= segment.max_id <= reservation.last
    ):
        raise InputError(
            f"staged segment {segment.name} has ids {segment.min_id} to {segment.max_id}, and its "
            f"reservation {reservation.token} gave {reservation.first} to {reservation.last}; "
            "reserve ids and stage it again"
        )
    try:
        table = read_segment(folder, segment)
    except SegmentGoneError as error:
        raise InputError(
            f"staged segment {segment.name} is gone: what is not adopted before its reservation is "
            "over is swept; reserve ids for longer and stage it again"
        ) from error
    header = read_header(os.path.join(folder, segment.name))
    if header.format > FORMAT:
        raise NewerFormatError(
            f"staged segment {segment.name} has format {header.format}, but this version of "
            f"vitrail reads formats up to {FORMAT}; upgrade vitrail"
        )
    made_by = header.fingerprint
    if not fingerprint.agrees(made_by):
        raise InputError(
            f"staged segment {segment.name} cannot be adopted: this collection holds vectors of "
            f"{fingerprint.difference(made_by)}; stage what its own encoder makes"
        )
    ids = table["id"].to_pylist()
    images = dict(zip(ids, image_records(table, ()), strict=True))
    return Arrived(staged, images, file_records(table))
