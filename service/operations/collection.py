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
from vitrail.indexer.wording import counted
from vitrail.search.boxes import Box, BoxLike
from vitrail.search.calibration.current import CurrentCalibrations
from vitrail.search.listing import ListedImage, ListKeywords, ListOptions, list_images
from vitrail.search.options import (
    DEFAULTS,
    EachKeywords,
    SearchKeywords,
    SearchOptions,
    takes_options,
)
from vitrail.search.query import SearchResult
from vitrail.search.searcher import Searcher
from vitrail.search.vectors import background_rows, query_rows
from vitrail.service.operations.own_encoder import AS_IT_COMES, OwnEncoder, choose
from vitrail.service.operations.queries import (
    Examples,
    Question,
    answer_images,
    answer_question,
    checked_id,
)

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.encoders.base import Encoder, TextEncoder
    from vitrail.indexer.fingerprint import Fingerprint
    from vitrail.indexer.indexing.options import IndexOptions
    from vitrail.indexer.indexing.progress import IndexCounts
    from vitrail.search.explanation import Explanation
    from vitrail.search.images import ImageLike
    from vitrail.service.operations.batches import BatchAnswer

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
        self.calibrations = CurrentCalibrations(store.directory)
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

    @property
    def text_encoder(self) -> TextEncoder:
        """The text tower of the collection's checkpoint, loaded once.

        Raises:
            CheckpointError: the checkpoint cannot be had any more, or reads no texts.
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        return self._encoder.texts()

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

    def calibrate(self, *, cancellation: Cancellation | None = None) -> None:
        """Find out what scores mean, from copies of images too, and keep it beside the indexes.

        Searches judge their hits by it; without, they compare stored vectors in memory. It takes a
        minute at most.

        Args:
            cancellation: looked at after each image that is copied.

        Raises:
            InputError: there are too few images.
            CancelledError: somebody asked to stop; what was kept before stays.
        """
        from vitrail.service.operations.calibrating import calibrate

        calibrate(self, cancellation=cancellation)

    @takes_options(SearchKeywords)
    def search(
        self,
        *images: ImageLike | int,
        negative: Sequence[ImageLike | int] = (),
        box: BoxLike | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to one or several query images.

        Args:
            images: paths, encoded bytes, Pillow images or (H, W, 3) uint8 arrays, and ids of
                images of the collection, which are themselves left out; several are one question,
                and fused. For a question each there is ``search_many``.
            negative: likewise, what the hits shall not be like.
            box: the part of the one image that is meant: x, y, width and height in pixels of the
                upright image, or a text such as ``"10%,10%,50%,50%"``.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image, or an option, the filter or a space cannot be
                understood, or the negatives cancel the query, or the box reaches beyond the image.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        if not images:
            raise InputError("no image was given to search by; give at least one")
        asked, own = (images, frozenset[int]()) if box is None else self._cut(images, Box.of(box))
        return answer_images(
            self.store,
            self.calibrations,
            self._encoder.get,
            asked,
            chosen,
            Searcher.search,
            unlike=_several(negative),
            exclude=own,
        )

    def _cut(
        self, images: Sequence[ImageLike | int], box: Box
    ) -> tuple[Sequence[ImageLike | int], frozenset[int]]:
        """The part of the one image that a box names, and the id that it is of."""
        from vitrail.search.images import cut
        from vitrail.service.operations.cropping import cut_stored

        if len(images) > 1:
            raise InputError(
                f"{counted(len(images), 'image')} were given, and a box is of one; cut the "
                "others yourself, or leave the box out"
            )
        (image,) = images
        if isinstance(image, int | np.integer):
            number = checked_id(image)
            part = cut_stored(self.store, number, box)
            return [number if part is None else part], frozenset({number})
        part = cut(image, box)
        return [image if part is None else part], frozenset()

    @takes_options(SearchKeywords)
    def search_text(
        self,
        text: str,
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images that are as a text says, such as ``"a dog on a beach"``.

        That takes a checkpoint that reads texts (CLIP, SigLIP), and its space ``proj`` in the
        collection. Cosines between texts and images are low: what ranks first counts, not how high.

        Args:
            text: a few words; what is too long for the checkpoint is cut, which the logger tells.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: the text is empty, or the collection cannot be asked by texts; or as
                ``search``.
            CheckpointError: the checkpoint cannot be had, or lacks its tokenizer.
        """
        from vitrail.service.operations.searching import TextQuery, search
        from vitrail.service.operations.texts import warn

        chosen = replace(options or DEFAULTS, **keywords)
        return search(self, TextQuery(text), chosen, progress=warn).result

    def explain(
        self, result: SearchResult, *images: ImageLike | int, first: int = 8
    ) -> tuple[Explanation, ...]:
        """Say why the first hits of an answer were found: shares of their scores, what matches.

        Args:
            result: what ``search`` or ``similar`` answered.
            images: what it was asked with, images or ids; none for the shares alone.
            first: how many hits, at most.

        Returns:
            An explanation each, best first, with ``shares`` by space, and ``query_map`` and
            ``hit_map``, (H, W) float32 in [0, 1] in the shape of either image.

        Raises:
            ImageRejectedError: an image cannot be opened.
            InputError: what is given is no image, or no such id.
        """
        from vitrail.service.operations.explaining import explain_images

        return explain_images(self, images, result, first)

    @takes_options(EachKeywords)
    def search_many(
        self,
        images: Sequence[ImageLike | int],
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> list[SearchResult]:
        """Find the images nearest to each of many query images: an answer each, in their order.

        An image of the collection, named by its id, is left out of its own answer. The other
        arguments and errors are those of ``search``; for more images than memory holds there is
        ``search_batch``.
        """
        chosen = replace(options or DEFAULTS, **keywords)
        if isinstance(images, str | bytes | os.PathLike):
            raise InputError(f"{repr(images)[:60]} is one image; give a list, or ask by search")
        if not len(images):
            return []
        return answer_images(
            self.store,
            self.calibrations,
            self._encoder.get,
            images,
            chosen,
            Searcher.search_each,
            single=True,
        )

    @takes_options(EachKeywords)
    def search_batch(
        self,
        images: Iterable[ImageLike | int],
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[EachKeywords],
    ) -> Iterator[BatchAnswer]:
        """As ``search_many``, for any number of images: answers are given as they are found.

        Images are taken as answers are, and some hundreds held in memory. One that cannot be asked
        with has an answer with its ``error``, and ends nothing.

        Args:
            images: as of ``search``.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: an option, the filter or a space cannot be understood.
        """
        from vitrail.service.operations.batches import BatchQuery, answer_batch

        queries = (BatchQuery(_told(image), image) for image in images)
        return answer_batch(self, queries, replace(options or DEFAULTS, **keywords))

    @takes_options(SearchKeywords)
    def similar(
        self,
        *image_ids: int,
        negative: Sequence[int] = (),
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to one or several of the collection, themselves left out.

        Args:
            image_ids: of the images; several are one question.
            negative: ids of images that the hits shall not be like.
            options: how to search; see ``vitrail.SearchOptions``.
            keywords: options in the place of those of ``options``.

        Raises:
            InputError: no such id, or as ``search``.
        """
        if not image_ids:
            raise InputError("no image was given to search by; give the id of at least one")
        question = Question(
            Examples(tuple(map(checked_id, image_ids))),
            Examples(tuple(map(checked_id, negative))),
        )
        chosen = replace(options or DEFAULTS, **keywords)
        return answer_question(self.store, self.calibrations, question, chosen, Searcher.search)

    @takes_options(SearchKeywords)
    def find(
        self,
        vectors: Vectors,
        *,
        negative: Vectors | None = None,
        exclude: Iterable[int] = (),
        background: Mapping[str, NDArray[np.float32]] | None = None,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Find the images nearest to vectors: ``search`` for what is embedded already.

        Args:
            vectors: space name -> (dim,) or (1, dim) floats of length 1, as ``embed`` makes them;
                where one space is asked about, just the array will do. Rows of a derived space are
                worked out from those of its base. With ``fusion`` (m, dim):
                m rows that are one question.
            negative: likewise, what the hits shall not be like: (dim,) or (n, dim) floats.
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
                "fusion='mean', 'rrf' or 'best-score' to ask with all of them at once"
            )
        unlike = {} if negative is None else query_rows(negative, self.store.spaces, chosen.spaces)
        question = Question(
            Examples((rows,)),
            Examples((unlike,) if unlike else ()),
            frozenset(exclude),
            background_rows(background, self.store.spaces),
        )
        return answer_question(self.store, self.calibrations, question, chosen, Searcher.search)

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
        question = Question(Examples((rows,)), exclude=frozenset(exclude))
        return answer_question(
            self.store, self.calibrations, question, chosen, Searcher.search_each
        )

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


def _told(image: ImageLike | int) -> str:
    """What an image is called in an answer: its path or id, or its kind."""
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    return str(image) if isinstance(image, int | np.integer) else type(image).__name__


def _several(negative: Sequence[ImageLike | int]) -> Sequence[ImageLike | int]:
    if isinstance(negative, str | bytes | os.PathLike | int):
        raise InputError(f"negative is {repr(negative)[:60]}, which is one image; give a list")
    return negative
