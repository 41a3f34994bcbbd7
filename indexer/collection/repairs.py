"""Mending a damaged collection: what can be rebuilt is, what is lost is to be read again."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from indexer.catalog import catalog as catalogs
from indexer.catalog.changes import delete_images
from indexer.catalog.transaction import Transaction
from indexer.collection.collection import Collection
from indexer.collection.layout import LOCK, is_collection
from indexer.collection.rebuilding import rebuild_catalog
from indexer.collection.verification import (
    Report,
    catalog_problem,
    check_segments,
    index_problem,
    segment_problem,
    verify,
)
from indexer.errors import CollectionError
from indexer.paths import original
from indexer.store import segments
from indexer.store.durability import set_aside
from indexer.store.lock import WriterLock
from indexer.store.segments import Segment
from indexer.vectors import indexes


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


def repair(directory: str | os.PathLike[str]) -> Repair:
    """Mend what ``verify`` finds; damaged files are renamed, never deleted (indexes are a cache).

    Raises:
        CollectionError: there is no collection, it is of a newer format, or nothing is left to
            rebuild it from.
        CollectionLockedError: another process is writing.
    """
    directory = os.path.abspath(os.fspath(directory))
    if not is_collection(directory):
        raise CollectionError(f"there is no collection at {directory}; make one with vitrail index")
    done = Repair()
    with WriterLock(os.path.join(directory, LOCK)):
        problem = catalog_problem(directory)
        if problem is not None:
            _rebuild(directory, problem, done)
    with Collection.open(directory, writable=True) as collection:
        _drop_damaged_segments(collection, done)
        _mend_catalog(collection, done)
        _mend_indexes(collection, done)
    done.report = verify(directory)
    return done


def _rebuild(directory: str, problem: str, done: Repair) -> None:
    for name in (catalogs.FILE, catalogs.FILE + ".wal"):
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            aside = os.path.basename(set_aside(path))
            done.actions.append(f"{name}: {problem}; set aside as {aside}")
    rebuilt = rebuild_catalog(directory)
    done.reopen += rebuilt.lost
    done.actions += rebuilt.notes
    done.actions.append(
        f"{catalogs.FILE}: rebuilt from {rebuilt.segments} segments with {rebuilt.images} images"
    )


def _drop_damaged_segments(collection: Collection, done: Repair) -> None:
    """Set damaged segments aside and forget their images, whose files are then new again."""
    folder = os.path.join(collection.directory, segments.FOLDER)
    for segment in collection.state.segments:
        problem = segment_problem(folder, segment, collection)
        if problem is None:
            continue
        with collection.transaction("repair") as transaction:
            lost = _forget(transaction, segment)
        path = os.path.join(folder, segment.name)
        where = ""
        if os.path.lexists(path):
            where = f"; set aside as {os.path.basename(set_aside(path))}"
        done.reopen += lost
        done.actions.append(
            f"{segment.name}: {problem}{where}; {len(lost)} files will be embedded again"
        )


def _forget(transaction: Transaction, segment: Segment) -> list[str]:
    inside = [segment.min_id, segment.max_id]
    files = transaction.rows(
        "SELECT path, path_raw FROM files f ANTI JOIN deletions d ON d.image_id = f.image_id "
        "WHERE f.image_id BETWEEN ? AND ? ORDER BY path",
        inside,
    )
    live = transaction.rows(
        "SELECT id FROM images ANTI JOIN deletions ON image_id = id WHERE id BETWEEN ? AND ?",
        inside,
    )
    transaction.run(
        "DELETE FROM files WHERE image_id BETWEEN ? AND ? "
        "AND image_id NOT IN (SELECT image_id FROM deletions)",
        inside,
    )
    delete_images(transaction, [row[0] for row in live], "damaged segment")
    for table, key in (("images", "id"), ("predictions", "image_id")):
        transaction.run(f"DELETE FROM {table} WHERE {key} BETWEEN ? AND ?", inside)
    transaction.run("DELETE FROM segments WHERE name = ?", [segment.name])
    return [original(text, data) for text, data in files]


def _mend_catalog(collection: Collection, done: Repair) -> None:
    """Drop live images that no segment holds, which only a lost catalog page can explain."""
    if not any(finding.part == "catalog" for finding in check_segments(collection)):
        return
    with collection.transaction("repair") as transaction:
        rows = transaction.rows(
            "SELECT id FROM images i ANTI JOIN deletions d ON d.image_id = i.id "
            "ANTI JOIN segments s ON i.id BETWEEN s.min_id AND s.max_id"
        )
        ids = [row[0] for row in rows]
        files = transaction.rows(
            "SELECT path, path_raw FROM files WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [ids]
        )
        transaction.run("DELETE FROM files WHERE image_id IN (SELECT unnest(?::BIGINT[]))", [ids])
        delete_images(transaction, ids, "in no segment")
    done.reopen += [original(text, data) for text, data in files]
    done.actions.append(f"{catalogs.FILE}: forgot {len(ids)} images that no segment holds")


def _mend_indexes(collection: Collection, done: Repair) -> None:
    for space in collection.spaces:
        files = collection.indexes.files(space)
        generations = files.generations()
        problems = {
            generation: problem
            for generation in generations
            if (problem := index_problem(collection, files, generation)) is not None
        }
        if not problems and (generations or not len(collection)):
            continue
        collection.indexes.forget(space)
        files.remove(list(problems))
        files.save(collection.indexes.get(space))
        for generation, problem in problems.items():
            name = os.path.basename(files.path(generation))
            done.actions.append(f"{name}: {problem.split('; ')[0]}; rebuilt")
        if not problems:
            done.actions.append(f"{indexes.FOLDER}/{space}: missing; built")
