"""All kinds of jobs, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.service.http.jobs.analyses import (
    AuditJobs,
    CompareImagesJobs,
    CompareJobs,
    DuplicatesJobs,
    MapJobs,
    SampleJobs,
)
from vitrail.service.http.jobs.generation import (
    GenerateJobs,
    ImageToImageJobs,
    InpaintJobs,
    StyleJobs,
)
from vitrail.service.http.jobs.indexing import IndexJobs
from vitrail.service.http.jobs.kinds import JobKind
from vitrail.service.http.jobs.labels import ClassifyJobs, LabelsJobs
from vitrail.service.http.jobs.prompts import PromptSearchJobs
from vitrail.service.http.jobs.trashing import TrashJobs

_ALL: tuple[JobKind[Any], ...] = (
    IndexJobs(),
    GenerateJobs(),
    ImageToImageJobs(),
    InpaintJobs(),
    StyleJobs(),
    PromptSearchJobs(),
    CompareJobs(),
    CompareImagesJobs(),
    AuditJobs(),
    MapJobs(),
    DuplicatesJobs(),
    ClassifyJobs(),
    LabelsJobs(),
    SampleJobs(),
    TrashJobs(),
)
KINDS: Mapping[str, JobKind[Any]] = {kind.name: kind for kind in _ALL}
