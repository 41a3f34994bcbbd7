"""Which of several copies is kept, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from vitrail.indexer.image_info import ImageInfo


class Rank(NamedTuple):
    """The place of an image among copies by what is known of it alone, the one to keep first.

    No two images have the same.

    Attributes:
        free: whether the user does not say that it is to be kept.
        pixels: how many, negative.
        lossy: whether its format may have changed them.
        bytes: of the file, negative.
        date: when it was taken, or else added.
        path: of its first file.
        id: in the collection.
    """

    free: bool
    pixels: int
    lossy: bool
    bytes: int
    date: str
    path: str
    id: int


def rank(image: ImageInfo, kept: Collection[str] = (), *, lossless: bool = False) -> Rank:
    """The place of an image among copies, the one to keep first.

    What the user keeps, then the most pixels, of as many those that no encoder has changed, the
    largest file, the earliest date, and the first path.

    Args:
        image: what is known of it.
        kept: content hashes of what the user keeps.
        lossless: whether its file keeps every pixel that it was given.
    """
    taken = image.taken_at or image.added_at
    return Rank(
        image.content_hash not in kept,
        -image.width * image.height,
        not lossless,
        -image.bytes,
        "~" if taken is None else str(taken),
        image.path or "~",
        image.id,
    )


def reason(keeper: ImageInfo, first: Rank, others: Iterable[Rank]) -> str:
    """Why an image is kept rather than some others, in a few words that are true of all of these.

    Args:
        keeper: the image.
        first: its rank.
        others: theirs.
    """
    compared = sorted(others)
    if not first.free:
        return "you keep it"
    if not compared:
        return "the first path"
    if compared[0] < first:  # nothing else goes before a better rank
        return "no frame around it"
    told = {
        "pixels": f"most pixels: {keeper.width} × {keeper.height}",
        "lossy": "not compressed with loss",
        "bytes": f"largest file: {keeper.bytes:,} bytes",
        "date": "oldest",
        "path": "the first path",
        "id": "indexed first",
    }
    decided = next(name for name in told if getattr(first, name) != getattr(compared[0], name))
    most = all(getattr(first, decided) <= getattr(one, decided) for one in compared)
    return told[decided] if most else f"{told[decided]}, of the best"


def places(ranks: Mapping[int, Rank], before: Iterable[tuple[int, int]] = ()) -> dict[int, int]:
    """The place of each image, the one to keep first: by rank, as far as no pair says otherwise.

    Args:
        ranks: image id -> its rank.
        before: (id, id) of images of which the one is to be kept rather than the other, whatever
            their ranks; but for what the user keeps.
    """
    later: dict[int, list[int]] = defaultdict(list)
    waits = dict.fromkeys(ranks, 0)
    for one, other in before:
        if ranks[one].free <= ranks[other].free:
            later[one].append(other)
            waits[other] += 1
    ready = [(ranks[one], one) for one, count in waits.items() if not count]
    heapify(ready)
    found: dict[int, int] = {}
    # In a circle each waits for another: the best that is left goes first once nothing is ready.
    for best in (None, *sorted(ranks, key=ranks.__getitem__)):
        if best is not None and best not in found:
            ready.append((ranks[best], best))
        while ready:
            one = heappop(ready)[1]
            found[one] = len(found)
            for other in later[one]:
                waits[other] -= 1
                if not waits[other] and other not in found:
                    heappush(ready, (ranks[other], other))
    return found
