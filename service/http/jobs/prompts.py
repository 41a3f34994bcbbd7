"""Searching as a job: for prompts, whose images may take a while to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitrail.generator.checks import check_prompt
from vitrail.service.http.asking import check_models, options_of
from vitrail.service.http.jobs.analyses import AnalysisJobs
from vitrail.service.http.jobs.checking import check_filters, check_images
from vitrail.service.http.jobs.kinds import JobRun, Setting
from vitrail.service.http.schemas.analyses import PromptSearchBody


class PromptSearchJobs(AnalysisJobs[PromptSearchBody]):
    """The images that are like what a prompt makes."""

    name = "prompt-search"
    body = PromptSearchBody

    def check(self, setting: Setting, body: PromptSearchBody) -> None:
        """Refuse empty prompts, unknown models and images, and options that cannot be used."""
        parts = (*body.positive, *body.negative)
        for part in parts:
            if part.prompt is not None:
                check_prompt(part.prompt)
        check_models(parts, setting.options)
        check_images(setting, body)
        options = options_of(body, setting.options)
        check_filters(setting, options.where, spaces=options.spaces)

    def analyse(self, run: JobRun, body: PromptSearchBody) -> Mapping[str, Any]:
        """Draw, and search by what was drawn."""
        from vitrail.service.http.answering import SearchReplies

        setting = run.setting
        replies = SearchReplies(
            setting.hosted,
            setting.uploads,
            setting.options,
            progress=run.progress,
            cancellation=run.cancellation,
            preview=run.preview,
        )
        return replies.answer(body, setting.jobs.files.inputs)
