"""The small Python API: a collection that indexes folders and answers with images.

>>> from vitrail import Collection
>>> with Collection.create("my-pictures", checkpoint="dinov2-small-focus") as pictures:
...     pictures.index("~/Pictures")
...     result = pictures.search("query.jpg", k=10)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EncoderSettings
from vitrail.service.operations.own_encoder import choose
from vitrail.service.operations.progress import Progress, nobody
from vitrail.service.operations.surveyable import Surveyable

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.service.operations.deciding import KnownDecision
    from vitrail.service.operations.duplicates import Duplicates


class Collection(Surveyable):
    """A directory of embedded images, with the encoder that made them.

    Made by ``create`` or ``open``; a context manager. Reading is done from any number of
    processes; ``index`` takes the write lock for as long as it runs.
    """

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        checkpoint: str | None = None,
        spaces: Sequence[str] | None = None,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        encoder: Encoder | EncoderSettings | None = None,
    ) -> Collection:
        """Make an empty collection for a checkpoint's spaces.

        Searches weigh all of these equally; but where none are named, those of the embedded
        model's weigh the whitened form of its space, from the first ``index`` on that leaves
        images enough to fit it.

        Args:
            directory: where to put it; must not be a collection yet.
            checkpoint: Hub name, local directory or embedded model; the default is
                ``google/vit-base-patch16-224``.
            spaces: such as ``["cls@12", "mean@6"]``; the default depends on the checkpoint.
            runtime: ``auto``, ``openvino``, ``onnx`` or ``torch``.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
            encoder: one that is ready, or the settings of one, instead of all these.

        Raises:
            CheckpointError: the checkpoint cannot be had or is refused.
            CollectionError: there is a collection already.
            InputError: an unknown space, runtime, device or precision, or ``encoder`` beside other
                arguments.
        """
        from vitrail.indexer.collection.derivation import weigh_once_fitted
        from vitrail.indexer.encoders import check_runtime, read_fingerprint
        from vitrail.indexer.encoders.checkpoints import awaited_space

        named = EncoderSettings(
            checkpoint or DEFAULT_CHECKPOINT, tuple(spaces or ()), runtime, device, precision
        )
        chosen = choose(encoder, named)
        if isinstance(chosen, EncoderSettings):
            check_runtime(chosen)
            fingerprint = read_fingerprint(chosen.checkpoint, chosen.spaces)
        else:
            fingerprint = chosen.fingerprint
        named_spaces = isinstance(chosen, EncoderSettings) and chosen.spaces
        awaited = None if named_spaces else awaited_space(fingerprint)
        with CollectionStore.create(Path(directory), fingerprint, awaits=awaited) as store:
            if awaited is not None:  # in the journal too, from which a lost catalog is made anew
                weigh_once_fitted(store, awaited)
        return cls.open(directory, encoder=chosen)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        encoder: Encoder | EncoderSettings | None = None,
    ) -> Collection:
        """Open a collection for reading; its checkpoint is loaded when first needed.

        Args:
            directory: where it is.
            runtime: ``auto``, ``openvino``, ``onnx`` or ``torch``.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
            encoder: one that is ready, or the settings of one, instead of all these; held to the
                collection's at once.

        Raises:
            CollectionError: there is none, or its format is newer than this version's.
            FingerprintMismatchError: ``encoder`` makes other vectors than the collection's.
            CheckpointError: the checkpoint of the settings cannot be had or is refused.
            InputError: an unknown runtime, device or precision, or ``encoder`` beside other
                arguments.
        """
        from vitrail.indexer.encoders import check_runtime, read_fingerprint

        chosen = choose(
            encoder, EncoderSettings(runtime=runtime, device=device, precision=precision)
        )
        if isinstance(chosen, EncoderSettings):
            check_runtime(chosen)
        store = CollectionStore.open(Path(directory))
        if not isinstance(chosen, EncoderSettings):
            store.check(chosen.fingerprint)
            return cls(store, encoder=chosen)
        if encoder is not None:
            store.check(read_fingerprint(chosen.checkpoint, chosen.spaces))
        opened = cls(store, settings=chosen)
        if encoder is not None:
            opened.run_by(chosen.checkpoint)
        return opened

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release files and memory."""
        self.store.close()

    def index(
        self,
        *folders: str | os.PathLike[str],
        options: IndexOptions | None = None,
        classify: bool | None = None,
        on_progress: Callable[[IndexCounts], None] = lambda _: None,
        cancellation: Cancellation | None = None,
    ) -> IndexCounts:
        """Bring the collection up to date with folders or single files.

        A whitened space that searches are to weigh is fitted at the end, where it is not there yet
        and images suffice.

        Args:
            folders: roots; ``~`` is understood. None means all that are known.
            options: see ``vitrail.IndexOptions``; what is said of a folder is remembered, and
                what is not said is as remembered.
            classify: also store the labels of the checkpoint's classification head.
            on_progress: called with the counts so far.
            cancellation: once it is cancelled, by another thread or by ``on_progress``, what is
                done is committed and the run ends.

        Raises:
            CollectionLockedError: another process is writing; the message names it.
            RemovalsRefusedError: a folder lost so much that its disk may be away; the others of
                the run are done.
            InputError: ``on_progress`` cannot be called. What it raises comes out as it is.
        """
        from vitrail.indexer.callbacks import CallbackGuard
        from vitrail.indexer.indexing.options import IndexOptions
        from vitrail.indexer.indexing.pipeline import index_folders
        from vitrail.indexer.indexing.progress import ProgressTeller
        from vitrail.indexer.indexing.roots import plan_run
        from vitrail.service.operations.spaces import fit_what_is_awaited

        roots = [os.path.expanduser(os.fspath(folder)) for folder in folders]
        options = options or IndexOptions()
        if classify is not None:
            options = replace(options, classify=classify)
        self.store.refresh()
        plans = plan_run(roots, self.store.roots(), options)
        classifies = any(plan.options.classify for plan in plans)
        guarded = CallbackGuard(on_progress)
        told = ProgressTeller(guarded)
        encoder = self._encoder.waiting(classifies=classifies, on_load=told.loading)
        try:
            with guarded, CollectionStore.open(self.store.directory, writable=True) as writer:
                progress = index_folders(
                    writer,
                    encoder,
                    roots,
                    options=options,
                    on_progress=told,
                    cancellation=cancellation,
                )
                if progress.interrupted:
                    writer.forget_changes()  # who interrupts does not want to wait for an index
                else:
                    fit_what_is_awaited(writer)
        finally:
            self.store.refresh()
        return progress

    def calibrate(self, *, cancellation: Cancellation | None = None) -> None:
        """Find out what scores mean, from copies of images too, and keep it beside the indexes.

        Searches judge their hits by it; without, they compare stored vectors in memory. It embeds
        144 copies of 24 images, which takes as long as indexing so many.

        Args:
            cancellation: looked at after each image that is copied.

        Raises:
            InputError: there are too few images.
            CancelledError: somebody asked to stop; what was kept before stays.
        """
        from vitrail.service.operations.calibrating import calibrate

        calibrate(self, cancellation=cancellation)

    def duplicates(
        self,
        *,
        where: str | None = None,
        since: str | None = None,
        look_alikes: bool = False,
        space: str | None = None,
        on_progress: Progress = nobody,
        cancellation: Cancellation | None = None,
    ) -> Duplicates:
        """Find copies of images, by what their pixels show, and choose which of each to keep.

        Args:
            where: a filter; just the images that pass it are compared, with one another.
            since: a filter; just groups with an image that passes it, which is compared with all.
            look_alikes: also find images that look alike and are no copies.
            space: whose nearest images are compared; ``None`` is the one that searches weigh most.
            on_progress: called with what is done now, and how far that is.
            cancellation: looked at between pairs.

        Raises:
            InputError: a filter or the space cannot be used, or ``on_progress`` not be called.
                What that raises comes out as it is.
            CancelledError: somebody asked to stop, and be it at the very end.
        """
        from vitrail.indexer.callbacks import CallbackGuard
        from vitrail.service.operations.duplicates import DuplicateOptions, find_duplicates

        options = DuplicateOptions(where, since, look_alikes, space)
        with CallbackGuard(on_progress) as told:
            return find_duplicates(self, options, progress=told, cancellation=cancellation)

    def decide(self, kind: str, *ids: int) -> str:
        """Say of images that they are the ``same``, ``not-duplicates``, or that they ``keep``.

        Args:
            kind: one of these.
            ids: of the images.

        Returns:
            the decision's token, by which ``undo`` takes it back.

        Raises:
            UnknownImageError: an id that no image has.
            InputError: no such kind, too few images, or one is named twice.
            CollectionLockedError: another process is writing.
        """
        from vitrail.service.operations.deciding import decide
        from vitrail.service.operations.references import ImageId

        try:
            return decide(Path(self.store.directory), kind, [ImageId(i) for i in ids]).token
        finally:
            self.store.refresh()

    def undo(self, token: str | None = None) -> str:
        """Take back a decision about duplicates: the last that stands, or the one of a token.

        Raises:
            InputError: there is none, or it is undone already.
            CollectionLockedError: another process is writing.
        """
        from vitrail.service.operations.deciding import undo

        try:
            return undo(Path(self.store.directory), token).token
        finally:
            self.store.refresh()

    def decisions(self) -> tuple[KnownDecision, ...]:
        """What was decided about duplicates, in the order of time, with the tokens for ``undo``."""
        from vitrail.service.operations.deciding import list_decisions

        return list_decisions(self.store)

    def whiten(self, space: str, *, dim: int | None = None) -> str:
        """Derive a whitened space from a stored one, fitted on all images, or fit it anew.

        Args:
            space: the stored one, such as ``gem@9``.
            dim: how many dimensions are kept, the widest ones; ``None`` is all.

        Returns:
            its name, such as ``gem@9/w`` or ``gem@9/w128``, by which it is searched.

        Raises:
            InputError: there is no such stored space, too few images, or ``dim`` is out of reach.
            CollectionLockedError: another process is writing.
        """
        from vitrail.service.operations.spaces import whiten

        try:
            return whiten(Path(self.store.directory), space, dim=dim).name
        finally:
            self.store.refresh()

    def set_default_spaces(self, weights: Mapping[str, float]) -> None:
        """Let searches weigh spaces so where nothing is said, from now on and in every process.

        Args:
            weights: above 0, by space; none for all stored spaces, equally.

        Raises:
            InputError: there is no such space, or a weight is not above 0.
            CollectionLockedError: another process is writing.
        """
        from vitrail.indexer.collection.derivation import set_default_weights

        try:
            with CollectionStore.open(self.store.directory, writable=True) as writer:
                set_default_weights(writer, weights)
        finally:
            self.store.refresh()
