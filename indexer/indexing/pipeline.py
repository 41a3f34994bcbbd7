"""Folders into a collection: scan, decode, encode and commit, overlapped and resumable."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.catalog.roots import MOUNTS, put_root
from vitrail.indexer.catalog.unclassifiable import write_unclassifiable
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.batching import batch_size_for
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.indexing.committing import Committer
from vitrail.indexer.indexing.comparison import was_image
from vitrail.indexer.indexing.decoding import DecodingLimits, Prepared
from vitrail.indexer.indexing.known import ContentLookup, contents_of
from vitrail.indexer.indexing.losses import refusal
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.indexer.indexing.roots import plan_run
from vitrail.indexer.indexing.scan import Unreadable
from vitrail.indexer.indexing.survey import Survey, look_around, losses
from vitrail.indexer.indexing.tasks import FileTask, plan_tasks
from vitrail.indexer.records import KnownFile, RejectRecord

__all__ = ["IndexCounts", "IndexOptions", "index_folders"]


def index_folders(
    collection: CollectionStore,
    encoder: Encoder,
    roots: Sequence[str],
    *,
    options: IndexOptions | None = None,
    on_progress: Callable[[IndexCounts], None] = lambda _: None,
    cancellation: Cancellation | None = None,
) -> IndexCounts:
    """Bring a collection up to date with the folders; run again, it goes on where it stopped.

    Args:
        collection: open for writing.
        encoder: the collection's own; see ``Collection.check``.
        roots: folders or single files; none means every folder that is known. What is said of a
            folder is remembered, and holds there until something else is said.
        options: see ``IndexOptions``.
        on_progress: called now and then while scanning, and after every file and commit, from this
            thread.
        cancellation: looked at before and while folders are scanned, and after every file; once it
            is cancelled, what is done is committed and the run ends.

    Raises:
        InputError: a root does not exist, or none is known.
        RemovalsRefusedError: a folder lost so much that its disk may be away. It is left as it was,
            and the others are done.
        FingerprintMismatchError: the encoder is not the collection's.
        CollectionError: the disk is full or the collection damaged; committed work is kept.
    """
    options = options or IndexOptions()
    collection.check(encoder.fingerprint)
    if options.classify and encoder.labels is None:
        raise InputError("this encoder gives no labels: load it with classify=True")
    started = time.monotonic()
    run = _Run(collection, encoder, options, on_progress, cancellation or Cancellation())
    plans = plan_run(roots, collection.roots(), options)
    try:
        surveys = look_around(collection, plans, run.scanned, options.within)
    except CancelledError:
        run.progress.interrupted = True
        return run.ended(started)
    lost = losses(surveys, options)
    refused = [loss for loss in lost.values() if not loss.absent]
    surveys = [one for one in surveys if one.plan.path not in lost]
    if refused and not surveys:
        raise refusal(refused)
    run.progress.absent = [loss.folder for loss in lost.values() if loss.absent]
    run.index(surveys)
    progress = run.ended(started)
    if refused:
        error = refusal(refused)
        error.progress = progress
        raise error
    return progress


class _Run:
    """One run over folders that have been looked at."""

    def __init__(
        self,
        collection: CollectionStore,
        encoder: Encoder,
        options: IndexOptions,
        on_progress: Callable[[IndexCounts], None],
        cancellation: Cancellation,
    ) -> None:
        self.collection, self.encoder, self.options = collection, encoder, options
        self.on_progress, self.cancellation = on_progress, cancellation
        self.progress = IndexCounts()
        self.contents = ContentLookup(collection)
        self.limits = DecodingLimits()
        self.linked: Counter[str] = Counter()  # content hashes met at a new path
        self.undecodable: dict[str, str] = {}  # content hash -> reason

    def scanned(self, count: int) -> None:
        """Tell how many files a scan has met so far, and end it if that is wished."""
        self.progress.found = count
        self.on_progress(self.progress)
        self.cancellation.check()

    def ended(self, started: float) -> IndexCounts:
        """The counts, told for the last time."""
        self.progress.seconds = time.monotonic() - started
        self.progress.stage = "tidying"
        self.on_progress(self.progress)
        return self.progress

    def index(self, surveys: Sequence[Survey]) -> None:
        _remember(self.collection, surveys)
        self.contents = contents_of(self.collection, surveys)
        tasks = plan_tasks(
            self.encoder, surveys, self.contents, self.limits, rehash=self.options.rehash
        )
        self._count(surveys, len(tasks))
        if tasks:
            self.collection.note_encoder(self.encoder.fingerprint)
        if tasks or any(_leaves_work(one) for one in surveys):
            self._work(surveys, tasks)
        self._remember_undecodable()
        if not self.progress.interrupted:
            _remember(self.collection, surveys, done=True)

    def _remember_undecodable(self) -> None:
        known = self.collection.unclassifiable()
        if self.undecodable.items() - known.items():
            bare = self.collection.unclassified_hashes()
            kept = {content: reason for content, reason in known.items() if content in bare}
            with self.collection.transaction("unclassifiable", tidies=False) as transaction:
                write_unclassifiable(transaction, kept | self.undecodable)

    def _count(self, surveys: Sequence[Survey], tasks: int) -> None:
        progress = self.progress
        progress.found = sum(one.found for one in surveys)
        progress.unchanged = sum(len(one.changes.unchanged) for one in surveys)
        progress.total = tasks
        progress.stage = "indexing"
        progress.unreadable = [
            item.path
            for one in surveys
            for item in one.changes.unreadable
            if _matters(item, one.known)
        ]
        for one in surveys:
            for kind, count in one.other_kinds.items():
                progress.other_kinds[kind] = progress.other_kinds.get(kind, 0) + count
        self.on_progress(progress)

    def _work(self, surveys: Sequence[Survey], tasks: Sequence[FileTask]) -> None:
        batch_size = self.options.batch_size or batch_size_for(self.encoder)
        committer = Committer(
            self.collection,
            self.encoder,
            batch_size=batch_size,
            known=tasks[0].preparer.known if tasks else frozenset[str](),
            on_commit=self._committed,
        )
        ready = map_ahead(
            FileTask.run,
            tasks,
            workers=self.options.workers,
            ahead=2 * batch_size,
            stop=self.limits.stopping_with(self.cancellation),
        )
        with committer, closing(ready), self.limits:
            for one in surveys:
                for record in one.returned():
                    committer.take(Prepared(file=record))
                    self.progress.returned += 1
            self._take_all(committer, ready)
            if not self.progress.interrupted:
                for one in surveys:
                    self._settle(committer, one)

    def _committed(self, images: int) -> None:
        self.progress.committed += images
        self.on_progress(self.progress)

    def _take_all(self, committer: Committer, ready: Iterable[Prepared]) -> None:
        progress, hidden = self.progress, self.contents.hidden
        for prepared in ready:
            taken = committer.take(prepared)
            progress.opened += 1
            progress.encoded += taken == "new"
            progress.classified += taken == "classified"
            progress.reread += taken == "read"
            progress.rejected += prepared.reject is not None
            if prepared.undecodable is not None:
                content, reason = prepared.undecodable
                self.undecodable[content] = reason
            if prepared.file is not None and taken != "new":
                if prepared.file.content_hash in hidden:
                    progress.returned += 1
                else:
                    progress.linked += 1
                    self.linked[prepared.file.content_hash] += 1
            self.on_progress(progress)
            if self.cancellation.cancelled:
                progress.interrupted = True
                return
        progress.interrupted = self.cancellation.cancelled

    def _settle(self, committer: Committer, one: Survey) -> None:
        """What the scan itself told: files that left, other labels, what could not be looked at.

        It comes after every opened file, so that a moved image is known at its new path before
        its old path goes.
        """
        gone, labels, progress = one.changes.gone, one.labels(), self.progress
        if one.plan.options.keep_missing:
            committer.leave(missing=[path for path in gone if not one.known[path].missing])
        else:
            committer.leave(gone=gone)
        committer.leave(excluded=one.changes.excluded)
        committer.see(one.changes.seen)
        committer.relabel(labels)
        shown = [one.known[path] for path in gone if _is_shown(one.known[path])]
        self._count_gone(shown, kept=bool(one.plan.options.keep_missing))
        progress.excluded += sum(_is_shown(one.known[path]) for path in one.changes.excluded)
        progress.relabelled += len(labels)
        for item in one.changes.unreadable:
            if item.path not in one.known:  # what is known of it stays as it is
                committer.reject(RejectRecord(item.path, 0, 0, item.reason, item.detail))
                progress.rejected += 1

    def _count_gone(self, files: Iterable[KnownFile], *, kept: bool) -> None:
        """Those whose bytes were found at another path in this run have moved, and are not gone."""
        for file in files:
            content = file.content_hash
            if content is not None and self.linked[content]:
                self.linked[content] -= 1
                self.progress.linked -= 1
                self.progress.moved += 1
            elif kept:
                self.progress.missing += 1
            else:
                self.progress.gone += 1


def _remember(
    collection: CollectionStore, surveys: Sequence[Survey], *, done: bool = False
) -> None:
    """Keep what was said of folders, and once a run is done, when, and which are disks."""
    told = {root.path: root.options for root in collection.roots()}
    changed = {}
    for one in surveys:
        plan = one.plan
        if plan.whole and os.path.isdir(plan.path):
            mounts = one.mounts if done else plan.mounts
            options = plan.options.to_dict() | ({MOUNTS: list(mounts)} if mounts else {})
            if done or options != told.get(plan.path):
                changed[plan.path] = options
    if changed:
        with collection.transaction("roots", tidies=False) as transaction:
            for path, options in changed.items():
                put_root(transaction, path, options, indexed=done)


def _leaves_work(one: Survey) -> bool:
    changes = one.changes
    return bool(
        changes.back
        or changes.seen
        or changes.gone
        or changes.excluded
        or changes.unreadable
        or one.labels()
    )


def _is_shown(known: KnownFile) -> bool:
    return known.state == "live" and not known.missing


def _matters(item: Unreadable, known: dict[str, KnownFile]) -> bool:
    """Whether images may lie behind it; a dead link or a FIFO that never was one is a reject."""
    # a dead link that was a file is gone, and told as that; what is outside is not to be looked at
    if item.reason in ("broken-link", "outside"):
        return False
    return was_image(known.get(item.path)) or item.reason == "unreadable"
