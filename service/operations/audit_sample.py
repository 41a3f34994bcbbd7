"""What an audit reads of a commit: nearest references, innocent images, planted copies, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.vectors.neighbours import neighbours
from vitrail.indexer.vectors.one_thread import one_thread
from vitrail.search.calibration.planting import SIDE, plant
from vitrail.search.derived import with_derived
from vitrail.search.duplicates.evidence import IDENTICAL, CopyEvidence, agreement, confirm
from vitrail.search.duplicates.looks import Look, look_at
from vitrail.search.images import ImageLike, embed_images
from vitrail.search.replication.scoring import AROUND, NONE, Near
from vitrail.service.operations.gathering import space_of
from vitrail.service.operations.looks import Looks
from vitrail.service.operations.progress import AnalysisProgress, Progress

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.searchable import Searchable

Ids = NDArray[np.int64]
Doubles = NDArray[np.float64]
VERBATIM = "verbatim"
TRIED = 3
"""Nearest references of an image whose pixels are compared with its own."""
_MORE = 4  # times as many originals, where files are away


class Planted(NamedTuple):
    """Copies that were made of references.

    Attributes:
        near: their nearest references.
        looks: of each.
        kinds: (c,) what was done to each.
        originals: (c,) int64: which original each is of, 0 and on.
    """

    near: Near
    looks: tuple[Look, ...]
    kinds: tuple[str, ...]
    originals: Ids


class Agreeing(NamedTuple):
    """How far images agree with those that lie nearest.

    Attributes:
        shares: (n,) float64 of their parts, 0 to 1; NaN where no file could be read.
        references: (n,) int64 positions of those that they agree with most; ``NONE`` for none.
    """

    shares: Doubles
    references: Ids


class AuditSample:
    """One commit, as an audit reads it.

    Args:
        collection: open.
        space: whose vectors are compared; ``None`` is the one that searches weigh most.
        progress: told where it is.
        cancellation: looked at between blocks and images.

    Attributes:
        snapshot: the commit.
        space: that is compared.
        copy_distance: up to which two references are taken for copies of one another.
        recall: the share of the true nearest that was met so far, as measured.

    Raises:
        InputError: there is no such space.
    """

    def __init__(
        self,
        collection: Searchable,
        space: str | None,
        progress: Progress,
        cancellation: Cancellation,
    ) -> None:
        first = collection.store.snapshot()
        self.space = space_of(first, space)
        self.snapshot = collection.store.snapshot(self.space)
        self.progress, self.cancellation = progress, cancellation
        calibration = collection.calibrations.of(self.snapshot, (self.space,))
        line = 1.0 if calibration is None else calibration.scale({self.space: 1.0}).copy
        self.copy_distance = float(np.sqrt(max(0.0, 2 - 2 * line)))
        self.recall = 1.0
        self._looks = Looks(lambda image_id: self.snapshot.metadata([image_id])[0])

    def near(self, asked: Ids, references: Ids) -> Near:
        """The nearest references of images, themselves left out.

        Args:
            asked: (n,) int64 ascending ids.
            references: (m,) int64 ascending ids.
        """
        k = min(AROUND, len(references) - 1)
        answers = neighbours(
            self.snapshot.index(self.space),
            k,
            asked=asked,
            allowed=references,
            on_progress=lambda done, total: self.progress(
                AnalysisProgress("comparing vectors", done, total)
            ),
            stop=lambda: self.cancellation.cancelled,
        )
        ids = np.full((len(asked), k), NONE, np.int64)
        cosines = np.full((len(asked), k), -np.inf, np.float32)
        for block in answers.blocks:
            at = np.searchsorted(asked, block.ids)
            ids[at], cosines[at] = block.neighbours, block.cosines
        self.cancellation.check()
        self.recall = min(self.recall, answers.recall)
        return _to_positions(ids, cosines, references)

    def agreeing(self, asked: Ids, near: Near, references: Ids, tried: int) -> Agreeing:
        """How far the pixels of images agree with those of their nearest references.

        Args:
            asked: (n,) int64 ids.
            near: their nearest references.
            references: (m,) int64 ids.
            tried: of the nearest, how many.
        """
        shares, best = np.full(len(asked), np.nan), np.full(len(asked), NONE, np.int64)
        with one_thread():
            for row, image_id in enumerate(asked.tolist()):
                self._tell(row, len(asked))
                look = self._looks.get(image_id)
                if look is not None:
                    shares[row], best[row] = self.most_agreeing(
                        look, near.positions[row, :tried], references
                    )
        return Agreeing(shares, best)

    def agreeing_planted(self, planted: Planted, references: Ids, tried: int) -> Doubles:
        """The shares of planted copies that agree, likewise."""
        shares = np.zeros(len(planted.looks))
        for row, look in enumerate(planted.looks):
            self._tell(row, len(shares))
            shares[row], _ = self.most_agreeing(
                look, planted.near.positions[row, :tried], references
            )
        return shares

    def most_agreeing(self, look: Look, places: Ids, references: Ids) -> tuple[float, int]:
        """The share of the parts of an image that agree with a reference, and which it is.

        Args:
            look: of the image.
            places: positions of the references that it is compared with.
            references: (m,) int64 ids.

        Returns:
            the largest share, 0 to 1, and the position; NaN and ``NONE`` where no file can be read.
        """
        found = (np.nan, NONE)
        with one_thread():
            for place in places[places != NONE].tolist():
                theirs = self._looks.get(int(references[place]))
                share = np.nan if theirs is None else agreement(theirs, look)
                if not np.isnan(share) and (np.isnan(found[0]) or share > found[0]):
                    found = (share, place)
        return found

    def readable(self, places: Ids, references: Ids) -> bool:
        """Whether all references at some positions have a file that can be read now."""
        known = places[places != NONE]
        return all(self._looks.get(int(references[place])) is not None for place in known)

    def away(self, references: Ids) -> tuple[ImageInfo, ...]:
        """The references that were compared, but for want of a file as it was indexed."""
        ids = np.intersect1d(np.fromiter(self._looks.unread, np.int64), references)
        return tuple(self.snapshot.metadata(ids.tolist()))

    def _tell(self, done: int, total: int) -> None:
        self.cancellation.check()
        self.progress(AnalysisProgress("laying images over one another", done, total))

    def evidence(self, reference: int, image: int) -> tuple[CopyEvidence | None, bool]:
        """What pixels show of two images of the collection; and whether they could be read."""
        looks = self._looks.get(reference), self._looks.get(image)
        if looks[0] is None or looks[1] is None:
            return None, False
        if self._looks.same_pixels(reference, image):
            return CopyEvidence(IDENTICAL), True
        return confirm(looks[0], looks[1]), True

    def plant(self, encoder: Encoder, references: Ids, originals: int) -> Planted | None:
        """Copies of some references, and what they are nearest to; ``None`` if no file is there."""
        order = np.random.default_rng(0).permutation(references)[: originals * _MORE]
        rows: list[NDArray[np.float32]] = []
        looks: list[Look] = []
        kinds: list[str] = []
        for image_id in order.tolist():
            self.cancellation.check()
            image = self._original(image_id)
            if image is None:
                continue
            made = {VERBATIM: image, **plant(image)}
            rows.append(self.embed(encoder, list(made.values())))
            looks += [look_at(copy, copy.size) for copy in made.values()]
            kinds += made
            self.progress(AnalysisProgress("planting copies", len(rows), originals))
            if len(rows) == originals:
                break
        if not rows:
            return None
        return Planted(
            self.nearest(np.concatenate(rows), references),
            tuple(looks),
            tuple(kinds),
            np.repeat(np.arange(len(rows)), len(kinds) // len(rows)),
        )

    def _original(self, image_id: int) -> Image.Image | None:
        data = self._looks.file_of(image_id)
        if data is None:
            return None
        try:
            return open_image(data, target=SIDE).image
        except ImageRejectedError:
            return None

    def embed(self, encoder: Encoder, images: Sequence[ImageLike]) -> NDArray[np.float32]:
        """(n, dim) unit rows of images, in the space that is compared."""
        vectors = embed_images(encoder, images)
        return with_derived(vectors, (self.space,), self.snapshot)[self.space]

    def nearest(self, rows: NDArray[np.float32], references: Ids) -> Near:
        """The nearest references of images that are not in the collection.

        Args:
            rows: (n, dim) float32 unit rows, in the space that is compared.
            references: (m,) int64 ascending ids.
        """
        k = min(AROUND, len(references))
        found = self.snapshot.index(self.space).search(rows, k, allowed=references)
        return _to_positions(found.ids, found.scores, references)


def _to_positions(ids: Ids, cosines: NDArray[np.float32], references: Ids) -> Near:
    there = ids >= 0
    positions = np.where(there, np.searchsorted(references, ids), NONE)
    far = np.sqrt(np.maximum(0, 2 - 2 * np.where(there, cosines, -1.0)))
    return Near(positions, np.where(there, far, np.inf).astype(np.float32))
