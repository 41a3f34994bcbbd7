"""Which files a run opens, and what becomes of one that was known already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vitrail.indexer.encoders.base import Encoder
from vitrail.indexer.images.opening import passing_reasons
from vitrail.indexer.indexing.comparison import was_image
from vitrail.indexer.indexing.decoding import DecodingLimits, Prepared, Preparer
from vitrail.indexer.indexing.known import ContentLookup
from vitrail.indexer.indexing.scan import FoundFile
from vitrail.indexer.indexing.survey import Survey, choose_again, removed_and_moved
from vitrail.indexer.records import KnownFile

_PASSING = ("missing", "unreadable", "changing", "out-of-memory")  # says nothing of the content


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to open.

    Attributes:
        preparer: opens it.
        file: where it is.
        again: what is known of one that was to be left alone otherwise.
    """

    preparer: Preparer
    file: FoundFile
    again: KnownFile | None = None

    def run(self) -> Prepared:
        """What became of the file, ready to be committed."""
        done = self.preparer.prepare(self.file.path, self.file.size, self.file.mtime_ns)
        return done if self.again is None else _only_news(done, self.again)


def plan_tasks(
    encoder: Encoder,
    surveys: Sequence[Survey],
    contents: ContentLookup,
    limits: DecodingLimits,
    *,
    rehash: bool,
) -> list[FileTask]:
    """The files to open of all folders of a run, in their order.

    Args:
        encoder: whether there are labels to give, and in which pixels.
        surveys: of the folders; each is told which known files are opened again.
        contents: what the collection knows of them.
        limits: of what decoding takes.
        rehash: whether files that seem unchanged are opened, too.
    """
    bare = frozenset[str]()
    if encoder.labels is not None:
        bare = contents.unclassified if rehash else _worth_trying(contents)
    choose_again(surveys, stale=contents.stale, unclassified=bare, rehash=rehash)
    if not any(one.changes.to_open or one.again for one in surveys):
        return []
    known = contents.embedded | removed_and_moved(surveys)
    tasks = []
    for one in surveys:
        preparer = Preparer(
            spec=encoder.preprocess,
            known=known,
            label_from=one.plan.options.label_from or "none",
            max_pixels=one.plan.options.pixel_limit,
            reread=contents.stale,
            unclassified=bare if one.plan.options.classify else frozenset[str](),
            limits=limits,
        )
        tasks += [FileTask(preparer, file) for file in one.changes.to_open]
        tasks += [FileTask(preparer, file, one.known[file.path]) for file in one.again]
    return tasks


def _worth_trying(contents: ContentLookup) -> frozenset[str]:
    """Contents that lack labels, but for those known to be beyond decoding."""
    known, passing = contents.collection.unclassifiable(), passing_reasons()
    return contents.unclassified - {
        content for content, reason in known.items() if reason not in passing
    }


def _only_news(done: Prepared, known: KnownFile) -> Prepared:
    """What became of a file that was read again, without what was known of it."""
    if done.reject is not None:
        kept = not was_image(known) or done.reject.reason in _PASSING
        return Prepared() if kept else done
    if done.file is not None and done.file.content_hash == known.content_hash:
        wanted = known.state == "live"  # what was removed stays that
        return replace(done, file=None) if wanted else Prepared()
    return done
