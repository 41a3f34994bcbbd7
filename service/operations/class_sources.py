"""Images that are to be classified: of the collection, whose vectors are stored, or any others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.predictions import Predictions, top_labels
from vitrail.indexer.errors import FilterError, ImageRejectedError, InputError
from vitrail.search.derived import with_derived
from vitrail.service.operations.references import (
    ContentHash,
    ImageBytes,
    ImageFile,
    ImageId,
    ImageReference,
    IndexedPath,
    find_image,
)

if TYPE_CHECKING:
    from vitrail.indexer.collection.snapshot import Snapshot
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders.base import Encoded, Encoder
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.searchable import Searchable

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
OnImages = Callable[[int, int], None]
_BATCH = 32  # images of one forward pass
_READ = 1024  # images whose metadata is read together
NOBODY = -1  # the id of an image that is not of the collection


@dataclass(frozen=True, slots=True)
class Source:
    """An image to be classified.

    Attributes:
        name: what it is called, in answers.
        id: in the collection; ``None`` of one that is not of it.
        image: what is embedded of one that is not.
    """

    name: str
    id: int | None
    image: ImageLike | None = None

    @classmethod
    def of(cls, given: ImageReference | ImageLike | int, store: CollectionStore) -> Source:
        """What was given.

        Raises:
            UnknownImageError: no image of the collection is called so.
            InputError: what is given is no image.
        """
        if isinstance(given, bool):
            raise InputError(f"{given!r} is no image; give a path or an id")
        if isinstance(given, int | np.integer):
            given = ImageId(int(given))
        if isinstance(given, ImageId | IndexedPath | ContentHash):
            found = find_image(store, given)
            paths = store.metadata([found])[0].paths
            return cls(paths[0] if paths else str(given), found)
        if isinstance(given, ImageFile):
            return cls(str(given), None, given.path)
        if isinstance(given, ImageBytes):
            return cls(given.name, None, given.data)
        if isinstance(given, str | os.PathLike):
            return cls(os.fspath(given), None, given)
        return cls(type(given).__name__, None, given)


def stored_sources(commit: Snapshot, where: str) -> list[Source]:
    """The images of a commit that pass a filter, by id.

    Raises:
        FilterError: it cannot be used, or no image passes.
    """
    ids = commit.allowed_ids(where).tolist()
    if not ids:
        raise FilterError(f"no image passes the filter {where!r}; loosen it, or see `vitrail list`")
    found = []
    for first in range(0, len(ids), _READ):
        found += [
            Source(info.paths[0] if info.paths else f"image {info.id}", info.id)
            for info in commit.metadata(ids[first : first + _READ])
        ]
    return found


def embedded(
    collection: Searchable,
    commit: Snapshot,
    sources: Sequence[Source],
    space: str,
    most: int,
    errors: list[str],
    on_images: OnImages,
) -> Iterator[tuple[Ids, Floats, Ids]]:
    """Vectors of images: those of the collection as stored, others as they are embedded now.

    Args:
        collection: open.
        commit: that is read.
        sources: the images.
        space: of the vectors; may be derived.
        most: images of the collection whose vectors are given at once.
        errors: filled in, at their places, of images that cannot be opened.
        on_images: called after each batch that is embedded.

    Yields:
        (m,) int64 places in ``sources``, (m, dim) float32 unit rows, (m,) int64 ids, ``NOBODY`` of
        images that are not of the collection.
    """
    stored = [i for i, source in enumerate(sources) if source.id is not None]
    for first in range(0, len(stored), most):
        places = np.array(stored[first : first + most], np.int64)
        ids = [sources[i].id or 0 for i in places]
        yield places, commit.vectors(ids, space), np.array(ids, np.int64)
    if len(stored) < len(sources):
        for found, batch in _encoded(collection.encoder, sources, errors, on_images):
            rows = with_derived(batch.vectors, (space,), commit)[space]
            yield found, rows, np.full(len(found), NOBODY, np.int64)


def _encoded(
    encoder: Encoder, sources: Sequence[Source], errors: list[str], on_images: OnImages
) -> Iterator[tuple[Ids, Encoded]]:
    """What an encoder makes of the images that are not of the collection, a batch at a time."""
    from vitrail.indexer.encoders.batching import encode_resilient
    from vitrail.search.images import read_pixels

    others = [i for i, source in enumerate(sources) if source.id is None]
    for first in range(0, len(others), _BATCH):
        places, pixels = [], []
        for place in others[first : first + _BATCH]:
            image = sources[place].image
            assert image is not None
            try:
                pixels.append(read_pixels(image, encoder.preprocess))
                places.append(place)
            except ImageRejectedError as error:
                errors[place] = error.detail
        if places:
            yield np.array(places, np.int64), encode_resilient(encoder, np.stack(pixels))
        on_images(min(first + _BATCH, len(others)), len(others))


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """What a checkpoint's head says of an image: labels, best first, or why it says nothing."""

    source: Source
    guesses: Predictions
    error: str = ""


def head_probabilities(
    collection: Searchable, commit: Snapshot, sources: Sequence[Source], on_images: OnImages
) -> list[HeadAnswer]:
    """What a checkpoint's head says: as it was stored, or of other images as it says now.

    Args:
        collection: open, of a checkpoint with a head.
        commit: that is read.
        sources: the images.
        on_images: called after each batch that is embedded.
    """
    errors = [""] * len(sources)
    told: dict[int, Predictions] = {}
    stored = [(i, source.id) for i, source in enumerate(sources) if source.id is not None]
    for first in range(0, len(stored), _READ):
        part = stored[first : first + _READ]
        for (place, _), info in zip(part, commit.metadata([i for _, i in part]), strict=True):
            told[place] = info.predictions
    if len(stored) < len(sources):
        encoder = collection.classifier
        for places, batch in _encoded(encoder, sources, errors, on_images):
            if batch.logits is not None and encoder.labels is not None:
                labels = top_labels(batch.logits, encoder.labels)
                told.update(zip(places.tolist(), labels, strict=True))
    return [HeadAnswer(source, told.get(i, ()), errors[i]) for i, source in enumerate(sources)]
