"""Segment files that no commit lists any more: which stay for a while, and which go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

from vitrail.indexer.files.durability import TEMPORARY, sync_directory
from vitrail.indexer.files.reading import reading
from vitrail.indexer.segments.segment_file import SUFFIX, away, token_of

# How long a merged segment outlives the commit that replaced it, in seconds. A reader knows the
# list of its own commit, and a long export or verify goes through it file by file. Time rather than
# a lock that readers hold: locks are void on many network disks, and a service that reads for weeks
# would keep every file of those weeks. Whoever is slower begins again at the newer commit.
GRACE = 900.0


def sweep(
    folder: str,
    live: Iterable[str],
    replaced: Mapping[str, float],
    reserved: Mapping[str, float],
) -> list[str]:
    """Delete files of a ``segments`` folder that no commit lists and no reader should need.

    What is staged, or being staged, stays for as long as its reservation lasts: whoever stages may
    be at work on another machine, where neither its process nor a lock of it can be seen from here.

    Args:
        folder: the collection's.
        live: names of the listed segments.
        replaced: name -> when a merge replaced it, in seconds since 1970.
        reserved: token of a reservation -> until when it lasts, likewise.

    Returns:
        the names of the deleted files.

    Raises:
        UnreadableError: not one of the listed segments is there, as where a disk is not mounted.
    """
    with reading(folder):
        found = {
            entry.name
            for entry in os.scandir(folder)
            if entry.is_file(follow_symlinks=False) and entry.name.endswith((SUFFIX, TEMPORARY))
        }
    listed = set(live)
    if listed and not listed & found:
        raise away(folder)
    kept = listed | {name for name, when in replaced.items() if not is_over(when)}
    now = time.time()
    orphans = sorted(n for n in found - kept if reserved.get(token_of(n) or "", 0.0) < now)
    for name in orphans:
        os.unlink(os.path.join(folder, name))
    if orphans:
        sync_directory(folder)
    return orphans


def is_over(when: float) -> bool:
    """Whether the grace of a segment that was replaced then has ended; so has one of the future."""
    return not 0 <= time.time() - when < GRACE
