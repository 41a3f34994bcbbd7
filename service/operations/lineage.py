"""What an image was made from, and what was made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.search.lineage import Relative, children, parents
from vitrail.service.operations.references import StoredImage, find_image

if TYPE_CHECKING:
    from vitrail.indexer.collection.answering import Answering
    from vitrail.indexer.image_info import ImageInfo


@dataclass(frozen=True, slots=True)
class Lineage:
    """An image among its relatives.

    Attributes:
        image: what is known of it, its recipe among that.
        parents: what its recipe names.
        children: what was made from it.
    """

    image: ImageInfo
    parents: tuple[Relative, ...]
    children: tuple[Relative, ...]


def trace_lineage(store: Answering, image: StoredImage) -> Lineage:
    """Look up an image's relatives.

    Raises:
        UnknownImageError: no image is named so.
        InputError: several are.
    """
    image_id = find_image(store, image)
    (row,) = store.metadata([image_id])
    return Lineage(row, tuple(parents(store, image_id)), tuple(children(store, image_id)))
