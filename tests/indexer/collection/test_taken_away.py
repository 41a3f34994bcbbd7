"""The disk that holds a collection is taken away while it is open, and comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import UnreadableError
from vitrail.indexer.records import Batch

WRITES: dict[str, Callable[[CollectionStore], object]] = {
    "commit": lambda writer: writer.commit(Batch(images([5]), files([5]))),
    "remove": lambda writer: writer.remove([1]),
    "reserve": lambda writer: writer.reserve(3),
    "maintain": lambda writer: writer.maintain(),
}


@pytest.mark.parametrize("point", ["nothing", "an empty folder"])
@pytest.mark.parametrize("write", WRITES)
def test_a_writer_and_a_reader_are_told_so_and_nothing_is_damaged(
    tmp_path: Path, write: str, point: str
) -> None:
    place, away = tmp_path / "c", tmp_path / "away"
    writer = CollectionStore.create(place, FINGERPRINT)
    writer.commit(Batch(images(range(3)), files(range(3))))
    reader = CollectionStore.open(place)
    snapshot = reader.snapshot("cls@2")
    place.rename(away)
    if point != "nothing":
        place.mkdir()
    told = r"c is not there any more.* no sign of damage"
    with pytest.raises(UnreadableError, match=told):
        WRITES[write](writer)
    with pytest.raises(UnreadableError, match=told):
        reader.refresh()
    assert len(snapshot.index("cls@2")) == 3, "what is loaded goes on"
    writer.close()
    assert not place.exists() or not [*place.iterdir()], "nothing is left where the disk was"
    shutil.rmtree(place, ignore_errors=True)
    away.rename(place)
    assert not reader.refresh()
    assert not verify(place).damage
    with CollectionStore.open(place, writable=True) as again:
        WRITES[write](again)
