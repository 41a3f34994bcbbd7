"""Mending a damaged collection: what can be rebuilt is, what is lost is to be read again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vitrail.indexer.building import Building, building
from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.forgetting import forget_segments, ids_around
from vitrail.indexer.collection import copy_checks
from vitrail.indexer.collection.derivation import drop
from vitrail.indexer.collection.findings import Finding, Report
from vitrail.indexer.collection.index_checks import check_index
from vitrail.indexer.collection.layout import LOCK, MARK, discard_begun, is_collection, mark_text
from vitrail.indexer.collection.losses import (
    Accept,
    Losses,
    ask,
    losses_of_images,
    losses_of_rebuilding,
)
from vitrail.indexer.collection.maintenance import is_lost, save_index
from vitrail.indexer.collection.probes import check_probes
from vitrail.indexer.collection.readiness import check_copies, check_segments_there
from vitrail.indexer.collection.rebuilding import adopt_catalog, rebuild_catalog
from vitrail.indexer.collection.segment_checks import check_segment, live_ids, usable_ids
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transform_checks import check_transform
from vitrail.indexer.collection.transforms import fitting
from vitrail.indexer.collection.verification import check_catalog, verify
from vitrail.indexer.errors import CollectionError, UnreadableError
from vitrail.indexer.files.durability import disk_guard, set_aside, write_text
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.files.reading import exists
from vitrail.indexer.segments import segment_file
from vitrail.indexer.vectors import indexes
from vitrail.indexer.wording import counted


@dataclass(slots=True)
class Repair:
    """What ``repair`` did.

    Attributes:
        actions: one line each, naming the file.
        reopen: paths whose images were lost with a damaged segment, as ``os.fsdecode`` gives them;
            the collection has forgotten them, so that indexing their folders embeds them again.
        report: ``verify`` afterwards.
    """

    actions: list[str] = field(default_factory=list)
    reopen: list[str] = field(default_factory=list)
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """Segments to give up, by name with what is wrong, and the ids of the images to forget.

    ``waiting`` are ids of hidden ones, which nothing brings back any more; ``behind`` those of all
    images that no whole segment holds.
    """

    broken: dict[str, str]
    ids: list[int]
    waiting: list[int]
    behind: list[int]
    losses: Losses


def repair(
    directory: str | os.PathLike[str],
    *,
    accept: Accept | None = None,
    segments_lost: bool = False,
) -> Repair:
    """Mend what ``verify`` finds; damaged files are renamed, never deleted (indexes are a cache).

    All is looked at before anything is changed. Indexes, and a catalog that copies and segments
    cover, are rebuilt without asking; what nothing can replace is given up only if accepted.

    Args:
        directory: the collection's.
        accept: asked whether the losses may be taken; without it they may not.
        segments_lost: the ``segments`` folder holds none of the listed segments because they are
            lost, and not because its disk is not mounted.

    Raises:
        UnreadableError: a file cannot be read now, which proves nothing; nothing was changed.
        CollectionError: there is no collection, it is of a newer format, nothing is left to rebuild
            it from, losses were not accepted, or the disk is full.
        CollectionLockedError: another process is writing.
    """
    directory = os.path.abspath(os.fspath(directory))
    if not is_collection(directory):
        raise CollectionError(
            f"there is no collection at {directory}; make one with `vitrail index FOLDER`"
        )
    done = Repair()
    with disk_guard(directory, 0):
        with WriterLock(os.path.join(directory, LOCK)):
            finding = check_catalog(directory)
            _refuse_unreadable([finding] if finding else [])
            if finding is not None:
                _replace_catalog(directory, finding.problem, accept, segments_lost, done)
            else:
                _give_up_segments(directory, accept, segments_lost, done)
        with CollectionStore.open(directory, writable=True) as collection:
            _drop_lost_spaces(collection, done)
            _mend_indexes(collection, done)
            _mend_copies(collection, done)
            _set_probes_aside(directory, done)
    done.report = verify(directory)
    return done


def _refuse_unreadable(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.kind == "unreadable":
            raise UnreadableError(finding.problem)


def _replace_catalog(
    directory: str, problem: str, accept: Accept | None, segments_lost: bool, done: Repair
) -> None:
    check_copies(directory)
    if not segments_lost:
        check_segments_there(directory)
    try:
        rebuilt = rebuild_catalog(directory)
        ask(losses_of_rebuilding(rebuilt), accept)
        done.actions.append(f"{catalogs.FILE}: {problem}")
        done.actions += adopt_catalog(directory, rebuilt)
    finally:
        discard_begun(directory)
    done.reopen += rebuilt.lost
    done.actions += rebuilt.notes
    done.actions.append(
        f"{catalogs.FILE}: rebuilt from {counted(rebuilt.segments, 'segment')} with "
        f"{counted(rebuilt.images, 'image')}"
    )


def _give_up_segments(
    directory: str, accept: Accept | None, segments_lost: bool, done: Repair
) -> None:
    """Set segments aside that nothing can replace, and forget their images, which are then new."""
    with CollectionStore.open(directory) as reader:
        plan = _plan(reader, segments_lost)
    ask(plan.losses, accept)
    if not plan.losses:
        return
    catalog = Catalog(os.path.join(directory, catalogs.FILE))
    catalog.catch_up()  # or the record of what only the journal has would give way to this one's
    with catalog.writing("repair") as transaction:
        forget_segments(
            transaction,
            list(plan.broken),
            live=plan.ids,
            waiting=plan.waiting,
            behind=plan.behind,
        )
    catalog.close()
    for name, problem in plan.broken.items():
        path = os.path.join(directory, segment_file.FOLDER, name)
        aside = f"; set aside as {os.path.basename(set_aside(path))}" if exists(path) else ""
        done.actions.append(f"{name}: {problem}{aside}")
    done.reopen += plan.losses.images
    done.actions.append(
        f"{catalogs.FILE}: forgot {counted(len(plan.ids), 'image')} that no segment holds as it "
        "should be"
    )


def _plan(reader: CollectionStore, segments_lost: bool) -> _Plan:
    """What has to go, all of it looked at.

    Raises:
        UnreadableError: something cannot be read now.
    """
    folder = os.path.join(reader.directory, segment_file.FOLDER)
    listed = reader.state.segments
    if listed and not segments_lost and not segment_file.found(folder):
        raise segment_file.away(folder)
    live, homes, held = live_ids(reader), np.empty(0, np.int64), np.empty(0, np.int64)
    broken: dict[str, str] = {}
    for segment in listed:
        finding = check_segment(folder, segment, reader.fingerprint)
        _refuse_unreadable([finding] if finding else [])
        if finding is not None:
            broken[segment.name] = finding.problem
        else:
            own, odd = usable_ids(folder, segment, reader.fingerprint)
            homes = np.union1d(homes, np.setdiff1d(own, odd))
            held = np.union1d(held, own)
    ids = np.setdiff1d(live, homes).tolist()
    with reader.reading() as connection:
        around, hidden = ids_around(connection, list(broken))
        waiting = np.setdiff1d(hidden, held).tolist()
        losses = losses_of_images(connection, ids, waiting, list(broken.items()))
    return _Plan(broken, ids, waiting, np.setdiff1d(around, held).tolist(), losses)


def _drop_lost_spaces(collection: CollectionStore, done: Repair) -> None:
    """Take out derived spaces whose transforms are lost; stored ones have all that they were of."""
    for space in collection.state.derived:
        finding = check_transform(collection.directory, space, collection.fingerprint)
        if finding is None:
            continue
        if finding.kind == "unreadable":
            done.actions.append(f"{finding.file}: left as it is: {finding.problem}")
            continue
        path = os.path.join(collection.directory, finding.file)
        aside = f"; set aside as {os.path.basename(set_aside(path))}" if exists(path) else ""
        again = fitting(space.name, collection.state.chosen_weights)  # which drop forgets
        drop(collection, space.name)
        done.actions.append(
            f"{finding.file}: {finding.problem}{aside}; dropped {space.name}: fit it again with "
            f"`{again}`"
        )


def _mend_indexes(collection: CollectionStore, done: Repair) -> None:
    with building() as made:
        for space in collection.spaces:
            _mend_index(collection, space, done, made)
    if made.unbuilt:
        collection.forget_changes()  # closing would begin to build once more


def _mend_index(collection: CollectionStore, space: str, done: Repair, made: Building) -> None:
    files = collection.index_files(space)
    findings = {
        generation: finding
        for generation in files.generations()
        if (finding := check_index(collection, files, generation)) is not None
    }
    for generation, finding in findings.items():
        if finding.kind == "unreadable":
            name = os.path.basename(files.path(generation))
            done.actions.append(f"{name}: left as it is: {finding.problem}")
    if not any(finding.kind == "unreadable" for finding in findings.values()):
        _rebuild_indexes(collection, space, findings, done, made)


def _rebuild_indexes(
    collection: CollectionStore,
    space: str,
    findings: dict[int, Finding],
    done: Repair,
    made: Building,
) -> None:
    files = collection.index_files(space)
    if not findings and (files.generations() or not len(collection)):
        return
    if is_lost(collection.indexes, space, collection.state):
        return  # told already: its transform cannot be read now
    collection.indexes.forget(space)
    files.remove(list(findings))
    built = save_index(collection.indexes, space, collection.readings, made)
    for generation, finding in findings.items():
        became = "rebuilt" if built else "deleted"
        name = os.path.basename(files.path(generation))
        done.actions.append(f"{name}: {finding.problem}; {became}")
    if built and not findings:
        done.actions.append(f"{indexes.FOLDER}/{space}: missing; built")


def _mend_copies(collection: CollectionStore, done: Repair) -> None:
    """Set damaged copies aside, and copy the catalog, which is whole, anew."""
    damaged = list(copy_checks.check_copies(collection))
    for finding in damaged:
        if finding.kind == "unreadable":
            done.actions.append(f"{finding.file}: left as it is: {finding.problem}")
            return
    for finding in damaged:
        path = os.path.join(collection.directory, finding.file)
        aside = f"; set aside as {os.path.basename(set_aside(path))}" if exists(path) else ""
        done.actions.append(f"{finding.file}: {finding.problem}{aside}; copied anew")
    if damaged:
        collection.copy_tables()
        mark = os.path.join(collection.directory, MARK)
        if not exists(mark):
            write_text(mark, mark_text(collection.fingerprint))


def _set_probes_aside(directory: str, done: Repair) -> None:
    """Damaged probes give way; whoever asks for one learns it anew from its labels."""
    for finding in check_probes(directory):
        if finding.kind == "unreadable":
            done.actions.append(f"{finding.file}: left as it is: {finding.problem}")
            continue
        aside = os.path.basename(set_aside(os.path.join(directory, finding.file)))
        done.actions.append(f"{finding.file}: {finding.problem}; set aside as {aside}")
