"""The small Python API: a collection that indexes folders and answers with images.

>>> from vitrail import Collection
>>> with Collection.create("my-pictures", checkpoint="dinov2-small-focus") as pictures:
...     pictures.index("~/Pictures")
...     result = pictures.search("query.jpg", k=10)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.encoders.settings import DEFAULT_CHECKPOINT, EncoderSettings
from vitrail.indexer.errors import InputError
from vitrail.search.listing import ListedImage, ListKeywords, ListOptions, list_images
from vitrail.search.options import (
    DEFAULTS,
    EachKeywords,
    SearchKeywords,
    SearchOptions,
    takes_options,
)
from vitrail.search.query import Query, SearchResult
from vitrail.search.searcher import Searcher
from vitrail.search.vectors import background_rows, query_rows
from vitrail.service.operations.own_encoder import AS_IT_COMES, OwnEncoder, choose
from vitrail.service.operations.queries import answer_image, answer_images, answer_query

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.search.images import ImageLike

Vectors: TypeAlias = "Mapping[str, ArrayLike] | ArrayLike"
"""Space name -> (dim,) or (m, dim) floats of length 1; or just the array, for one space."""


class Collection:
    """A directory of embedded images, with the encoder that made them.

    Made by ``create`` or ``open``; a context manager. Reading is done from any number of
    processes; ``index`` takes the write lock for as long as it runs.
    """

    def __init__(
        self,
        store: CollectionStore,
        *,
        settings: EncoderSettings = AS_IT_COMES,
        encoder: Encoder | None = None,
    ) -> None:
        self.store = store
        self._encoder = OwnEncoder(store, settings, encoder)

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

        Args:
            directory: where to put it; must not be a collection yet.
            checkpoint: Hub name, local directory or embedded model; the default is
                ``google/vit-base-patch16-224``.
            spaces: such as ``["cls@12", "mean@6"]``; the default depends on the checkpoint.
            runtime: ``auto``, ``openvino`` or ``torch``.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
            encoder: one that is ready, or the settings of one, instead of all these.

        Raises:
            CheckpointError: the checkpoint cannot be had or is refused.
            CollectionError: there is a collection already.
            InputError: an unknown space, runtime, device or precision, or ``encoder`` beside other
                arguments.
        """
        from vitrail.indexer.encoders import check_runtime, read_fingerprint

        named = EncoderSettings(
            checkpoint or DEFAULT_CHECKPOINT, tuple(spaces or ()), runtime, device, precision
        )
        chosen = choose(encoder, named)
        if isinstance(chosen, EncoderSettings):
            check_runtime(chosen)
            fingerprint = read_fingerprint(chosen.checkpoint, chosen.spaces)
        else:
            fingerprint = chosen.fingerprint
        CollectionStore.create(Path(directory), fingerprint).close()
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
            runtime: ``auto``, ``openvino`` or ``torch``.
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
        return cls(store, settings=chosen)

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

    @property
    def fingerprint(self) -> Fingerprint:
        """What the collection's vectors were made by."""
        return self.store.fingerprint

    @property
    def encoder_settings(self) -> EncoderSettings:
        """What loads the collection's encoder, here or in another process."""
        return self._encoder.settings

    @property
    def encoder(self) -> Encoder:
        """The collection's encoder, loaded once for each fingerprint and held to it.

        Raises:
            CheckpointError: the checkpoint cannot be had any more.
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        return self._encoder.get()

    def index(
        self,
        *folders: str | os.PathLike[str],
        options: IndexOptions | None = None,
        classify: bool | None = None,
        on_progress: Callable[[IndexCounts], None] = lambda _: None,
        cancellation: Cancellation | None = None,
    ) -> IndexCounts:
        """Bring the collection up to date with folders or single files.

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
        """
        from vitrail.indexer.indexing.options import IndexOptions
        from vitrail.indexer.indexing.pipeline import index_folders
        from vitrail.indexer.indexing.progress import ProgressTeller
        from vitrail.indexer.indexing.roots import plan_run

        roots = [os.path.expanduser(os.fspath(folder)) for folder in folders]
        options = options or IndexOptions()
        if classify is not None:
            options = replace(options, classify=classify)
        self.store.refresh()
        plans = plan_run(roots, self.store.roots(), options)
        classifies = any(plan.options.classify for plan in plans)
        told = ProgressTeller(on_progress)
        encoder = self._encoder.waiting(classifies=classifies, on_load=told.loading)
        try:
            with CollectionStore.open(self.store.directory, writable=True) as writer:
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
        finally:
            self.store.refresh()
        return progress

    @takes_options(SearchKeywords)
    def search(
        self,
        *images: ImageLike,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to one or several query images.

        Args:
            images: paths, encoded bytes, Pillow images or (H, W, 3) uint8 arrays; several are one
                question, and fused. For a question each there is ``search_many``.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image, or an option, the filter or a space cannot be
                understood.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        if not images:
            raise InputError("no image was given to search by; give at least one")
        return answer_images(self.store, self._encoder.get, images, chosen, Searcher.search)

    @takes_options(EachKeywords)
    def search_many(
        self,
        images: Sequence[ImageLike],
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> list[SearchResult]:
        """Find the images nearest to each of many query images: an answer each, in their order.

        The other arguments and errors are those of ``search``.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        if isinstance(images, str | bytes | os.PathLike):
            raise InputError(f"{repr(images)[:60]} is one image; give a list, or ask by search")
        if not len(images):
            return []
        return answer_images(self.store, self._encoder.get, images, chosen, Searcher.search_each)

    @takes_options(EachKeywords)
    def similar(
        self,
        image_id: int,
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> SearchResult:
        """Find the images nearest to one of the collection, which is itself left out.

        Args:
            image_id: of the image.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: no such id, or as ``search``.
        """
        return answer_image(self.store, image_id, replace(options or DEFAULTS, **keywords))

    @takes_options(SearchKeywords)
    def find(
        self,
        vectors: Vectors,
        *,
        exclude: Iterable[int] = (),
        background: Mapping[str, NDArray[np.float32]] | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to vectors: ``search`` for what is embedded already.

        Args:
            vectors: space name -> (dim,) or (1, dim) floats of length 1, as ``embed`` makes them;
                where one space is asked about, just the array will do. With ``fusion`` (m, dim):
                m rows that are one question.
            exclude: ids never returned.
            background: space name -> (b, dim) float32 unit rows of what unrelated questions made in
                the same way, with which the answer's evidence compares the hits.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: several rows without ``fusion``; or vectors of another shape, of NaN, or of
                a length other than 1; or an option, the filter or a space cannot be understood.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        rows = query_rows(vectors, self.store.spaces, chosen.spaces)
        most = max((len(each) for each in rows.values()), default=0)
        if most > 1 and chosen.fusion is None:
            raise InputError(
                f"{most} rows were given for one question; use find_many for an answer to each, or "
                "fusion='mean' or 'rrf' to ask with all of them at once"
            )
        query = Query.of(
            rows,
            self.store.spaces,
            chosen,
            exclude=frozenset(exclude),
            background=background_rows(background, self.store.spaces),
        )
        return answer_query(self.store, query, Searcher.search)

    @takes_options(EachKeywords)
    def find_many(
        self,
        vectors: Vectors,
        *,
        exclude: Iterable[int] = (),
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> list[SearchResult]:
        """Find the images nearest to each row of (m, dim) vectors: m answers, in the rows' order.

        The filter is evaluated once, and one space's index is read once for all rows. The other
        arguments and errors are those of ``find``.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        rows = query_rows(vectors, self.store.spaces, chosen.spaces)
        if rows and not any(len(each) for each in rows.values()):
            return []
        query = Query.of(rows, self.store.spaces, chosen, exclude=frozenset(exclude))
        return answer_query(self.store, query, Searcher.search_each)

    @takes_options(ListKeywords, ListOptions)
    def select(
        self, *, options: ListOptions | None = None, **keywords: Unpack[ListKeywords]
    ) -> Iterator[ListedImage]:
        """List images without a query, read as they are asked for: there may be millions.

        Args:
            options: what to list; see ``vitrail.search.listing.ListOptions``.
            keywords: options in the place of those of ``options``, such as
                ``where="label = 'fox'"`` and ``sort=["-taken_at"]``.

        Raises:
            InputError: the filter cannot be used, or there is no such column.
        """
        return list_images(self.store, replace(options or ListOptions(), **keywords))

    def embed(self, *images: ImageLike) -> dict[str, NDArray[np.float32]]:
        """Embed m images: space name -> (m, dim) float32, normalised rows.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image.
        """
        if not images:
            raise InputError("no image was given to embed; give at least one")
        from vitrail.search.images import embed_images

        return embed_images(self.encoder, images)
