"""Jobs that look at a collection as a whole, and change nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from vitrail.service.documents.audits import audit_document
from vitrail.service.documents.duplicates import duplicates_document
from vitrail.service.documents.image_comparison import image_comparison_document
from vitrail.service.documents.set_comparison import comparison_document
from vitrail.service.documents.surveys import map_document, sample_document
from vitrail.service.http.jobs.checking import check_column, check_filters, check_images
from vitrail.service.http.jobs.images import reference_to
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.schemas.analyses import (
    AuditBody,
    CompareBody,
    CompareImagesBody,
    DuplicatesBody,
    MapBody,
    SampleBody,
)
from vitrail.service.http.schemas.bodies import JobBody, set_sql
from vitrail.service.operations.duplicates import DuplicateOptions

if TYPE_CHECKING:
    from vitrail.service.operations.comparing import CompareOptions
    from vitrail.service.operations.duplicates import Duplicates

A = TypeVar("A", bound=JobBody)


class AnalysisJobs(JobKind[A]):
    """Kinds that only look; each kind has a worker of its own."""

    @property
    def lane(self) -> str:  # type: ignore[override]
        """That of its kind."""
        return self.name

    @abstractmethod
    def analyse(self, run: JobRun, body: A) -> Mapping[str, Any]:
        """Look, and tell what was seen.

        Raises:
            VitrailError: as of the operation.
        """

    def run(self, run: JobRun, body: A) -> Outcome:
        """Look.

        Raises:
            VitrailError: as of the operation.
        """
        return Outcome(self.analyse(run, body))


class CompareJobs(AnalysisJobs[CompareBody]):
    """Two sets compared."""

    name = "compare"
    body = CompareBody

    def check(self, setting: Setting, body: CompareBody) -> None:
        """Refuse filters and options that cannot be used."""
        _compare_options(body)
        check_filters(setting, *_sets(body), spaces=body.spaces)
        check_column(setting, body.group_by)

    def analyse(self, run: JobRun, body: CompareBody) -> Mapping[str, Any]:
        """Compare them."""
        from vitrail.service.operations.comparing import compare_sets
        from vitrail.service.operations.set_references import FilteredSet, OtherImages

        a, b = _sets(body)
        made = compare_sets(
            run.setting.hosted.collection,
            FilteredSet(a),
            OtherImages() if b is None else FilteredSet(b),
            _compare_options(body),
            progress=run.progress,
            cancellation=run.cancellation,
        )
        return comparison_document(made)


class CompareImagesJobs(AnalysisJobs[CompareImagesBody]):
    """Two images compared."""

    name = "compare-images"
    body = CompareImagesBody

    def check(self, setting: Setting, body: CompareImagesBody) -> None:
        """Refuse ids of no image."""
        check_images(setting, body)

    def analyse(self, run: JobRun, body: CompareImagesBody) -> Mapping[str, Any]:
        """Compare them."""
        from vitrail.service.operations.comparing_images import compare_images

        made = compare_images(
            run.setting.hosted.collection,
            reference_to(run.setting, body.a),
            reference_to(run.setting, body.b),
            progress=run.progress,
            cancellation=run.cancellation,
        )
        return image_comparison_document(made)


class AuditJobs(AnalysisJobs[AuditBody]):
    """A replication audit."""

    name = "audit"
    body = AuditBody

    def check(self, setting: Setting, body: AuditBody) -> None:
        """Refuse filters that cannot be used, and a space that is not there."""
        sides = set_sql(body.generated), set_sql(body.against)
        check_filters(setting, *sides, spaces=one_space(body.space))

    def analyse(self, run: JobRun, body: AuditBody) -> Mapping[str, Any]:
        """Hold generated images against others."""
        from vitrail.service.operations.auditing import AuditOptions, audit

        options = AuditOptions(
            set_sql(body.generated),
            set_sql(body.against),
            body.space,
            body.pixels,
            body.originals,
            body.pairs,
        )
        found = audit(
            run.setting.hosted.collection,
            options,
            progress=run.progress,
            cancellation=run.cancellation,
        )
        return audit_document(found, options)


class MapJobs(AnalysisJobs[MapBody]):
    """A map."""

    name = "map"
    body = MapBody

    def check(self, setting: Setting, body: MapBody) -> None:
        """Refuse a filter, spaces and columns that cannot be used."""
        check_filters(setting, body.sql, spaces=body.spaces)
        for column in body.columns:
            check_column(setting, column)

    def analyse(self, run: JobRun, body: MapBody) -> Mapping[str, Any]:
        """Lay images out."""
        from vitrail.service.operations.mapping import MapOptions, draw_map

        options = MapOptions(
            body.sql,
            body.only,
            body.spaces,
            body.layout,
            body.clusters,
            body.columns,
            body.limit,
        )
        drawn = draw_map(
            run.setting.hosted.collection,
            options,
            progress=run.progress,
            cancellation=run.cancellation,
        )
        values = {name: list(values) for name, values in drawn.values.items()}
        return {**map_document(drawn), "values": values}


class DuplicatesJobs(AnalysisJobs[DuplicatesBody]):
    """Copies, and which of each to keep."""

    name = "duplicates"
    body = DuplicatesBody

    def check(self, setting: Setting, body: DuplicatesBody) -> None:
        """Refuse filters that cannot be used, and a space that is not there."""
        check_copies(setting, body)

    def analyse(self, run: JobRun, body: DuplicatesBody) -> Mapping[str, Any]:
        """Look for copies."""
        return duplicates_document(find_copies(run, body))


class SampleJobs(AnalysisJobs[SampleBody]):
    """Images that stand for many."""

    name = "sample"
    body = SampleBody

    def check(self, setting: Setting, body: SampleBody) -> None:
        """Refuse a filter and spaces that cannot be used."""
        check_filters(setting, body.sql, spaces=body.spaces)

    def analyse(self, run: JobRun, body: SampleBody) -> Mapping[str, Any]:
        """Choose them."""
        from vitrail.service.operations.sampling import SampleOptions, sample_images

        options = SampleOptions(body.count, body.of, body.sql, body.only, body.spaces, body.limit)
        chosen = sample_images(
            run.setting.hosted.collection, options, cancellation=run.cancellation
        )
        return sample_document(chosen)


def check_copies(setting: Setting, body: DuplicatesBody) -> None:
    """Refuse what copies cannot be looked for by.

    Raises:
        FilterError: naming the filter.
        InputError: naming the space.
    """
    check_filters(setting, body.sql, body.since, spaces=one_space(body.space))


def find_copies(run: JobRun, body: DuplicatesBody) -> Duplicates:
    """The copies that a job is about.

    Raises:
        VitrailError: as of ``find_duplicates``.
    """
    from vitrail.service.operations.duplicates import find_duplicates

    return find_duplicates(
        run.setting.hosted.collection,
        DuplicateOptions(body.sql, body.since, body.look_alikes, body.space),
        progress=run.progress,
        cancellation=run.cancellation,
    )


def _sets(body: CompareBody) -> tuple[str, str | None]:
    return set_sql(body.a), None if body.b is None else set_sql(body.b)


def one_space(space: str | None) -> dict[str, float] | None:
    """A space as what is checked by ``check_filters``."""
    return None if space is None else {space: 1.0}


def _compare_options(body: CompareBody) -> CompareOptions:
    from vitrail.service.operations.comparing import CompareOptions

    return CompareOptions(body.spaces, body.group_by, body.k, body.sample, body.shown, body.seed)
