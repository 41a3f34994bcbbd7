"""Searching by what a prompt makes, as a job: it may take a while to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.generator.checks import check_prompt
from vitrail.search.options import SearchOptions
from vitrail.search.thumbnails import thumbnail
from vitrail.service.documents.answers import answer_document
from vitrail.service.http.jobs.analyses import AnalysisJobs
from vitrail.service.http.jobs.checking import check_filters
from vitrail.service.http.jobs.generation import checkpoint_of
from vitrail.service.http.jobs.kinds import JobRun, Setting
from vitrail.service.http.schemas.analyses import PromptSearchBody
from vitrail.service.operations.query_kinds import PromptQuery

_SIDE = 256  # pixels of a made image, as a reply shows it


class PromptSearchJobs(AnalysisJobs[PromptSearchBody]):
    """The images that are like what a prompt makes."""

    name = "prompt-search"
    body = PromptSearchBody

    def check(self, setting: Setting, body: PromptSearchBody) -> None:
        """Refuse an empty prompt, an unknown model, and options that cannot be used."""
        check_prompt(body.prompt)
        checkpoint_of(setting.options, body.model)
        options = _options(setting, body)
        check_filters(setting, options.where, spaces=options.spaces)

    def analyse(self, run: JobRun, body: PromptSearchBody) -> Mapping[str, Any]:
        """Draw, and search by what was drawn."""
        from vitrail.service.operations.searching import search

        query = PromptQuery(
            body.prompt,
            body.seeds,
            checkpoint_of(run.setting.options, body.model),
            body.unrelated,
            device=run.setting.options.device,
        )
        answer = search(
            run.setting.hosted.collection,
            query,
            _options(run.setting, body),
            progress=run.progress,
            cancellation=run.cancellation,
        )
        images = [
            {"caption": one.caption, "thumbnail": thumbnail(one.data, _SIDE)}
            for one in answer.query.images
        ]
        return {**answer_document(answer), "images": images}


def _options(setting: Setting, body: PromptSearchBody) -> SearchOptions:
    from vitrail.indexer.errors import InputError

    most = setting.options.limits.k
    if body.k > most:
        raise InputError(f"k is {body.k:,}, but one answer has {most:,} hits at most")
    return SearchOptions(
        k=body.k,
        spaces=body.spaces,
        min_score=body.min_score,
        max_fpr=body.max_fpr,
        where=body.where,
        only=body.only,
    )
