"""A commit's calibration: pairs of its stored vectors, and copies planted of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.spaces import base_of
from vitrail.indexer.vectors.sampling import evenly_spaced
from vitrail.search.calibration.calibration import (
    FEWEST,
    FOUND_LEAST,
    FOUND_MOST,
    SAME,
    Calibration,
)
from vitrail.search.calibration.pairs import sample_pairs, usable_labels, without_copies
from vitrail.search.calibration.unseen import FittedOn

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.collection.readers import CommitReader, SnapshotReader

Floats = NDArray[np.float32]
Embed = Callable[[Sequence["Image.Image"]], dict[str, Floats]]
"""RGB images -> space name -> (n, dim) float32 unit rows."""
SAMPLE = 4096  # images whose pairs are looked at
QUICK = 1024  # where a search waits for it
ORIGINALS = 24  # images that copies are made of, however fast the machine is
PIXELS = 1 << 30  # that they have together at most; decoding these takes some ten seconds
_TRIED = 4  # times as many, where files are away


@dataclass(frozen=True, slots=True)
class PlantedCopies:
    """How near copies are to their originals.

    Attributes:
        spaces: names of the columns.
        scores: (c, s) float32 cosines.
        kinds: (c,) what was done to each.
    """

    spaces: tuple[str, ...]
    scores: Floats
    kinds: tuple[str, ...]

    def of(self, spaces: Sequence[str]) -> PlantedCopies:
        """The columns of some spaces; no copies where one is not known."""
        if not all(space in self.spaces for space in spaces):
            return no_copies(spaces)
        columns = [self.spaces.index(space) for space in spaces]
        return PlantedCopies(tuple(spaces), self.scores[:, columns], self.kinds)


def no_copies(spaces: Sequence[str] = ()) -> PlantedCopies:
    """Of an encoder or files that are not there."""
    return PlantedCopies(tuple(spaces), np.zeros((0, len(spaces)), np.float32), ())


def fit_calibration(
    commit: CommitReader,
    spaces: Sequence[str],
    planted: PlantedCopies | None = None,
    *,
    sample: int = SAMPLE,
) -> Calibration | None:
    """Compare a sample of a commit's images with one another.

    Args:
        commit: whose vectors and labels are read.
        spaces: to calibrate.
        planted: copies of its images, where there are any.
        sample: images at most, evenly spaced by id.

    Returns:
        ``None`` where images, or pairs of them that have nothing to do with each other, are too
        few.

    Raises:
        InputError: an unknown space.
        CollectionError: vectors are damaged or cannot be read now.
    """
    known = commit.index(spaces[0]).ids()
    ids = known[evenly_spaced(len(known), sample)]
    if len(ids) < FEWEST:
        return None
    rows = [commit.index(space).vectors(ids) for space in spaces]
    labels = usable_labels([row.label for row in commit.metadata(ids.tolist())])
    pairs = sample_pairs(rows, labels, [_fitted_on(commit, space, ids) for space in spaces])
    copies = (planted or no_copies()).of(spaces)
    kept = without_copies(
        pairs, _reached(copies, FOUND_LEAST), len(ids), _reached(copies, FOUND_MOST)
    )
    if np.count_nonzero(~kept.of_one_label) < FEWEST:
        return None
    return Calibration(
        spaces=tuple(spaces),
        sample=kept,
        copies=copies.scores,
        kinds=copies.kinds,
        images=len(known),
        sampled=len(ids),
        labelled=labels is not None,
        copies_apart=round(pairs.pairs - kept.pairs),
    )


def _reached(copies: PlantedCopies, share: float) -> Floats:
    """The cosine that a share of copies reaches in each space, (s,), ``SAME`` at most."""
    if not len(copies.scores):
        return np.full(len(copies.spaces), SAME, np.float32)
    return np.minimum(SAME, np.quantile(copies.scores, 1 - share, axis=0)).astype(np.float32)


def _fitted_on(commit: CommitReader, space: str, ids: NDArray[np.int64]) -> FittedOn | None:
    """What a derived space was fitted on, of some images; ``None`` of a stored one.

    The images of then are the first ones, but for some that are gone since.
    """
    base = base_of(space)
    if base is None:
        return None
    images, index = commit.fitted_rows(space), commit.index(base)
    lengths = commit.transform(space).lengths(index.vectors(ids))
    return FittedOn(images, lengths, np.searchsorted(index.ids(), ids) < images)


def plant_copies(
    commit: SnapshotReader,
    embed: Embed,
    *,
    originals: int = ORIGINALS,
    pixels: int = PIXELS,
    cancellation: Cancellation | None = None,
    on_image: Callable[[int, int], None] = lambda *_: None,
) -> PlantedCopies:
    """Copy some of a commit's images in every way, and see how near they stay to their originals.

    Which ones is told by the commit and by the files that are there, and not by how long it takes:
    the line from which on a hit is a copy shall be the same on every machine.

    Args:
        commit: whose files are read; those that are away are passed over.
        embed: as the commit's vectors were made.
        originals: images to copy, at most.
        pixels: that they have together, at most; images of more than is left are passed over.
        cancellation: looked at after each image; what is done by then counts.
        on_image: called with how many are done, and of how many.

    Raises:
        CollectionError: vectors are damaged or cannot be read now.
    """
    from vitrail.search.calibration.planting import plant

    spaces = tuple(commit.spaces)
    copies, kinds = no_copies(spaces), list[str]()
    found = [copies.scores]
    known = commit.index(spaces[0]).ids()
    ids = known[evenly_spaced(len(known), originals * _TRIED)]
    wanted = min(originals, len(ids))
    on_image(0, wanted)
    originals_read = _readable(commit, np.random.default_rng(0).permutation(ids), pixels)
    for done, (image_id, image) in enumerate(islice(originals_read, wanted), 1):
        made = plant(image)
        vectors = embed(list(made.values()))
        if any(space not in vectors for space in spaces):
            return copies
        own = {space: commit.vectors([image_id], space)[0] for space in spaces}
        found.append(np.stack([vectors[space] @ own[space] for space in spaces], 1))
        kinds += made
        on_image(done, wanted)
        if cancellation is not None and cancellation.cancelled:
            break
    return PlantedCopies(spaces, np.concatenate(found).astype(np.float32), tuple(kinds))


def can_plant(commit: SnapshotReader) -> bool:
    """Whether the file of any image that ``plant_copies`` would try can be opened now.

    Raises:
        CollectionError: the index cannot be had now.
    """
    known = commit.index(next(iter(commit.spaces))).ids()
    ids = known[evenly_spaced(len(known), ORIGINALS * _TRIED)]
    return next(_readable(commit, ids, PIXELS), None) is not None


def _readable(
    commit: SnapshotReader, ids: NDArray[np.int64], pixels: int
) -> Iterator[tuple[int, Image.Image]]:
    """Those images whose first file can be opened now, as long as there are pixels left."""
    from vitrail.indexer.images.files import read_file
    from vitrail.indexer.images.opening import open_image
    from vitrail.search.calibration.planting import SIDE

    for row in commit.metadata(ids.tolist()):
        size = row.width * row.height
        if row.paths and size <= pixels:
            with suppress(ImageRejectedError):
                image = open_image(read_file(row.paths[0]).data, target=SIDE).image
                pixels -= size
                yield row.id, image
