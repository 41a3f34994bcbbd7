"""What a repair would give up, told before anything is changed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.indexer.catalog.forgetting import annotated_paths, paths_of
from vitrail.indexer.collection.rebuilding import Rebuilt
from vitrail.indexer.errors import CollectionError
from vitrail.indexer.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Losses:
    """What nothing else in the collection can replace.

    Attributes:
        files: the collection's files that are given up: name and what is wrong with each.
        images: paths of the images that leave, as ``os.fsdecode`` gives them; indexing their
            folders embeds those again that are on disk.
        lost: those of them whose image is nowhere on disk any more.
        annotated: how many of the lost ones the user has annotated.
        waiting: paths of images whose files had left the disk, or were excluded, and which would
            have come back with them; they are embedded again then, under other ids.
        knowledge: what no segment holds and no copy is left of, one line each.
    """

    files: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    annotated: int = 0
    waiting: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.images or self.waiting or self.knowledge)

    def summary(self) -> str:
        """In one line."""
        told = [f"{name} ({problem})" for name, problem in self.files[:1]]
        if len(self.files) > 1:
            told.append(counted(len(self.files) - 1, "more file"))
        if self.images:
            images = counted(len(self.images), "image")
            told.append(f"{images}, {len(self.lost):,} of them not on disk any more")
        if self.waiting:
            told.append(f"what waits for {counted(len(self.waiting), 'file')} to come back")
        return "; ".join((*told, *self.knowledge))


Accept = Callable[[Losses], bool]
"""Asked whether the losses may be taken."""


def ask(losses: Losses, accept: Accept | None) -> None:
    """Go on only if nothing is lost, or all of it may be.

    Raises:
        CollectionError: it may not; nothing is changed.
    """
    if losses and (accept is None or not accept(losses)):
        raise CollectionError(
            f"nothing was changed: mending gives up {losses.summary()}; add --yes if that may go"
        )


def losses_of_images(
    connection: DuckDBPyConnection,
    ids: Sequence[int],
    waiting: Sequence[int],
    files: Sequence[tuple[str, str]],
) -> Losses:
    """What goes when images have to be forgotten.

    Args:
        connection: to the catalog.
        ids: of live images.
        waiting: of images that wait for their files.
        files: name and problem of the segments that are given up.
    """
    rows = annotated_paths(connection, ids)
    paths: dict[int, list[str]] = defaultdict(list)
    annotated = {image_id for image_id, _, known in rows if known}
    for image_id, path, _ in rows:
        paths[image_id].append(path)
    lost = {image_id for image_id, found in paths.items() if not any(map(os.path.exists, found))}
    return Losses(
        files=tuple(files),
        images=tuple(path for found in paths.values() for path in found),
        lost=tuple(path for image_id in paths if image_id in lost for path in paths[image_id]),
        annotated=len(lost & annotated),
        waiting=tuple(paths_of(connection, waiting)),
    )


def losses_of_rebuilding(rebuilt: Rebuilt) -> Losses:
    """What a rebuilt catalog does not have that the old one may have had."""
    lost = tuple(path for path in rebuilt.lost if not os.path.exists(path))
    return Losses(
        files=tuple(rebuilt.unusable.items()),
        images=tuple(rebuilt.lost),
        lost=lost,
        annotated=len(rebuilt.annotated.intersection(lost)),
        waiting=tuple(rebuilt.waiting),
        knowledge=tuple(rebuilt.knowledge),
    )
