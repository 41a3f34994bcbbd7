"""The small Python API: a collection that indexes folders and answers with images.

>>> from search import Collection
>>> with Collection.create("my-pictures", checkpoint="dinov2-small-focus") as pictures:
...     pictures.index("~/Pictures")
...     result = pictures.search("query.jpg", k=10)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from indexer.collection.collection import Collection as Store
from indexer.errors import InputError
from search.query import Fusion, Only, SearchOptions, SearchResult
from search.searcher import SearchableCollection, Searcher

if TYPE_CHECKING:  # these bring Pillow and the runtimes, which a look at metadata does not need
    from PIL.Image import Image

    from indexer.encoders.base import Encoder, Fingerprint
    from indexer.indexing.decoding import RecipeReader
    from indexer.indexing.pipeline import IndexOptions, Progress


class Collection:
    """A directory of embedded images, with the encoder that made them.

    Made by ``create`` or ``open``; a context manager. Reading is done from any number of
    processes; ``index`` takes the write lock for as long as it runs.
    """

    def __init__(self, store: Store, *, runtime: str, device: str, precision: str) -> None:
        self.store = store
        self._settings = (runtime, device, precision)
        self._encoder: Encoder | None = None

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

        Raises:
            CheckpointError: the checkpoint cannot be had or is refused.
            CollectionError: there is a collection already.
        """
        from indexer.encoders import DEFAULT_CHECKPOINT, read_fingerprint

        fingerprint = read_fingerprint(checkpoint or DEFAULT_CHECKPOINT, spaces)
        Store.create(Path(directory), fingerprint).close()
        return cls.open(directory, runtime=runtime, device=device, precision=precision)

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
    ) -> Collection:
        """Open a collection for reading; its checkpoint is loaded when first needed.

        Raises:
            CollectionError: there is none, or its format is newer than this version's.
        """
        store = Store.open(Path(directory))
        return cls(store, runtime=runtime, device=device, precision=precision)

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
    def encoder(self) -> Encoder:
        """The collection's encoder, loaded once for each fingerprint and held to it.

        Raises:
            FingerprintMismatchError: the checkpoint has changed since the collection was made.
        """
        known = self._encoder
        if known is None or known.fingerprint.digest != self.fingerprint.digest:
            self._encoder = self._load(classify=False)
        assert self._encoder is not None
        return self._encoder

    def index(
        self,
        *folders: str | os.PathLike[str],
        options: IndexOptions | None = None,
        classify: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        read_recipe: RecipeReader | None = None,
    ) -> Progress:
        """Bring the collection up to date with folders or single files.

        Args:
            folders: roots; ``~`` is understood.
            options: see ``indexer.indexing.pipeline.IndexOptions``.
            classify: also store the labels of the checkpoint's classification head.
            on_progress: called with the counts so far.
            stop: once it returns true, what is done is committed and the run ends.
            read_recipe: reads generators' recipes from text metadata.

        Raises:
            CollectionLockedError: another process is writing; the message names it.
        """
        from indexer.indexing.pipeline import index_folders

        roots = [os.path.expanduser(os.fspath(folder)) for folder in folders]
        encoder = self._load(classify=True) if classify else self.encoder
        with Store.open(self.store.directory, writable=True) as writer:
            progress = index_folders(
                writer,
                encoder,
                roots,
                options=options,
                on_progress=on_progress,
                stop=stop,
                read_recipe=read_recipe,
            )
            if progress.interrupted:
                writer.forget_changes()  # who interrupts does not want to wait for an index
        self.store.refresh()
        return progress

    def search(
        self,
        *images: str | os.PathLike[str] | bytes | Image,
        k: int = 10,
        spaces: Mapping[str, float] | None = None,
        min_score: float | None = None,
        where: str | None = None,
        only: Only = "all",
        fusion: Fusion = "mean",
        exact: bool = False,
    ) -> SearchResult:
        """Find the images nearest to one or several pictures.

        Args:
            images: paths, encoded bytes or Pillow images; several are fused.
            k: how many hits at most.
            spaces: weight of each space; default: all of the collection's, equally.
            min_score: least cosine of a hit.
            where: SQL expression over the collection's columns, such as ``width > 512``.
            only: ``all``, ``generated`` or ``real``.
            fusion: ``mean`` or ``rrf``; for several images.
            exact: scan everything instead of asking the approximate index.

        Raises:
            ImageRejectedError: a picture cannot be opened.
            InputError: the filter or a space cannot be understood.
        """
        if not images:
            raise InputError("no picture was given to search by; give at least one")
        options = SearchOptions(k, spaces, min_score, where, only, fusion, exact)
        return self._answer(self.embed(*images), options)

    def similar(
        self,
        image_id: int,
        *,
        k: int = 10,
        spaces: Mapping[str, float] | None = None,
        min_score: float | None = None,
        where: str | None = None,
        only: Only = "all",
        exact: bool = False,
    ) -> SearchResult:
        """Find the images nearest to one of the collection, which is itself left out.

        Raises:
            InputError: no such id.
        """
        options = SearchOptions(k, spaces, min_score, where, only, exact=exact)
        vectors = {name: self.store.vectors([image_id], name) for name in self._space_names}
        return self._answer(vectors, options, exclude=frozenset({image_id}))

    def find(
        self,
        vectors: Mapping[str, NDArray[np.float32]],
        *,
        k: int = 10,
        spaces: Mapping[str, float] | None = None,
        min_score: float | None = None,
        where: str | None = None,
        only: Only = "all",
        fusion: Fusion = "mean",
        exact: bool = False,
        exclude: frozenset[int] = frozenset(),
    ) -> SearchResult:
        """Find the images nearest to vectors: space name -> (m, dim) float32, normalised rows."""
        options = SearchOptions(k, spaces, min_score, where, only, fusion, exact)
        return self._answer(vectors, options, exclude=exclude)

    def embed(
        self, *images: str | os.PathLike[str] | bytes | Image
    ) -> dict[str, NDArray[np.float32]]:
        """Embed m pictures: space name -> (m, dim) float32, normalised rows.

        Raises:
            ImageRejectedError: a picture cannot be opened.
        """
        from search.pictures import open_picture

        spec = self.encoder.preprocess
        pixels = np.stack([open_picture(image, spec) for image in images])
        return self.encoder.encode(pixels).vectors

    def _answer(
        self,
        vectors: Mapping[str, NDArray[np.float32]],
        options: SearchOptions,
        *,
        exclude: frozenset[int] = frozenset(),
    ) -> SearchResult:
        query = options.ask(vectors, self._space_names, exclude)
        return Searcher(cast(SearchableCollection, self.store)).search(query)

    @property
    def _space_names(self) -> list[str]:
        return [name for name, _ in self.fingerprint.spaces]

    def _load(self, *, classify: bool) -> Encoder:
        from indexer.encoders import load_encoder

        runtime, device, precision = self._settings
        encoder = load_encoder(
            self.fingerprint.checkpoint,
            spaces=self._space_names,
            runtime=runtime,
            device=device,
            precision=precision,
            classify=classify,
        )
        self.store.check(encoder.fingerprint)
        return encoder
