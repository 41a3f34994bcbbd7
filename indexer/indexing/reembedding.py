"""All images of a collection embedded anew: other spaces, or another checkpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.catalog.contents import ImageFiles, files_of_images
from vitrail.indexer.catalog.hidden import hidden_within
from vitrail.indexer.catalog.succession import last_given
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.successor import begin, take_over
from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.encoders.batching import batch_size_for
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.images.opening import DEFAULT_MAX_PIXELS
from vitrail.indexer.indexing.ahead import map_ahead
from vitrail.indexer.indexing.committing import Committer
from vitrail.indexer.indexing.decoding import Prepared, Preparer
from vitrail.indexer.indexing.options import check_least
from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.indexer.paths import display
from vitrail.indexer.records import Batch
from vitrail.indexer.wording import counted

_ROWS = 4096  # images whose files are asked for at once


@dataclass(frozen=True, slots=True)
class ReembedOptions:
    """How a collection is embedded anew.

    Attributes:
        accept_losses: take over although some images can be read nowhere; they leave.
        restart: throw away what an earlier run has done.
        max_pixels: images with more are not opened.
        batch_size: images a forward pass; ``None`` chooses it from free memory.
        workers: decoding threads; ``None`` means one a core.

    Raises:
        InputError: a number below 1.
    """

    accept_losses: bool = False
    restart: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    batch_size: int | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_pixels", "batch_size", "workers"):
            check_least(name, getattr(self, name), 1)


@dataclass(slots=True)
class Reembedding:
    """What came of it: counts, the paths of images that no file holds any more, whether it is done.

    ``progress.unchanged`` counts images that an earlier run had embedded. ``dropped`` are derived
    spaces, which were fitted on vectors that are no more.
    """

    progress: IndexCounts = field(default_factory=IndexCounts)
    lost: list[str] = field(default_factory=list)
    done: bool = False
    dropped: list[str] = field(default_factory=list)


def reembed(
    directory: str | os.PathLike[str],
    encoder: Encoder,
    *,
    options: ReembedOptions | None = None,
    on_progress: Callable[[IndexCounts], None] = lambda _: None,
    cancellation: Cancellation | None = None,
) -> Reembedding:
    """Embed every image of a collection by another encoder, then put the result in its place.

    Ids, files, labels, removals and the user's own columns stay. Until the last step the collection
    is searched as it was; interrupted, the next call goes on.

    Args:
        directory: the collection's; locked for writing meanwhile.
        encoder: of the new vectors.
        options: see ``ReembedOptions``.
        on_progress: called after every image and commit.
        cancellation: looked at after every image; once it is cancelled, what is done is committed
            and the run ends.

    Raises:
        CollectionError: the encoder is the collection's already, another one's embedding is not
            finished, images can be read nowhere (see ``accept_losses``), or the disk is full.
        CollectionLockedError: another process is writing.
    """
    options, cancellation = options or ReembedOptions(), cancellation or Cancellation()
    made = Reembedding()
    started = time.monotonic()
    with CollectionStore.open(directory, writable=True) as old:
        if old.fingerprint.agrees(encoder.fingerprint):
            raise CollectionError(
                f"{old.directory} is embedded by {encoder.fingerprint.describe()} already; "
                "name other spaces or another checkpoint"
            )
        with begin(old.directory, encoder.fingerprint, restart=options.restart) as new:
            _Run(old, new, encoder, options, made, on_progress, cancellation).embed()
            made.progress.seconds = time.monotonic() - started
            made.progress.stage = "tidying"
            on_progress(made.progress)
            if made.progress.interrupted:
                new.forget_changes()
                return made
            _check_losses(old, made, options)
            made.dropped = [space.name for space in old.state.derived]
            take_over(old, new)
            made.done = True
    return made


@dataclass(frozen=True, slots=True)
class _Run:
    """What embedding anew goes by, and whom it tells."""

    old: CollectionStore
    new: CollectionStore
    encoder: Encoder
    options: ReembedOptions
    made: Reembedding
    on_progress: Callable[[IndexCounts], None]
    cancellation: Cancellation

    def embed(self) -> None:
        """Embed what the successor lacks, until that is done or no longer wanted."""
        _leave_out(self.old, self.new)
        there = self._begin()
        ids, numbered = _numbering(self.old, self.new)
        batch_size = self.options.batch_size or batch_size_for(self.encoder)
        preparer = Preparer(
            spec=self.encoder.preprocess, known=frozenset(), max_pixels=self.options.max_pixels
        )
        committer = Committer(
            numbered, self.encoder, batch_size=batch_size, on_commit=self._committed
        )
        ready = map_ahead(
            lambda wanted: (wanted, _prepare(preparer, wanted)),
            (wanted for wanted in _wanted(self.old, ids) if wanted.content_hash not in there),
            workers=self.options.workers,
            ahead=2 * batch_size,
            stop=preparer.limits.stopping_with(self.cancellation),
        )
        with committer, closing(ready), preparer.limits:
            for wanted, prepared in ready:
                self._take(wanted, prepared, numbered, committer)
                if self.cancellation.cancelled:
                    break
            self.made.progress.interrupted = self.cancellation.cancelled

    def _begin(self) -> frozenset[str]:
        """Tell what there is to do; the content hashes of what an earlier run has done."""
        progress, there = self.made.progress, self.new.content_hashes()
        progress.found = len(self.old)
        progress.unchanged = len(there & self.old.content_hashes())
        progress.total = progress.found - progress.unchanged
        progress.stage = "indexing"
        self.on_progress(progress)
        return there

    def _take(
        self,
        wanted: ImageFiles,
        prepared: Prepared | None,
        numbered: _Numbered,
        committer: Committer,
    ) -> None:
        """Hand an image on to be embedded, or note that it is lost."""
        made, progress = self.made, self.made.progress
        progress.opened += 1
        if prepared is None:
            made.lost.append(wanted.files[0][0] if wanted.files else f"id {wanted.image_id}")
            progress.rejected += 1
        else:
            numbered.ids[wanted.content_hash] = wanted.image_id
            progress.encoded += committer.take(prepared) == "new"
        self.on_progress(progress)

    def _committed(self, images: int) -> None:
        self.made.progress.committed += images
        self.on_progress(self.made.progress)


def _leave_out(old: CollectionStore, new: CollectionStore) -> None:
    """Take out of the successor what was removed since an earlier run, and then came again.

    It is another image of the old collection now, which is embedded once more.
    """
    ids = _ids(new)
    with old.reading() as connection:
        hidden = hidden_within(connection, 0, max(ids, default=0)).tolist()
    departed = new.metadata(sorted(ids.intersection(hidden)))
    live = old.content_hashes([row.content_hash for row in departed])
    again = [row.id for row in departed if row.content_hash in live]
    if again:
        new.remove(again)


def _ids(collection: CollectionStore) -> set[int]:
    return set(collection.allowed_ids("true").tolist())


def _free_ids(old: CollectionStore, count: int) -> int:
    """The first of some ids that the old collection has given to nothing, and never will."""
    return old.reserve(count).first if count else 0


def _wanted(old: CollectionStore, ids: list[int]) -> Iterator[ImageFiles]:
    for start in range(0, len(ids), _ROWS):
        with old.reading() as connection:
            found = files_of_images(connection, ids[start : start + _ROWS])
        yield from found


def _prepare(preparer: Preparer, wanted: ImageFiles) -> Prepared | None:
    """The image from the first of its files that still holds it, or ``None``."""
    for path, size, mtime_ns in wanted.files:
        prepared = preparer.prepare(path, size, mtime_ns)
        if prepared.file is not None and prepared.file.content_hash == wanted.content_hash:
            return prepared
    return None


class _Numbered:
    """Commits images under the ids that they had; later ones than all where that cannot be.

    An id can be given as long as no higher one was: an image that could be read nowhere in an
    earlier run, and now can, gets a new one.

    Args:
        new: the successor.
        highest: the last id that it has given.
        free: the first of those that neither collection gives to anything else.
    """

    def __init__(self, new: CollectionStore, highest: int, free: int) -> None:
        self._new = new
        self._highest = highest
        self._next = free
        self.ids: dict[str, int] = {}

    def commit(self, batch: Batch) -> None:
        """As ``Collection.commit``."""
        given: dict[str, int] = {}
        for image in batch.images:
            wanted = self.ids[image.content_hash]
            if wanted <= self._highest:
                wanted, self._next = self._next, self._next + 1
            given[image.content_hash] = self._highest = wanted
        self._new.commit(replace(batch, ids=given))


def _numbering(old: CollectionStore, new: CollectionStore) -> tuple[list[int], _Numbered]:
    """The ids to embed, in the order in which they can be given again, and what gives them."""
    ids = sorted(_ids(old))
    with new.preparing() as beginning:
        highest = last_given(beginning)
    # What an earlier run could not read, and what was staged before and adopted since, comes last:
    # it cannot have its own id any more.
    late = [i for i in ids if i <= highest]
    free = _free_ids(old, len(set(late) - _ids(new)))
    return [i for i in ids if i > highest] + late, _Numbered(new, highest, free)


def _check_losses(old: CollectionStore, made: Reembedding, options: ReembedOptions) -> None:
    if made.lost and not options.accept_losses:
        raise CollectionError(
            f"{len(made.lost):,} of {counted(made.progress.found, 'image')} of {old.directory} can "
            f"be read from no file any more, such as {display(made.lost[0])}; the collection stays "
            'as it was: bring their disk back, or run "vitrail index" so that it knows what is '
            "gone, and go on with the same command, or let them go with --accept-losses"
        )
