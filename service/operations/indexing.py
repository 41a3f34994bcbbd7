"""Folders brought into a collection, and all of it embedded anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.service.operations.opening import (
    AS_IT_IS,
    EncoderChoice,
    open_or_create,
    taken_back_where_useless,
)
from vitrail.service.operations.progress import IndexProgress, Note, Progress, RunBegins, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.catalog.derived import DerivedSpace
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.indexer.indexing.reembedding import ReembedOptions
    from vitrail.service.operations.collection import Collection


@dataclass(frozen=True, slots=True)
class Indexed:
    """What came of an index run.

    Attributes:
        encoder: described in words.
        counts: of the whole run; ``interrupted`` tells whether it was cancelled before its end.
    """

    encoder: str
    counts: IndexCounts


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What came of embedding anew.

    Attributes:
        encoder: described in words.
        counts: of the run; ``unchanged`` are images that an earlier run had embedded.
        lost: paths of images that no file holds any more.
        done: whether the collection is of that encoder now.
        dropped: derived spaces that it had, fitted on vectors that are no more.
    """

    encoder: str
    counts: IndexCounts
    lost: tuple[str, ...]
    done: bool
    dropped: tuple[str, ...] = ()


def index(
    directory: Path,
    folders: Sequence[str] = (),
    options: IndexOptions | None = None,
    encoder: EncoderChoice = AS_IT_IS,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Indexed:
    """Bring a collection up to date with folders or single files of this machine.

    Who holds the collection open sees it after a refresh.

    Args:
        directory: of the collection; begun where there is none.
        folders: absolute paths; none means all that were indexed before.
        options: what is said of the folders.
        encoder: of a collection that is not there yet.
        progress: told how the run begins, and of every file.
        cancellation: looked at after every file; what is done by then is committed.

    Raises:
        InputError: a folder does not exist, or none was named and there is no collection.
        CheckpointError: the encoder of a new one cannot be run; nothing is left of it then.
        FingerprintMismatchError: the collection's encoder is another one.
        RemovalsRefusedError: a folder lost so much that its disk may be away; the others of the
            run are done.
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full or the collection damaged; committed work is kept.
    """
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.roots import check_given

    options = options or IndexOptions()
    check_given(folders, options)  # before an empty collection is left behind
    if not folders and not is_collection(str(directory)):
        raise InputError(f"there is no collection at {directory} yet: name a folder to index")
    with (
        taken_back_where_useless(directory, progress) as told,
        open_or_create(directory, encoder, progress=told) as collection,
    ):
        return index_into(collection, folders, options, progress=told, cancellation=cancellation)


def index_into(
    collection: Collection,
    folders: Sequence[str],
    options: IndexOptions,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Indexed:
    """As ``index``, of a collection that is open, whose encoder stays loaded.

    Args:
        collection: open; threads may go on searching it.
        folders: absolute paths; none means all that were indexed before.
        options: what is said of the folders.
        progress: told how the run begins, and of every file.
        cancellation: looked at after every file; what is done by then is committed.

    Raises:
        InputError: a folder does not exist.
        RemovalsRefusedError: a folder lost so much that its disk may be away; the others of the
            run are done.
        CollectionLockedError: another process is writing.
        CollectionError: the disk is full or the collection damaged; committed work is kept.
    """
    from vitrail.indexer.indexing.roots import check_given, plan_run
    from vitrail.service.operations.calibrating import keep_calibrated

    check_given(folders, options)
    described = collection.fingerprint.describe()
    plans = plan_run(folders, collection.store.roots(), options)
    progress(RunBegins(described, tuple(plans)))
    there = collection.store.spaces
    counts = collection.index(
        *folders, options=options, on_progress=_telling(progress), cancellation=cancellation
    )
    for space in collection.store.state.derived:
        if space.name not in there:
            progress(Note(_whitened(space)))
    if not counts.interrupted:  # nobody has to wait for it now
        keep_calibrated(collection, progress, cancellation)
    return Indexed(described, _copy(counts))


def _whitened(space: DerivedSpace) -> str:
    return (
        f"searches use {space.name} from now on: {space.base}, whitened on "
        f"{counted(space.fitted_rows, 'image')}"
    )


def reembed(
    directory: Path,
    encoder: EncoderChoice,
    options: ReembedOptions | None = None,
    *,
    classify: bool = False,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Reembedded:
    """Embed every image of a collection by another encoder, then put the result in its place.

    Args:
        directory: of the collection.
        encoder: the new one; without a checkpoint the collection's own, in other spaces.
        options: what is done about images that no file holds any more, and the like.
        classify: also store the labels of the checkpoint's head.
        progress: told once the encoder is loaded, and of every image.
        cancellation: looked at after every image; the next call goes on.

    Raises:
        InputError: neither a checkpoint nor spaces are named.
        CheckpointError: the encoder cannot be had.
        CollectionError: the encoder is the collection's already, images can be read nowhere, or
            the disk is full; the collection stays as it was.
        CollectionLockedError: another process is writing.
    """
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.encoders import EncoderSettings, load_encoder
    from vitrail.indexer.indexing.reembedding import reembed as embed_anew

    if encoder.checkpoint is None and not encoder.spaces:
        raise InputError("neither spaces nor a checkpoint are named; name those to embed by")
    with CollectionStore.open(directory) as store:
        checkpoint = encoder.checkpoint or store.fingerprint.checkpoint
    loaded = load_encoder(
        EncoderSettings(
            checkpoint,
            encoder.spaces,
            encoder.runtime,
            encoder.device,
            encoder.precision,
            classify,
        )
    )
    described = loaded.fingerprint.describe()
    progress(RunBegins(described))
    made = embed_anew(
        directory,
        loaded,
        options=options,
        on_progress=_telling(progress),
        cancellation=cancellation,
    )
    lost, dropped = tuple(made.lost), tuple(made.dropped)
    return Reembedded(described, _copy(made.progress), lost, made.done, dropped)


def _telling(progress: Progress) -> Callable[[IndexCounts], None]:
    return lambda counts: progress(IndexProgress(_copy(counts)))


def _copy(counts: IndexCounts) -> IndexCounts:
    """The counts as they are now: a run goes on counting in the same ones."""
    return replace(
        counts,
        unreadable=list(counts.unreadable),
        absent=list(counts.absent),
        other_kinds=dict(counts.other_kinds),
    )
