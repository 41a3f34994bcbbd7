"""Copies moved to the trash, as a job: only where the service was set up for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.service.documents.plain import named_path
from vitrail.service.http.jobs.analyses import check_copies, find_copies
from vitrail.service.http.jobs.errors import NotSetUpError
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.schemas.analyses import TrashBody
from vitrail.service.http.security.hiding import as_told
from vitrail.service.operations.progress import AnalysisProgress, Note

if TYPE_CHECKING:
    from vitrail.service.operations.duplicate_groups import DuplicateGroup


class TrashJobs(JobKind[TrashBody]):
    """Files of copies that were named, moved to the trash; found to be copies once more before.

    Which files went is listed in ``trash/JOB.jsonl`` of the service's state, each before it goes.
    """

    name = lane = "trash"
    body = TrashBody

    def writes(self, body: TrashBody) -> bool:  # noqa: ARG002
        """It takes files of the collection away."""
        return True

    def check(self, setting: Setting, body: TrashBody) -> None:
        """Refuse where nothing may go.

        Raises:
            NotSetUpError: the service was not set up for it.
            FilterError: a filter cannot be used.
            InputError: there is no such space.
        """
        if not setting.options.trash:
            raise NotSetUpError(
                "this service moves no files to the trash",
                remedy="start it with --allow-trash, or use `vitrail duplicates --trash`",
            )
        check_copies(setting, body)

    def run(self, run: JobRun, body: TrashBody) -> Outcome:
        """Look for copies again, and move those that were named.

        Raises:
            InputError: the trash cannot be used.
            VitrailError: as of ``find_duplicates``.
        """
        from vitrail.service.operations.trashing import move_to_trash, plan_trash

        self.check(run.setting, body)  # whatever was allowed when it was asked for
        found = find_copies(run, body)
        named = frozenset(body.images)
        groups = _just((*found.groups, *found.look_alikes), named)
        plan = plan_trash(groups, body.tiers)
        left = [*plan.left]
        moved = []
        folder = run.setting.options.state / "trash"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        total = len(plan.files)
        for file in move_to_trash(
            plan, _list(folder, run.job), on_left=lambda path, why: left.append((path, why))
        ):
            moved.append(file)
            run.progress(AnalysisProgress("moving to the trash", len(moved), total, "file"))
            if run.cancellation.cancelled:
                break
        if not total:
            run.progress(Note("none of these images is a copy that may go by this evidence"))
        result = {
            "moved": [{**named_path(file.path), "bytes": file.bytes} for file in moved],
            "left": [
                {**named_path(path), "why": as_told(why, run.setting.options)} for path, why in left
            ],
        }
        return Outcome(result, complete=not run.cancellation.cancelled)


def _list(folder: Path, job: str) -> Path:
    """A new file for each try."""
    numbers = (f"-{number}" if number else "" for number in range(10_000))
    paths = (folder / f"{job}{number}.jsonl" for number in numbers)
    return next(path for path in paths if not path.exists())


def _just(groups: Sequence[DuplicateGroup], named: frozenset[int]) -> list[DuplicateGroup]:
    """The groups with the copies that were named, and no others."""
    kept = (
        replace(group, copies=tuple(one for one in group.copies if one.image.id in named))
        for group in groups
    )
    return [group for group in kept if group.copies]
