"""Jobs about labels: what images are of, how well that can be told, and which are likely wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vitrail.service.documents.labels import (
    classification_document,
    labels_document,
    suspects_document,
)
from vitrail.service.http.jobs.analyses import AnalysisJobs, one_space
from vitrail.service.http.jobs.checking import check_column, check_filters, check_images
from vitrail.service.http.jobs.images import reference_to
from vitrail.service.http.jobs.kinds import JobRun, Setting
from vitrail.service.http.schemas.analyses import ClassifyBody, LabelsBody
from vitrail.service.operations.classifications import ClassifyOptions

if TYPE_CHECKING:
    from vitrail.service.operations.labels import LabelOptions


class ClassifyJobs(AnalysisJobs[ClassifyBody]):
    """What images are of."""

    name = "classify"
    body = ClassifyBody

    def writes(self, body: ClassifyBody) -> bool:
        """Where labels are to be a column of the collection."""
        return body.write is not None

    def check(self, setting: Setting, body: ClassifyBody) -> None:
        """Refuse options that do not go together, unknown images and unusable filters."""
        _classify_options(body)
        check_images(setting, body)
        check_filters(setting, body.sql, spaces=one_space(body.space))
        check_column(setting, body.labels)

    def analyse(self, run: JobRun, body: ClassifyBody) -> Mapping[str, Any]:
        """Tell what they are of."""
        from vitrail.service.operations.classifying import classify

        given = [reference_to(run.setting, image) for image in body.images]
        made = classify(
            run.setting.hosted.collection,
            given,
            _classify_options(body),
            where=None if given else body.sql or "true",
            only=body.only or "all",
            write=body.write,
            progress=run.progress,
            cancellation=run.cancellation,
        )
        return classification_document(made, body.write)


class LabelsJobs(AnalysisJobs[LabelsBody]):
    """Whether labels are right."""

    name = "labels"
    body = LabelsBody

    def check(self, setting: Setting, body: LabelsBody) -> None:
        """Refuse options that do not go together, and a column or space that is not there."""
        _label_options(body)
        check_filters(setting, spaces=one_space(body.space))
        check_column(setting, body.labels)

    def analyse(self, run: JobRun, body: LabelsBody) -> Mapping[str, Any]:
        """Tell each image's label by others, and hold it against the one that it has."""
        from vitrail.service.operations.examining import assess_labels, find_suspects

        collection, options = run.setting.hosted.collection, _label_options(body)
        if body.what == "suspects":
            return suspects_document(
                find_suspects(
                    collection, options, progress=run.progress, cancellation=run.cancellation
                )
            )
        return labels_document(
            assess_labels(
                collection,
                options,
                min_probability=body.min_probability,
                progress=run.progress,
                cancellation=run.cancellation,
            )
        )


def _classify_options(body: ClassifyBody) -> ClassifyOptions:
    return ClassifyOptions(
        body.by, body.labels, body.space, body.top, body.min_probability, body.refit
    )


def _label_options(body: LabelsBody) -> LabelOptions:
    from vitrail.service.operations.labels import LabelOptions

    return LabelOptions(body.labels, body.by, body.space, body.sample, body.seed)
