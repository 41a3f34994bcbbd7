"""Whether segments, catalog, indexes and the files on disk agree."""

from __future__ import annotations

import os
from collections.abc import Iterator

from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.catalog import rules
from vitrail.indexer.collection.copy_checks import check_copies
from vitrail.indexer.collection.findings import Finding, Report, steadily
from vitrail.indexer.collection.index_checks import check_indexes
from vitrail.indexer.collection.layout import is_collection
from vitrail.indexer.collection.probes import check_probes
from vitrail.indexer.collection.segment_checks import check_segments
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transform_checks import check_transforms
from vitrail.indexer.errors import CollectionError, NewerFormatError, UnreadableError
from vitrail.indexer.files.reading import exists
from vitrail.indexer.images.files import modified_ns


def verify(directory: str | os.PathLike[str]) -> Report:
    """Compare segments, transforms, catalog, indexes, probes and files on disk; changes nothing.

    A writer may be at work meanwhile: what it replaces is looked at again.

    Raises:
        CollectionError: there is no collection, or it is of a newer format.
    """
    directory = os.path.abspath(os.fspath(directory))
    if not is_collection(directory):
        raise CollectionError(
            f"there is no collection at {directory}; make one with `vitrail index FOLDER`"
        )
    finding = check_catalog(directory)
    if finding is not None:
        return Report((finding,), 0, 0, 0)
    with CollectionStore.open(directory) as collection:
        findings = [
            *steadily(collection, lambda: list(_check_rules(collection))),
            *steadily(collection, lambda: list(check_segments(collection))),
            *steadily(collection, lambda: list(check_transforms(collection))),
            *steadily(collection, lambda: list(check_indexes(collection))),
            *steadily(collection, lambda: list(check_copies(collection))),
            *check_probes(directory),
        ]
        on_disk, count = _check_files(collection)
        state = collection.state
        return Report((*findings, *on_disk), state.images, len(state.segments), count)


def check_catalog(directory: str) -> Finding | None:
    """Read all of the catalog; ``None`` if it can be used.

    Whoever opens it refuses one that is older than its journal.

    Raises:
        NewerFormatError: it is of a newer format, which is no damage.
    """
    path = os.path.join(directory, catalogs.FILE)
    try:
        if not exists(path):
            return Finding("catalog", catalogs.FILE, "the catalog is missing", "missing")
        with CollectionStore.open(directory) as collection, collection.reading() as connection:
            rules.read_everything(connection)
    except NewerFormatError:
        raise
    except UnreadableError as error:
        return Finding("catalog", catalogs.FILE, str(error), "unreadable")
    except CollectionError as error:
        return Finding("catalog", catalogs.FILE, error.problem)
    return None


def _check_rules(collection: CollectionStore) -> Iterator[Finding]:
    with collection.reading() as connection:
        for rule, example, count in rules.broken_rules(connection):
            yield Finding("catalog", catalogs.FILE, f"{rule}: {example} ({count} in all)")


def _check_files(collection: CollectionStore) -> tuple[list[Finding], int]:
    """Files of live images that are gone or changed on disk since they were indexed."""
    with collection.reading() as connection:
        files = rules.present_files(connection)
    findings = []
    for path, size, mtime_ns in files:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            problem = "gone from disk; index again"
            findings.append(Finding("file", path, problem, "missing"))
            continue
        except OSError as error:
            problem = f"cannot be read now ({error.strerror})"
            findings.append(Finding("file", path, problem, "unreadable"))
            continue
        if (status.st_size, modified_ns(status)) != (size, mtime_ns):
            findings.append(Finding("file", path, "changed on disk; index again"))
    return findings, len(files)
