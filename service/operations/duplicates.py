"""Duplicates of a collection: copies by evidence, look-alikes by how rare their likeness is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrail.service.operations.duplicate_groups import DuplicateGroup
from vitrail.service.operations.duplicate_search import DuplicateSearch
from vitrail.service.operations.gathering import space_of
from vitrail.service.operations.progress import Progress, nobody

if TYPE_CHECKING:
    from vitrail.indexer.cancellation import Cancellation
    from vitrail.indexer.image_info import ImageInfo
    from vitrail.service.operations.searchable import Searchable


@dataclass(frozen=True, slots=True)
class DuplicateOptions:
    """What is looked for.

    Attributes:
        where: a filter; just the images that pass it are compared, with one another.
        since: a filter too; just the groups with an image that passes it, which is compared with
            all: one search for each of these.
        look_alikes: also tell images that look alike and are no copies, as vectors show.
        space: that is compared; ``None`` is the one that searches weigh most.
    """

    where: str | None = None
    since: str | None = None
    look_alikes: bool = False
    space: str | None = None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found.

    Attributes:
        groups: of copies, by their keepers' paths.
        look_alikes: groups of images that look alike and are no copies; none where not asked for.
        images: that were asked about.
        compared: pairs whose pixels were compared.
        unread: images that could not be, since no file of theirs is as it was indexed.
        recall: the share of the true nearest neighbours that were met, as measured.
        space: that was compared.
    """

    groups: tuple[DuplicateGroup, ...]
    look_alikes: tuple[DuplicateGroup, ...]
    images: int
    compared: int
    unread: tuple[ImageInfo, ...]
    recall: float
    space: str


def find_duplicates(
    collection: Searchable,
    options: DuplicateOptions | None = None,
    *,
    progress: Progress = nobody,
    cancellation: Cancellation | None = None,
) -> Duplicates:
    """Find copies, and perhaps look-alikes, and choose which of each group to keep.

    Vectors tell which images are worth comparing; pixels decide. Decisions are honoured. Memory
    holds at most some 150 MB of images' looks, and some 16 KB for each image that is like others.

    Args:
        collection: open.
        options: what is looked for; ``None`` is all copies.
        progress: told how many images are met, and how many pairs compared.
        cancellation: looked at between pairs.

    Raises:
        InputError: a filter or the space cannot be used.
        CollectionError: vectors are damaged or cannot be read now.
        CancelledError: somebody asked to stop.
    """
    chosen = options or DuplicateOptions()
    space = space_of(collection.store.snapshot(), chosen.space)
    snapshot = collection.store.snapshot(space)
    search = DuplicateSearch(snapshot, chosen.where, chosen.since, progress, cancellation)
    found = search.candidates(space)
    copies = search.copies(found)
    alike: list[DuplicateGroup] = []
    if chosen.look_alikes:
        calibration = collection.calibrations.of(snapshot, (space,))
        least = 1.0 if calibration is None else calibration.scale({space: 1.0}).look_alike
        alike = search.look_alikes(found, least, copies)
    if cancellation is not None:
        cancellation.check()
    return Duplicates(
        groups=tuple(sorted(copies, key=lambda one: (one.keeper.path or "", one.keeper.id))),
        look_alikes=tuple(sorted(alike, key=lambda one: (one.keeper.path or "", one.keeper.id))),
        images=len(snapshot) if search.asked is None else len(search.asked),
        compared=search.compared,
        unread=tuple(snapshot.metadata(sorted(search.looks.unread))),
        recall=found.recall,
        space=space,
    )
