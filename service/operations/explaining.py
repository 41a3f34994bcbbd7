"""Why images were found: shares of their scores, and the patches that match the query's images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.indexer.encoders.batching import batch_size_for
from vitrail.indexer.errors import ImageRejectedError, InputError, VitrailError
from vitrail.indexer.images.preprocess import seen_box
from vitrail.search.explanation import (
    Explanation,
    PatchMap,
    layer_weights,
    match_patches,
    shares_of,
)
from vitrail.search.images import View, read_view
from vitrail.search.listing import ListOptions, list_images
from vitrail.service.operations.progress import Progress, QueryProgress, nobody
from vitrail.service.operations.references import ImageId, find_image
from vitrail.service.operations.searching import first_readable

if TYPE_CHECKING:
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.search.images import ImageLike
    from vitrail.search.query import Hit, SearchResult
    from vitrail.service.operations.searchable import Searchable
    from vitrail.service.operations.searching import SearchAnswer

Floats = NDArray[np.float32]
FIRST = 8
"""How many hits are explained where nobody says: each takes a forward pass."""
UNRELATED = 12  # images of the collection that matches are held against
_NO_IMAGE = "the query has no image whose patches could be compared"
_NO_FILE = "its file cannot be read now"


@dataclass(frozen=True, slots=True)
class Patches:
    """An image's patch tokens, and where they lie.

    Attributes:
        layers: layer -> (gh, gw, dim) float32.
        box: of the grid in pixels of the upright image.
        size: (width, height) of that.
    """

    layers: dict[int, Floats]
    box: tuple[float, float, float, float]
    size: tuple[int, int]


def explain(
    collection: Searchable,
    images: Sequence[ImageLike],
    result: SearchResult,
    *,
    first: int = FIRST,
    own: Sequence[int] = (),
    progress: Progress = nobody,
) -> tuple[Explanation, ...]:
    """Say why the first hits of an answer were found, best first.

    The images are read again, and go through the encoder once more. A hit whose file cannot be read
    keeps its shares, and says so.

    Args:
        collection: that answered.
        images: that were asked with; none where the query had none that can be read.
        result: the answer.
        first: how many hits, at most.
        own: ids of those images that are of the collection.
        progress: told once, before images are read.

    Raises:
        ImageRejectedError: an image that was asked with cannot be opened.
        InputError: it is no image.
        CheckpointError: the encoder cannot be had.
        VitrailError: there is not the memory for one image.
    """
    hits = result.hits[:first]
    if not hits:
        return ()
    if not images:
        return tuple(_shares(hit, result, _NO_IMAGE) for hit in hits)
    progress(QueryProgress("explaining"))
    encoder = collection.encoder
    weights = layer_weights(result.weights)
    asked = [read_view(image, encoder.preprocess) for image in images]
    shown = [_first_view(hit.paths, encoder) for hit in hits]
    others = unrelated_views(collection, {*own, *(hit.id for hit in hits)}, encoder)
    there = [view for view in shown if view is not None]
    tokens = iter(patches_of(encoder, [*asked, *others, *there], tuple(weights)))
    queries = [next(tokens) for _ in asked]
    unrelated = [next(tokens) for _ in others]
    return tuple(
        _shares(hit, result, _NO_FILE)
        if view is None
        else _explained(_shares(hit, result), queries, next(tokens), unrelated, weights)
        for hit, view in zip(hits, shown, strict=True)
    )


def explain_images(
    collection: Searchable, images: Sequence[ImageLike | int], result: SearchResult, first: int
) -> tuple[Explanation, ...]:
    """``explain`` for images and ids of images of the collection; errors are those of it.

    Raises:
        UnknownImageError: no such id.
        InputError: no hit is asked for.
    """
    if first < 1:
        raise InputError(f"{first} hits are to be explained; ask for at least 1")
    if not images:
        return share_out(result, first=first)
    own = [image for image in images if isinstance(image, int)]
    given = [_file_of(collection, one) if isinstance(one, int) else one for one in images]
    readable = [image for image in given if image is not None]
    return explain(collection, readable, result, first=first, own=own)


def explain_answer(
    collection: Searchable,
    answer: SearchAnswer,
    *,
    patches: bool = True,
    first: int = FIRST,
    progress: Progress = nobody,
) -> SearchAnswer:
    """The answer with explanations of its first hits; errors are those of ``explain``.

    Args:
        collection: that answered.
        answer: of ``search``.
        patches: whether to compare patches; without, only the shares are told.
        first: how many hits, at most.
        progress: as of ``explain``.
    """
    if not patches:
        return replace(answer, explanations=share_out(answer.result, first=first))
    question = answer.query.question
    images = [image.data for image in answer.query.images if not image.negative]
    own = (*question.positives.stored, *question.negatives.stored, *question.exclude)
    told = explain(collection, images, answer.result, first=first, own=own, progress=progress)
    return replace(answer, explanations=told)


def match_views(
    collection: Searchable, encoder: Encoder, first: View, second: View, others: Sequence[View]
) -> tuple[PatchMap, PatchMap]:
    """What of two images matches the other, at the layers that a search weighs by default.

    Args:
        collection: whose default weights count.
        encoder: of its checkpoint.
        first: one image.
        second: the other.
        others: images taken at random, that matches are held against.

    Raises:
        VitrailError: there is not the memory for one image.
    """
    weights = layer_weights(collection.store.default_weights)
    query, hit, *unrelated = patches_of(encoder, [first, second, *others], tuple(weights))
    return _maps(query, hit, unrelated, weights)


def share_out(result: SearchResult, *, first: int = FIRST) -> tuple[Explanation, ...]:
    """Just the shares of the first hits' scores; no image is read."""
    return tuple(_shares(hit, result) for hit in result.hits[:first])


def _file_of(collection: Searchable, image_id: int) -> bytes | None:
    (row,) = collection.store.metadata([find_image(collection.store, ImageId(image_id))])
    found = first_readable(row.paths, f"image {image_id}")
    return found[0].data if found else None


def _shares(hit: Hit, result: SearchResult, reason: str = "") -> Explanation:
    return Explanation(hit.id, shares_of(hit.score, hit.scores, result.weights), reason=reason)


def _explained(
    shares: Explanation,
    queries: Sequence[Patches],
    hit: Patches,
    unrelated: Sequence[Patches],
    weights: Mapping[int, float],
) -> Explanation:
    """Of the query's image that matches most, which are one question together."""
    maps = [_maps(query, hit, unrelated, weights) for query in queries]
    best = max(range(len(maps)), key=lambda i: sum(one.grid.mean() for one in maps[i]))
    ours, theirs = maps[best]
    return Explanation(shares.id, shares.shares, ours, theirs, best)


def _maps(
    query: Patches, hit: Patches, unrelated: Sequence[Patches], weights: Mapping[int, float]
) -> tuple[PatchMap, PatchMap]:
    """What matches in each of two images: the mean over layers, weighted as their spaces are."""
    ours, theirs = [], []
    for layer, weight in weights.items():
        others = [one.layers[layer] for one in unrelated]
        one, other = match_patches(query.layers[layer], hit.layers[layer], others)
        ours.append(weight * one)
        theirs.append(weight * other)
    return (
        PatchMap(np.sum(ours, axis=0, dtype=np.float32), query.box, query.size),
        PatchMap(np.sum(theirs, axis=0, dtype=np.float32), hit.box, hit.size),
    )


def patches_of(encoder: Encoder, views: Sequence[View], layers: Sequence[int]) -> list[Patches]:
    """The patch tokens of some images, and where they lie.

    Args:
        encoder: that makes them.
        views: of the images.
        layers: that are wanted.

    Raises:
        VitrailError: there is not the memory for one image.
    """
    found: list[Patches] = []
    size = batch_size_for(encoder)
    for start in range(0, len(views), size):
        batch = views[start : start + size]
        try:
            made = encoder.patch_tokens(np.stack([view.pixels for view in batch]), layers)
        except MemoryError as error:
            raise VitrailError(
                "not enough memory for the patches of an image: close other programs, or leave out "
                "--explain and --region"
            ) from error
        for number, view in enumerate(batch):
            own = {layer: tokens[number] for layer, tokens in made.layers.items()}
            found.append(
                Patches(own, _grid_box(encoder, view, own[layers[0]], made.side), view.size)
            )
    return found


def _grid_box(
    encoder: Encoder, view: View, tokens: Floats, side: int
) -> tuple[float, float, float, float]:
    """Where the patches lie: what is left of the input beside them is seen by none."""
    left, top, right, bottom = seen_box(encoder.preprocess, view.size)
    rows, columns = (count * side / encoder.image_size for count in tokens.shape[:2])
    return left, top, left + (right - left) * columns, top + (bottom - top) * rows


def _first_view(paths: Sequence[str], encoder: Encoder) -> View | None:
    for path in paths:
        with suppress(ImageRejectedError):  # gone or changed since it was indexed
            return read_view(path, encoder.preprocess)
    return None


def unrelated_views(collection: Searchable, related: set[int], encoder: Encoder) -> list[View]:
    """Images of the collection at random, always the same; fewer where files are away."""
    drawn = ListOptions(columns=("id",), sample=2 * UNRELATED + len(related))
    ids = [image.id for image in list_images(collection.store, drawn) if image.id not in related]
    views: list[View] = []
    for row in collection.store.metadata([*ids[::2], *ids[1::2]]):  # of the whole range
        view = _first_view(row.paths, encoder)
        views += [] if view is None else [view]
        if len(views) == UNRELATED:
            break
    return views
