"""Images without a query: some or all of them, in any order, with what is known of each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from vitrail.indexer.errors import InputError
from vitrail.search.filters import NO_IMAGES, combine_filters, none_passes
from vitrail.search.listing import ListedImage, ListOptions
from vitrail.search.listing import count_images as count
from vitrail.search.listing import list_images as read

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.search.options import Only


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why a list is empty.

    Attributes:
        reason: in a sentence.
        hints: what a filter may have meant, a line each.
    """

    reason: str
    hints: tuple[str, ...] = ()


def list_images(store: Answering, options: ListOptions) -> Iterator[ListedImage]:
    """The images that are asked for, read as they are asked for.

    Raises:
        FilterError: the filter cannot be used.
        InputError: there is no such column, or a number is below 1.
    """
    return read(store, options)


def count_images(store: Answering, options: ListOptions) -> int:
    """How many images the filter lets through.

    Raises:
        FilterError: it cannot be used.
    """
    return count(store, where=options.where, only=options.only)


def explain_nothing(store: Answering, options: ListOptions) -> Nothing:
    """Why no image is listed.

    Raises:
        FilterError: the filter cannot be used at all.
    """
    where = combine_filters(options.where, options.only)
    if where is None or not len(store.allowed_ids("true")):
        return Nothing(NO_IMAGES)
    return Nothing(none_passes(options.where, options.only), tuple(store.suggest(where)))


def draw_image(store: Answering, where: str | None, only: Only) -> int:
    """The id of one image, drawn at random of those that a filter lets through.

    Raises:
        FilterError: the filter cannot be used.
        InputError: it lets none through.
    """
    asked = ListOptions(where, only, columns=("id",), sample=1, seed=secrets.randbits(32))
    for image in list_images(store, asked):
        return image.id
    raise InputError(f"no image can be drawn to ask with: {explain_nothing(store, asked).reason}")


def known_image(commit: Answering, image_id: int) -> ImageInfo:
    """All that is known of an image that can be found.

    Raises:
        UnknownImageError: no image has the id, or it left the collection.
    """
    (found,) = commit.metadata([image_id])
    if commit.state.deletions:  # rows of images that left stay for a while, vectors do not
        commit.vectors([image_id], next(iter(commit.spaces)))
    return found


def list_metadata(store: Answering, options: ListOptions, most: int) -> list[ImageInfo]:
    """All that is known of each image that is asked for; the files that fulfil the filter first.

    Args:
        store: the collection.
        options: what is asked for; its columns do not count.
        most: images; the others are left out.

    Raises:
        FilterError: the filter cannot be used.
        InputError: there is no such column, or a number is below 1.
    """
    found = list_images(store, replace(options, columns=("id",)))
    ids = [image.id for image in islice(found, most)]
    return store.metadata(ids, combine_filters(options.where, options.only))
