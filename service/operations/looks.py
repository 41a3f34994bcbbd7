"""What duplicates are compared by, read from the files of a collection's images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.compression import is_lossless
from vitrail.indexer.images.files import read_unchanged
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.images.sequences import has_several
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.search.duplicates.details import DETAILED, Detailed, detailed
from vitrail.search.duplicates.gists import PackedGists
from vitrail.search.duplicates.keypoints import LONGEST
from vitrail.search.duplicates.looks import Look, look_at
from vitrail.service.operations.spilled_looks import SpilledLooks

HELD = 1500
"""Looks in memory, some 100 KB each."""
_HELD_LARGER = 8  # of 800 KB; an image is compared with one after the other


class KnownFiles(Protocol):
    """What has to be known of an image to read it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Of its files."""

    @property
    def content_hash(self) -> str:
        """Sha256 (hex) of the bytes that they have."""


def look_of(data: bytes) -> Look:
    """The look of an image as a file.

    Raises:
        ImageRejectedError: it cannot be opened.
    """
    opened = open_image(data, target=LONGEST)
    return look_at(opened.image, (opened.width, opened.height))


@dataclass(slots=True)
class Looks:
    """Looks of images, each made once: what memory is not to hold goes to a file.

    Attributes:
        info: what is known of an image by its id; threads ask it.
        unread: ids of those of which no file is as it was indexed.
        held: looks by image id, the one that was asked for longest ago first.
        gists: by image id, of all that were read; some 1 KB each.
        lossless: ids of those of them whose files keep every pixel that they were given.
        several: ids of those of them whose files hold more images, of which the look is no part.
        spilled: those that left memory, as many as the disk has room for.
        larger: the images that were looked at closer last, by image id.
    """

    info: Callable[[int], KnownFiles]
    unread: set[int] = field(default_factory=set)
    held: OrderedDict[int, Look | None] = field(default_factory=OrderedDict)
    gists: dict[int, PackedGists] = field(default_factory=dict)
    lossless: set[int] = field(default_factory=set)
    several: set[int] = field(default_factory=set)
    spilled: SpilledLooks = field(default_factory=SpilledLooks)
    larger: OrderedDict[int, Detailed] = field(default_factory=OrderedDict)

    def ahead(self, ids: Sequence[int]) -> None:
        """Read the looks of some images by threads, so that they are there when asked for."""
        wanted = [i for i in dict.fromkeys(ids) if i not in self.held and i not in self.spilled]
        for image_id, look in zip(
            wanted, map_ahead(self._read, wanted, workers=None, ahead=8), strict=False
        ):
            self._learn(image_id, look)

    def get(self, image_id: int) -> Look | None:
        """The look of an image; ``None`` where it cannot be read."""
        if image_id not in self.held:
            spilled = self.spilled.get(image_id)
            if spilled is None:
                self._learn(image_id, self._read(image_id))
            else:
                self._hold(image_id, spilled)
        self.held.move_to_end(image_id)
        return self.held[image_id]

    def _learn(self, image_id: int, look: Look | None) -> None:
        """Take in what was read of an image just now."""
        if look is None:
            self.unread.add(image_id)
        else:
            self.gists[image_id] = look.packed
        self._hold(image_id, look)

    def _hold(self, image_id: int, look: Look | None) -> None:
        self.held[image_id] = look
        while len(self.held) > HELD:
            left, spilled = self.held.popitem(last=False)
            if spilled is not None:
                self.spilled.add(left, spilled)

    def _read(self, image_id: int) -> Look | None:
        data = self.file_of(image_id)
        if data is None:
            return None
        try:
            look = look_of(data)
        except ImageRejectedError:
            return None
        if is_lossless(data):
            self.lossless.add(image_id)
        if has_several(data):
            self.several.add(image_id)
        return look

    def file_of(self, image_id: int) -> bytes | None:
        """The bytes of an image, from a file that still has them."""
        known = self.info(image_id)
        found = read_unchanged(known.paths, known.content_hash)
        return None if found is None else found.data

    def detailed(self, image_id: int) -> Detailed | None:
        """An image larger than its look; ``None`` where it cannot be read."""
        found = self.larger.get(image_id) or self._read_larger(image_id)
        if found is not None:
            self.larger[image_id] = found
            self.larger.move_to_end(image_id)
            while len(self.larger) > _HELD_LARGER:
                self.larger.popitem(last=False)
        return found

    def _read_larger(self, image_id: int) -> Detailed | None:
        data = self.file_of(image_id)
        if data is None:
            return None
        try:
            opened = open_image(data, target=DETAILED)
        except ImageRejectedError:
            return None
        return detailed(opened.image, (opened.width, opened.height))

    def same_pixels(self, one: int, other: int) -> bool:
        """Whether two images are the same in every decoded pixel."""
        files = [self.file_of(one), self.file_of(other)]
        if None in files:
            return False
        try:
            first, second = (np.asarray(open_image(data).image) for data in files if data)
        except ImageRejectedError:
            return False
        return first.shape == second.shape and bool(np.array_equal(first, second))
