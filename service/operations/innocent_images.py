"""Images that are known to copy nothing of what a generator was taught."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vitrail.indexer.errors import ImageRejectedError, InputError
from vitrail.indexer.images.files import read_file
from vitrail.indexer.images.opening import open_image
from vitrail.indexer.indexing.globs import PathFilter
from vitrail.indexer.indexing.scan import FoundFile, Walk
from vitrail.indexer.paths import at_home, display
from vitrail.service.operations.progress import AnalysisProgress, Progress

if TYPE_CHECKING:
    from PIL import Image

    from vitrail.indexer.cancellation import Cancellation

Item = TypeVar("Item")
_MOST = 1000


def some_of(items: Sequence[Item], most: int) -> list[Item]:
    """As many at most, from all over the sequence, in order."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items), most, endpoint=False).astype(int)]


def references_in(
    places: Sequence[str],
    taught: set[str],
    side: int,
    progress: Progress,
    cancellation: Cancellation,
) -> Iterator[Image.Image]:
    """Images of folders and files, cut as taught images are, a thousand at most.

    Args:
        places: paths; what is gone or broken is passed over.
        taught: sha256 (hex) of files that are taught, and no references.
        side: in pixels that they are cut to.
        progress: told how far it is.
        cancellation: looked at before each.

    Raises:
        CancelledError: somebody asked to stop.
    """
    from vitrail.generator.training.captioned import cut_square

    paths: dict[str, None] = {}
    for place in places:
        start = os.path.abspath(at_home(place))
        walk = Walk(start, PathFilter())
        paths |= dict.fromkeys(one.path for one in walk if isinstance(one, FoundFile))
    chosen = some_of(sorted(paths), _MOST)
    for done, path in enumerate(chosen):
        cancellation.check()
        progress(AnalysisProgress("looking at references", done, len(chosen)))
        try:
            file = read_file(path)
            if file.sha256 in taught:
                continue
            opened = open_image(file.data, target=side)
        except ImageRejectedError:
            continue
        yield cut_square(opened.image, side, (opened.width, opened.height)).pixels


def check_references(folders: Sequence[str]) -> None:
    """Refuse folders of references that are not there.

    Raises:
        InputError: one is not.
    """
    for folder in folders:
        if not os.path.isdir(os.path.abspath(at_home(folder))):
            raise InputError(f"{display(folder)!r} is no folder; name one that holds images")
