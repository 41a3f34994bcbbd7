"""Indexing as a job."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.documents.indexing import counts_document
from vitrail.service.http.jobs.kinds import JobKind, JobRun, Outcome, Setting
from vitrail.service.http.jobs.roots import place_of, resolve_root
from vitrail.service.http.schemas.indexing import IndexBody
from vitrail.service.operations.indexing import index_into

_RAW = frozenset({"unreadable_raw", "absent_raw"})


class IndexJobs(JobKind[IndexBody]):
    """Bring a collection up to date with roots; what is committed is not done again."""

    name = lane = "index"
    body = IndexBody
    resumable = True

    def writes(self, body: IndexBody) -> bool:  # noqa: ARG002
        """It does."""
        return True

    def check(self, setting: Setting, body: IndexBody) -> None:
        """Refuse folders that may not be indexed, and globs that cannot be used.

        Raises:
            InputError: naming them.
        """
        _folders(setting, body)
        _options(body)

    def run(self, run: JobRun, body: IndexBody) -> Outcome:
        """Index.

        Raises:
            VitrailError: as of ``index_into``.
        """
        done = index_into(
            run.setting.hosted.collection,
            [str(folder) for folder in _folders(run.setting, body)],
            replace(_options(body), within=_within(run.setting)),
            progress=run.progress,
            cancellation=run.cancellation,
        )
        counts = counts_document(done.counts)
        if not run.setting.options.paths:
            counts = {name: _shown(run, told) for name, told in counts.items() if name not in _RAW}
        told = {"encoder": done.encoder, **counts}
        return Outcome(told, complete=not done.counts.interrupted)


def _shown(run: JobRun, told: Any) -> Any:
    """Paths as they lie below their roots, and by their names alone elsewhere."""
    if not isinstance(told, list):
        return told
    places = [(place_of(run.setting.options.roots, path), path) for path in told]
    return ["/".join(place) if place else os.path.basename(path) for place, path in places]


def _folders(setting: Setting, body: IndexBody) -> list[Path]:
    roots = setting.options.roots
    if not roots:
        raise InputError(
            "this service is not set up to index any folder",
            remedy="start it with --root NAME=DIR, or index by the command line",
        )
    if body.root is not None:
        return [resolve_root(roots, body.root, body.path)]
    if body.path:
        raise InputError(f"the path {body.path!r:.200} is below no root; name its root too")
    return [resolve_root(roots, name) for name in roots]


def _within(setting: Setting) -> tuple[str, ...]:
    """Where links may lead: the roots, whoever may write into one of them."""
    return tuple(os.path.realpath(root) for root in setting.options.roots.values())


def _options(body: IndexBody) -> IndexOptions:
    return IndexOptions(
        include=None if body.include is None else tuple(body.include),
        exclude=None if body.exclude is None else tuple(body.exclude),
        label_from=body.label_from,
        keep_missing=body.keep_missing,
        classify=body.classify,
        accept_removals=body.accept_removals,
        rehash=body.rehash,
    )
