"""What a collection shows as a whole: maps, samples that stand for it, and what copies what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from vitrail.service.operations.classifiable import Classifiable

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.service.operations.audit_results import Audit
    from vitrail.service.operations.mapping import ImageMap, MapKeywords
    from vitrail.service.operations.sampling import ImageSample, SampleKeywords


class Surveyable(Classifiable):
    """A collection that can be seen from above, and audited."""

    def map(
        self, *, cancellation: Cancellation | None = None, **options: Unpack[MapKeywords]
    ) -> ImageMap:
        """Lay images out in the plane, near ones near one another, and name what lies together.

        Args:
            cancellation: looked at between blocks of vectors.
            options: the fields of ``vitrail.service.operations.mapping.MapOptions``: ``where``,
                ``only``, ``spaces``, ``layout``, ``clusters``, ``columns``, ``limit``.

        Raises:
            InputError: too few images, an unknown space or column, a filter that cannot be used, or
                a package that is not installed.
            CancelledError: somebody asked to stop.
        """
        from vitrail.service.operations.mapping import MapOptions, draw_map

        return draw_map(self, MapOptions(**options), cancellation=cancellation)

    def audit(
        self,
        generated: str = "generated",
        against: str = "not generated",
        *,
        space: str | None = None,
        pixels: bool = True,
        originals: int = 24,
        pairs: int = 24,
        cancellation: Cancellation | None = None,
    ) -> Audit:
        """Hold generated images against those that they may copy.

        Args:
            generated: SQL expression over the columns, of the images that may copy.
            against: the same of those that may have been copied, such as a training set.
            space: whose vectors are compared; ``None`` is the one that searches weigh most.
            pixels: whether images are also laid over their nearest, and judged by that.
            originals: images of which copies are planted, to see what is caught.
            pairs: the most suspicious pairs that are told.
            cancellation: looked at between images.

        Raises:
            InputError: a filter or the space cannot be used, no image is generated, too few to
                compare with, or images that are both.
            CancelledError: somebody asked to stop.
        """
        from vitrail.service.operations.auditing import AuditOptions, audit

        options = AuditOptions(generated, against, space, pixels, originals, pairs)
        return audit(self, options, cancellation=cancellation)

    def sample(
        self,
        count: int,
        *,
        cancellation: Cancellation | None = None,
        **options: Unpack[SampleKeywords],
    ) -> ImageSample:
        """Choose images that stand for all that a filter lets through.

        Args:
            count: how many.
            cancellation: looked at before each image is chosen.
            options: the other fields of ``vitrail.service.operations.sampling.SampleOptions``:
                ``kind``, ``where``, ``only``, ``spaces``, ``limit``.

        Raises:
            InputError: no image, an unknown space, or a filter that cannot be used.
            CancelledError: somebody asked to stop.
        """
        from vitrail.service.operations.sampling import SampleOptions, sample_images

        return sample_images(self, SampleOptions(count, **options), cancellation=cancellation)
