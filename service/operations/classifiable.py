"""What a collection tells by labels: what images are of, and whether labels are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrail.service.operations.comparable import Comparable

if TYPE_CHECKING:  # these bring Pillow, which a look at metadata does not need
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.classifications import Classification
    from vitrail.service.operations.examining import LabelReport, Suspects
    from vitrail.service.operations.labels import By, LabelledBy


class Classifiable(Comparable):
    """A collection whose images can be classified, and whose labels can be examined."""

    def classify(
        self,
        *images: ImageLike | int,
        by: By | None = None,
        labels: str | None = None,
        space: str | None = None,
        top: int = 1,
        min_probability: float = 0.0,
        where: str | None = None,
        write: str | None = None,
        refit: bool = False,
        cancellation: Cancellation | None = None,
    ) -> Classification:
        """Tell what images are of: as the checkpoint's head says, or by labels of your own.

        Args:
            images: as of ``search``, and ids; none for those of the collection that pass ``where``.
            by: ``head``, ``knn`` (the vote of the nearest labelled images) or ``probe`` (a linear
                one, which is kept in the collection); ``knn`` where ``labels`` are given.
            labels: the column whose values are told.
            space: whose vectors are used; what a search weighs most if not given.
            top: how many labels of each image are told.
            min_probability: of the best label, below which none is told.
            where: SQL expression over the columns.
            write: a column that shall hold the labels of these images; one more, with
                ``_probability`` at its end, holds their probabilities.
            refit: whether a probe is learned anew.
            cancellation: looked at after each step.

        Raises:
            InputError: options that do not go together, no such column or space, too few labels,
                or a checkpoint without a head; nothing is written.
            FingerprintMismatchError: the probe that was kept is another encoder's.
            CollectionLockedError: labels are to be written, and another process is writing.
        """
        from vitrail.service.operations.classifications import ClassifyOptions
        from vitrail.service.operations.classifying import classify

        options = ClassifyOptions(by, labels, space, top, min_probability, refit)
        return classify(self, images, options, where=where, write=write, cancellation=cancellation)

    def assess_labels(
        self,
        labels: str,
        *,
        by: LabelledBy = "knn",
        space: str | None = None,
        min_probability: float = 0.0,
        cancellation: Cancellation | None = None,
    ) -> LabelReport:
        """Say how well labels can be told from what images look like; each image's by others.

        Args:
            labels: the column whose values they are.
            by: ``knn`` or ``probe``.
            space: whose vectors are used.
            min_probability: below it no label is told of an image.
            cancellation: looked at after each step.

        Raises:
            InputError: no such column or space, or too few labels.
        """
        from vitrail.service.operations.examining import assess_labels
        from vitrail.service.operations.labels import LabelOptions

        options = LabelOptions(labels, by, space)
        return assess_labels(
            self, options, min_probability=min_probability, cancellation=cancellation
        )

    def suspect_labels(
        self,
        labels: str,
        *,
        by: LabelledBy = "knn",
        space: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> Suspects:
        """Find labels that are likely wrong, and images that are unlike all others.

        The arguments and errors are those of ``assess_labels``.
        """
        from vitrail.service.operations.examining import find_suspects
        from vitrail.service.operations.labels import LabelOptions

        return find_suspects(self, LabelOptions(labels, by, space), cancellation=cancellation)
