"""What a run found in all its folders, and what there is to do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.images.opening import passing_reasons
from vitrail.indexer.indexing.comparison import Changes, compare, is_within, still_there
from vitrail.indexer.indexing.globs import Globs, extension, has_image_extension
from vitrail.indexer.indexing.losses import Loss, arrivals, find_loss
from vitrail.indexer.indexing.options import IndexOptions, relative_to
from vitrail.indexer.indexing.roots import RootPlan
from vitrail.indexer.indexing.scan import FoundFile, Unreadable, Walk
from vitrail.indexer.records import FileRecord, KnownFile

_ASKED = 64  # files that the catalog is asked for at once
_TOLD = 500  # files between two reports of a scan


@dataclass(slots=True)
class Survey:
    """One folder or file of a run, looked at.

    Attributes:
        plan: what was to be looked at.
        known: what the collection knows of it.
        changes: how that differs from what is there.
        mounts: folders that are disks of their own; see ``scan.Walk``.
        other_kinds: files that are no images; see ``scan.Walk``.
        again: unchanged files that are to be opened all the same.
    """

    plan: RootPlan
    known: dict[str, KnownFile]
    changes: Changes
    mounts: tuple[str, ...]
    other_kinds: Counter[str]
    again: list[FoundFile] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many files were considered."""
        changes = self.changes
        met = len(changes.unchanged) + len(changes.to_open) + len(changes.back)
        return met + len(changes.unreadable)

    def labels(self) -> dict[str, str | None]:
        """Path -> label of the unchanged files that have another one."""
        wanted = {}
        if self.plan.options.label_from is None:
            return {}
        for path in self.changes.unchanged:
            file = self.known[path]
            label = self.plan.options.label(path, file.label)
            if file.state == "live" and label != file.label:
                wanted[path] = label
        return wanted

    def returned(self) -> Iterator[FileRecord]:
        """The files that are back as they were, as records to commit."""
        for item in self.changes.back:
            file = self.known[item.path]
            assert file.content_hash is not None
            label = self.plan.options.label(item.path, file.label)
            yield FileRecord(item.path, item.size, item.mtime_ns, file.content_hash, label)


class _Count:
    """Tells how many files there are so far."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell, self._found = tell, 0
        tell(0)

    def each(self, found: Iterable[FoundFile | Unreadable]) -> Iterator[FoundFile | Unreadable]:
        """The same items, counted."""
        for item in found:
            yield item
            self._found += 1
            if self._found % _TOLD == 0:
                self._tell(self._found)


def look(
    plan: RootPlan, known: dict[str, KnownFile], count: _Count, within: Iterable[str] | None
) -> Survey:
    """Walk one folder or file and compare it with what is known; opens no image."""
    selection, former = plan.options.selection, Globs(plan.former.include or ())
    known = {
        path: file
        for path, file in known.items()
        if not (plan.apart and is_within(path, plan.apart))
    }
    walk = Walk(plan.path, selection, base=plan.base, apart=plan.apart, known=known, within=within)

    def leaves_out(path: str) -> bool:
        if path == plan.path:  # a file that was named itself
            return False
        relative = relative_to(path, plan.base)
        if selection.leaves_out(relative):
            return True
        odd = selection.by_extension and extension(path) and not has_image_extension(path)
        return bool(odd and former.match(relative))  # it came by an include that is no more

    # A folder that is away holds nothing; a dead link in its place hides what is known.
    changes = compare(count.each(walk) if os.path.lexists(plan.path) else (), known, leaves_out)
    there = still_there(changes.gone)
    changes.gone[:] = [path for path in changes.gone if path not in there]
    return Survey(plan, known, changes, tuple(walk.mounts), walk.other_kinds)


def look_around(
    collection: CollectionStore,
    plans: Sequence[RootPlan],
    on_count: Callable[[int], None],
    within: Sequence[str] | None = None,
) -> list[Survey]:
    """Look at all of a run's folders; a file that was met in one of them is left out.

    Args:
        collection: what is known.
        plans: the folders and files.
        on_count: called now and then with the number of files so far.
        within: folders out of which no link is followed; ``None`` to follow all.
    """
    count = _Count(on_count)
    known = _known_of_files(collection, [plan.path for plan in plans if is_file(plan)])
    surveys = []
    for plan in plans:
        if not is_file(plan):
            known[plan.path] = collection.known_files(plan.path, retried=passing_reasons())
        surveys.append(look(plan, known.get(plan.path, {}), count, within))
    wholes = [one for one in surveys if one.plan.whole]
    if len(wholes) in (0, len(surveys)):
        return surveys
    met = {path for one in wholes for path in one.changes.unchanged}
    met |= {item.path for one in wholes for item in (*one.changes.to_open, *one.changes.back)}
    return [one for one in surveys if one.plan.whole or one.plan.path not in met]


def is_file(plan: RootPlan) -> bool:
    """Whether it is a single file that was named."""
    return not plan.whole and os.path.isfile(plan.path)


def _known_of_files(
    collection: CollectionStore, named: Sequence[str]
) -> dict[str, dict[str, KnownFile]]:
    """Path of each file that was named -> what is known of it, and below it when it was a folder.

    Asked for some at a time: each question goes through all that is known.
    """
    known: dict[str, dict[str, KnownFile]] = {path: {} for path in named}
    for first in range(0, len(named), _ASKED):
        part = named[first : first + _ASKED]
        for path, file in collection.known_files(*part, retried=passing_reasons()).items():
            for owner in part:
                if path == owner or path.startswith(owner + os.sep):
                    known[owner][path] = file
    return known


def losses(surveys: Sequence[Survey], options: IndexOptions) -> dict[str, Loss]:
    """Folder -> what it lost, where that looks like a disk that is away."""
    arrived = arrivals(item for one in surveys for item in one.changes.to_open)
    found: dict[str, Loss] = {}
    for one in surveys:
        loss = find_loss(one.plan, one.changes, one.known, arrived)
        accepted = options.accept_removals or one.plan.options.keep_missing
        if loss is not None and (loss.absent or not accepted):
            found[one.plan.path] = loss
    return found


def removed_and_moved(surveys: Sequence[Survey]) -> frozenset[str]:
    """Contents of removed images whose files are gone: found elsewhere, they stay removed."""
    gone = {path for one in surveys for path in one.changes.gone}
    return frozenset(
        file.content_hash
        for one in surveys
        for path, file in one.known.items()
        if file.state == "removed" and file.content_hash and (file.missing or path in gone)
    )


def choose_again(
    surveys: Sequence[Survey],
    *,
    stale: frozenset[str],
    unclassified: frozenset[str],
    rehash: bool,
) -> None:
    """Pick the unchanged files to open all the same, one a content unless all are hashed anew.

    Args:
        surveys: filled in.
        stale: content hashes whose metadata is to be read again.
        unclassified: content hashes that lack the head's labels.
        rehash: whether to read every file.
    """
    chosen: set[str] = set()
    for one in surveys:
        wanted = stale | unclassified if one.plan.options.classify else stale
        for path in one.changes.unchanged if wanted or rehash else ():
            file = one.known[path]
            content = file.content_hash
            if not rehash and (file.state != "live" or content not in wanted or content in chosen):
                continue
            chosen.add(content or "")
            one.again.append(FoundFile(path, file.size, file.mtime_ns))
