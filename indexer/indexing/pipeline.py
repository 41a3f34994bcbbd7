"""Folders into a collection: scan, decode, encode and commit, overlapped and resumable."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from indexer.collection.collection import Collection
from indexer.encoders.base import Encoder
from indexer.encoders.batching import batch_size_for
from indexer.images.opening import DEFAULT_MAX_PIXELS, passing_reasons
from indexer.indexing.committing import Committer
from indexer.indexing.decoding import LabelFrom, Prepared, Preparer, RecipeReader
from indexer.indexing.scan import Changes, Found, Unreadable, compare, still_there, walk
from indexer.records import KnownFile, RejectRecord

_LOOK = 0.2  # seconds between two questions whether to stop, while one file takes long
_TOLD = 500  # files between two reports of a scan


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How folders are indexed.

    Attributes:
        include: globs of files to consider; empty for the usual image extensions.
        exclude: globs of files and folders to leave out.
        label_from: ``parent`` labels each file with its folder's name.
        keep_missing: keep images whose files are gone from disk.
        max_pixels: larger images are rejected.
        batch_size: images a forward pass; ``None`` chooses it from free memory.
        workers: decoding threads; ``None`` means one a core.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    label_from: LabelFrom = "none"
    keep_missing: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    batch_size: int | None = None
    workers: int | None = None


@dataclass(slots=True)
class Progress:
    """Counts of a run so far; ``total`` is how many files have to be opened.

    ``stage`` is ``scanning`` while ``found`` still grows, then ``indexing``, and ``tidying`` once
    all is committed and the collection is closed.
    ``encoded`` counts new pictures, ``linked`` files whose picture was known already (moved files
    and copies), ``committed`` pictures that a kill can no longer lose, ``unreadable`` the paths
    that could not be looked at this time; what is known of them stays.
    """

    found: int = 0
    unchanged: int = 0
    total: int = 0
    opened: int = 0
    encoded: int = 0
    linked: int = 0
    rejected: int = 0
    committed: int = 0
    gone: int = 0
    interrupted: bool = False
    seconds: float = 0.0
    unreadable: list[str] = field(default_factory=list)
    stage: Literal["scanning", "indexing", "tidying"] = "scanning"


def index_folders(
    collection: Collection,
    encoder: Encoder,
    roots: Sequence[str],
    *,
    options: IndexOptions | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    read_recipe: RecipeReader | None = None,
) -> Progress:
    """Bring a collection up to date with the folders; run again, it goes on where it stopped.

    Args:
        collection: open for writing.
        encoder: the collection's own; see ``Collection.check``.
        roots: folders or single files.
        options: see ``IndexOptions``.
        on_progress: called now and then while scanning, and after every file and commit, from this
            thread.
        stop: asked after every file; once true, what is done is committed and the run ends.
        read_recipe: reads a generator's recipe from text metadata.

    Raises:
        InputError: a root does not exist.
        FingerprintMismatchError: the encoder is not the collection's.
        CollectionError: the disk is full or the collection damaged; committed work is kept.
    """
    options = options or IndexOptions()
    collection.check(encoder.fingerprint)
    started = time.monotonic()
    known = _known(collection, roots)
    progress = Progress()
    found = walk(roots, options.include, options.exclude, known=known)
    changes = compare(_counted(found, progress, on_progress), known)
    progress.unchanged = len(changes.unchanged)
    progress.total = len(changes.to_open)
    progress.unreadable = [item.path for item in changes.unreadable if _matters(item, known)]
    progress.stage = "indexing"
    on_progress(progress)
    if changes.to_open or changes.gone or changes.unreadable:
        batch_size = options.batch_size or batch_size_for(encoder)
        committer = Committer(
            collection,
            encoder,
            batch_size=batch_size,
            keep_missing=options.keep_missing,
            on_commit=_counter(progress, on_progress),
        )
        preparer = Preparer(
            spec=encoder.preprocess,
            known=collection.content_hashes() if changes.to_open else frozenset(),
            label_from=options.label_from,
            max_pixels=options.max_pixels,
            read_recipe=read_recipe,
        )
        ready = _prepared(preparer, changes.to_open, options.workers, batch_size, stop)
        with committer, closing(ready), preparer:
            _take_all(committer, ready, progress, on_progress, stop)
            if not progress.interrupted:
                _settle(committer, changes, known, progress)
    progress.seconds = time.monotonic() - started
    progress.stage = "tidying"
    on_progress(progress)
    return progress


def _matters(item: Unreadable, known: dict[str, KnownFile]) -> bool:
    """Whether images may lie behind it; a dead link or a FIFO that never was one is a reject."""
    there = item.path in known and known[item.path].content_hash is not None
    return there or item.reason == "unreadable"


def _known(collection: Collection, roots: Sequence[str]) -> dict[str, KnownFile]:
    known: dict[str, KnownFile] = {}
    for root in roots:
        known |= collection.known_files(root, retried=passing_reasons())
    return known


def _counted(
    found: Iterable[Found | Unreadable],
    progress: Progress,
    on_progress: Callable[[Progress], None],
) -> Iterator[Found | Unreadable]:
    """The same files, telling how many there are so far."""
    on_progress(progress)
    for item in found:
        yield item
        progress.found += 1
        if progress.found % _TOLD == 0:
            on_progress(progress)


def _counter(progress: Progress, on_progress: Callable[[Progress], None]) -> Callable[[int], None]:
    def count(images: int) -> None:
        progress.committed += images
        on_progress(progress)

    return count


def _take_all(
    committer: Committer,
    ready: Iterable[Prepared],
    progress: Progress,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> None:
    for prepared in ready:
        fresh = committer.take(prepared)
        progress.opened += 1
        progress.encoded += fresh
        progress.rejected += prepared.reject is not None
        progress.linked += prepared.file is not None and not fresh
        on_progress(progress)
        if stop():
            progress.interrupted = True
            return


def _settle(
    committer: Committer, changes: Changes, known: dict[str, KnownFile], progress: Progress
) -> None:
    """What the scan itself told: files that left the disk, and those it could not look at.

    It comes after every opened file, so that a moved picture is known at its new path before its
    old path goes.
    """
    there = still_there(changes.gone)
    gone = [path for path in changes.gone if path not in there]
    progress.gone = len(gone)
    committer.drop(gone)
    for item in changes.unreadable:
        if item.path not in known:  # what is known of it stays as it is
            committer.reject(_reject(item))
            progress.rejected += 1


def _reject(item: Unreadable) -> RejectRecord:
    return RejectRecord(item.path, 0, 0, item.reason, item.detail)


def _prepared(
    preparer: Preparer,
    files: Iterable[Found],
    workers: int | None,
    batch_size: int,
    stop: Callable[[], bool],
) -> Generator[Prepared, None, None]:
    """Prepare files in threads, in order, never more than a few batches ahead of the encoder."""
    count = workers or os.cpu_count() or 1
    window: deque[Future[Prepared]] = deque()
    pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
    try:
        for file in files:
            window.append(pool.submit(preparer.prepare, file.path, file.size, file.mtime_ns))
            if len(window) >= 2 * batch_size + count:
                yield _wait(window.popleft(), stop)
        while window:
            yield _wait(window.popleft(), stop)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _wait(future: Future[Prepared], stop: Callable[[], bool]) -> Prepared:
    """What became of a file, or nothing when the run is to stop while it is still being decoded."""
    while True:
        try:
            return future.result(timeout=_LOOK)
        except TimeoutError:
            if future.done():  # its own error, not ours
                raise
            if stop():
                return Prepared()
