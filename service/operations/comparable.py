"""What a collection tells of two sets of its images, and of two images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from vitrail.service.operations.searchable import Searchable

if TYPE_CHECKING:  # these bring Pillow, which a look at metadata does not need
    from vitrail.service.operations.compared_sets import SetComparison
    from vitrail.service.operations.comparing_images import ImageComparison

ImageReferenceLike: TypeAlias = "str | os.PathLike[str] | bytes | int"
"""A path, encoded bytes, or the id of an image of the collection."""


class Comparable(Searchable):
    """A collection whose images can be compared, two by two and set by set."""

    def compare(
        self,
        a: str | os.PathLike[str],
        b: str | os.PathLike[str] | None = None,
        *,
        spaces: Mapping[str, float] | None = None,
        group_by: str | None = None,
        sample: int = 5000,
        seed: int = 0,
    ) -> SetComparison:
        """Measure how two sets of images differ, and find what makes the difference.

        Args:
            a: the set that is judged, such as ``"generated"``: a filter, or a path (``Path``) of a
                folder whose images are in the collection.
            b: what it is judged by, likewise; ``None`` is all images that are not of ``a``.
            spaces: space name -> weight; ``None`` is what the collection has as its default.
            group_by: a column by whose values a table is made.
            sample: images of a set that are compared, at most.
            seed: of all that is drawn.

        Raises:
            InputError: a set is empty or too small, both have images in common, or a filter, space
                or column cannot be understood.
        """
        from vitrail.service.operations.comparing import CompareOptions, compare_sets
        from vitrail.service.operations.set_references import OtherImages, set_of

        second = OtherImages() if b is None else set_of(b)
        return compare_sets(
            self, set_of(a), second, CompareOptions(spaces, group_by, sample=sample, seed=seed)
        )

    def compare_images(
        self, first: ImageReferenceLike, second: ImageReferenceLike
    ) -> ImageComparison:
        """Compare two images at every layer, by patches, pixels and recipes.

        Args:
            first: a path, encoded bytes, or the id of an image of the collection.
            second: likewise.

        Raises:
            InputError: no such id, or what is given is no image.
            UnusableImageError: an image cannot be opened.
        """
        from vitrail.service.operations.comparing_images import compare_images, reference_of

        return compare_images(self, reference_of(first), reference_of(second))
