"""Other histories than the reader's, and journals that do not tell: read anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import pytest

from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.refreshing.changes import (
    BOTH,
    CHANGES,
    adding,
    annotate,
    change,
    check,
    replica,
)
from vitrail.indexer.catalog import replica as replicas
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import DamagedError


def _lose_journal(place: Path) -> None:
    shutil.rmtree(place / "journal")


def _flip_journal(place: Path) -> None:
    for path in (place / "journal").iterdir():
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)


def _lose_catalog(place: Path) -> None:
    (place / "catalog.duckdb").unlink()
    repair(place)


def _forbid_journal(place: Path) -> None:
    for path in (place / "journal").iterdir():
        path.rename(path.with_suffix(".kept"))
        path.mkdir()  # which no rights of root's let one read


def _pass_journal_by(place: Path) -> None:
    """A row that no record tells of: as if the journal had a fault."""
    with duckdb.connect(str(place / "catalog.duckdb")) as connection:
        connection.execute("DELETE FROM files WHERE path = '/pictures/7.jpg'")


@pytest.mark.parametrize(
    "harm", [_lose_journal, _flip_journal, _lose_catalog, _forbid_journal, _pass_journal_by]
)
def test_what_the_journal_does_not_tell_is_read_anew(
    place: Path, reader: CollectionStore, harm: Callable[[Path], None]
) -> None:
    held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
    change(place, CHANGES["add"])
    harm(place)
    assert reader.refresh()
    assert replica(reader) is not copy
    check(reader, place)
    assert not differences(all_answers(held), answered)


def test_columns_of_another_type_are_read_anew(place: Path, reader: CollectionStore) -> None:
    for cells, column in (({2: "many"}, "score"), ({2: "7"}, "score"), ({2: "1"}, "other")):
        held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
        change(place, partial(annotate, cells=cells, column=column))
        assert reader.refresh()
        assert replica(reader) is not copy
        check(reader, place)
        assert not differences(all_answers(held), answered)


@BOTH
def test_a_commit_that_only_the_journal_has_is_read_once(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (place / "catalog.duckdb").read_bytes()
    change(place, CHANGES["add"])
    (place / "catalog.duckdb").write_bytes(before)
    assert reader.refresh()
    assert len(reader) == 14
    check(reader, place)
    with monkeypatch.context() as patched:
        patched.setattr(Catalog, "copy", None)
        assert not reader.refresh()
    change(place, CHANGES["label"])  # by a writer that has done it again first
    assert reader.refresh()
    check(reader, place)


def test_a_catalog_of_before_is_refused_as_when_it_is_opened(
    place: Path, reader: CollectionStore
) -> None:
    before = (place / "catalog.duckdb").read_bytes()
    change(place, CHANGES["add"])
    change(place, CHANGES["label"])
    (place / "catalog.duckdb").write_bytes(before)
    answered = all_answers(reader)
    with pytest.raises(DamagedError, match="its journal goes on to commit"):
        reader.refresh()
    assert not differences(all_answers(reader), answered)


def test_an_older_history_of_the_same_numbers_is_told_apart(
    place: Path, reader: CollectionStore, tmp_path: Path
) -> None:
    """A collection that was copied back, and went on otherwise."""
    shutil.copytree(place, tmp_path / "kept")
    change(place, CHANGES["label"])
    reader.refresh()
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "kept", place)
    change(place, CHANGES["remove"])
    assert reader.refresh()
    check(reader, place)


def test_an_index_of_another_history_that_is_asked_for_late_leads_to_none_of_this(
    place: Path, tmp_path: Path
) -> None:
    shutil.copytree(place, tmp_path / "kept")
    change(place, CHANGES["remove"])
    with CollectionStore.open(place) as reader:
        held = reader.snapshot()  # whose index nobody has asked for yet
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "kept", place)
        change(place, CHANGES["label"])
        change(place, CHANGES["add"])
        assert reader.refresh()
        assert 5 not in held.index("cls@2").ids()
        check(reader, place)
        assert 5 in reader.index("cls@2").ids()


def test_most_changed_is_read_anew(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_FEW", 20)
    copies = set()
    for number in range(20, 28):
        change(place, adding(number))
        assert reader.refresh()
        copies.add(replica(reader))
    assert 2 <= len(copies) <= 4
    check(reader, place)
