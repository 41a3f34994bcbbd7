"""Files to learn from that need no labels: of a collection, or of folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitrail.indexer.errors import InputError
from vitrail.indexer.wording import counted
from vitrail.search.listing import ListOptions, list_images
from vitrail.service.operations.training_files import files_in
from vitrail.service.operations.training_images import LabelledFile

FEWEST = 20
"""Images below which nothing can be told."""


@dataclass(frozen=True, slots=True)
class UnlabelledSource:
    """Where images come from.

    Attributes:
        folders: of images; empty for the collection's.
        collection: its directory.
        where: SQL expression over the collection's columns; ``None`` for all.
        sample: images at most, drawn by the seed.
        seed: of the draw.

    Raises:
        InputError: too few images, or a filter of folders, which have no columns.
    """

    folders: tuple[str, ...] = ()
    collection: str | None = None
    where: str | None = None
    sample: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample < FEWEST:
            raise InputError(f"sample is {self.sample}, but {FEWEST} images at least are needed")
        if self.folders and self.where is not None:
            raise InputError(
                "folders were given beside a filter of a collection; leave the one or the other out"
            )
        if not self.folders and self.collection is None:
            raise InputError("nothing was given to learn from: name folders, or a collection")


def find_unlabelled(source: UnlabelledSource) -> list[LabelledFile]:
    """The files of a source, by path.

    Raises:
        InputError: a folder is missing, a filter cannot be used, or there are too few files.
        CollectionError: the collection is missing or damaged.
    """
    paths = _in_folders(source) if source.folders else _in_collection(source)
    check_enough(len(paths))
    return [LabelledFile(path, "") for path in paths]


def check_enough(count: int) -> None:
    """Refuse to learn from too few images.

    Raises:
        InputError: there are.
    """
    if count < FEWEST:
        raise InputError(
            f"{counted(count, 'image')} to learn from; give {FEWEST} at least, and thousands for a "
            "student that knows more than these"
        )


def _in_folders(source: UnlabelledSource) -> list[str]:
    ordered = sorted({path for folder in source.folders for path in files_in(folder)[1]})
    if len(ordered) <= source.sample:
        return ordered
    chosen = np.random.default_rng(source.seed).permutation(len(ordered))[: source.sample]
    return [ordered[place] for place in sorted(chosen.tolist())]


def _in_collection(source: UnlabelledSource) -> list[str]:
    from vitrail.indexer.collection.store import CollectionStore

    options = ListOptions(
        where=source.where, columns=("path",), sample=source.sample, seed=source.seed
    )
    with CollectionStore.open(Path(str(source.collection))) as store:
        listed = list_images(store.snapshot(), options)
        return sorted(image.path for image in listed if image.path is not None)
