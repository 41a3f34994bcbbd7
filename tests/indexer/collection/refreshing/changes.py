"""What writers do to a collection that is followed, and what its reader then has to answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.holdings import content, file, files, image, images
from vitrail.indexer.catalog.replica import Replica
from vitrail.indexer.catalog.roots import put_root
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.readings import CatalogCopy
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, RejectRecord

Change = Callable[[CollectionStore], None]
LARGE = pytest.mark.parametrize("place", [True], indirect=True, ids=["large"])
BOTH = pytest.mark.parametrize("place", [False, True], indirect=True, ids=["small", "large"])


def annotate(writer: CollectionStore, cells: dict[int, str], column: str = "score") -> None:
    table = Path(writer.directory).with_name("own.csv")
    rows = [f"/pictures/{number}.jpg,{cell}" for number, cell in cells.items()]
    table.write_text("\n".join([f"path,{column}", *rows]) + "\n")
    writer.annotate(str(table))


def merge(writer: CollectionStore) -> None:
    folder = os.path.join(writer.directory, "segments")
    merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)


def remember(writer: CollectionStore) -> None:
    with writer.transaction("roots") as transaction:
        put_root(transaction, "/pictures", {"label": "folder"}, indexed=True)


def several(writer: CollectionStore) -> None:
    """Commits that change the same rows again, and new ones, with a merge between them."""
    writer.commit(Batch([image(20)], files([20])))
    writer.commit(Batch(labels={"/pictures/20.jpg": "a", "/pictures/1.jpg": "b"}))
    writer.commit(Batch([image(21)], [*files([21]), file("/pictures/1.jpg", 21)]))
    merge(writer)
    writer.commit(Batch(readings=[image(20, recipe={"prompt": "a fox"})]))
    writer.commit(Batch(predictions={content(20): (("owl", 0.5),)}))
    writer.remove([3, 4])
    writer.commit(Batch(gone=["/pictures/20.jpg"]))
    writer.commit(Batch([], files([20])))


def adding(*numbers: int) -> Change:
    return lambda writer: writer.commit(Batch(images(numbers), files(numbers)))


CHANGES: dict[str, Change] = {
    "add": adding(20, 21),
    "label": lambda writer: writer.commit(Batch(labels={"/pictures/5.jpg": "new"})),
    "reject": lambda writer: writer.commit(
        Batch(rejects=[RejectRecord("/pictures/5.jpg", 1, 2, "broken", "as if")])
    ),
    "one of two": lambda writer: writer.commit(Batch(gone=["/pictures/1b.jpg"])),
    "exclude": lambda writer: writer.commit(Batch(excluded=["/pictures/5.jpg"])),
    "remove": lambda writer: writer.remove([5, 7]),
    "annotate": lambda writer: annotate(writer, {2: "7", 4: "9"}),
    "merge": merge,
    "remember": remember,
    "several": several,
}


def change(place: Path, how: Change, *, tidies: bool = False) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        how(writer)
        if not tidies:
            writer.forget_changes()


def replica(reader: CollectionStore) -> Replica:
    readings = reader.readings
    assert isinstance(readings, CatalogCopy)
    return readings._replica


def check(reader: CollectionStore, place: Path) -> None:
    """It answers as one that is opened anew."""
    with CollectionStore.open(place) as anew:
        assert not differences(all_answers(reader), all_answers(anew))
