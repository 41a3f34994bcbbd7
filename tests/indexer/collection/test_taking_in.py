"""What a refresh takes in, and when it takes another copy instead."""

from __future__ import annotations

import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest

from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.holdings import FINGERPRINT, content, file, files, image, images
from vitrail.indexer.catalog import private_copy
from vitrail.indexer.catalog import replica as replicas
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.catalog.columns import flatten
from vitrail.indexer.catalog.metadata_cache import MetadataCache
from vitrail.indexer.catalog.replica import Replica
from vitrail.indexer.catalog.roots import put_root
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.readings import CatalogCopy
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CollectionError, DamagedError, FilterError
from vitrail.indexer.records import Batch, RejectRecord

Change = Callable[[CollectionStore], None]


LARGE = pytest.mark.parametrize("place", [True], indirect=True, ids=["large"])
BOTH = pytest.mark.parametrize("place", [False, True], indirect=True, ids=["small", "large"])


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection whose catalog readers copy into memory, or into a file."""
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        for numbers in (range(6), range(6, 12)):
            made.commit(Batch(images(numbers), files(numbers)))
        made.commit(Batch([], [file("/pictures/1b.jpg", 1, label="twice")]))
        annotate(made, {2: "5", 3: "1"})
    if getattr(request, "param", False):
        monkeypatch.setattr(private_copy, "IN_MEMORY", 0)
    return tmp_path / "c"


@pytest.fixture
def reader(place: Path) -> Iterator[CollectionStore]:
    with CollectionStore.open(place) as reader:
        reader.warm()
        yield reader


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


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_changed_is_taken_in(place: Path, reader: CollectionStore, name: str) -> None:
    held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
    change(place, CHANGES[name])
    assert reader.refresh()
    assert replica(reader) is copy, "no other copy was made"
    check(reader, place)
    assert not differences(all_answers(held), answered)
    assert not reader.refresh()


@LARGE
def test_what_has_changed_in_a_large_catalog_is_taken_in(
    place: Path, reader: CollectionStore
) -> None:
    copy, kept = replica(reader), []
    for name in ("annotate", "several", "exclude"):
        kept.append((reader.snapshot(), all_answers(reader)))
        change(place, CHANGES[name])
        assert reader.refresh()
        assert replica(reader) is copy
        check(reader, place)
    for held, answered in kept:
        assert not differences(all_answers(held), answered)


def test_a_record_in_another_file_of_the_journal_is_taken_in(
    place: Path, reader: CollectionStore
) -> None:
    copy = replica(reader)
    for number in (20, 21, 22):
        change(place, adding(number))
        assert reader.refresh()
        change(place, CollectionStore.copy_tables)
        assert not reader.refresh()
    change(place, adding(23))
    assert len(os.listdir(place / "journal")) > 1
    assert reader.refresh()
    assert replica(reader) is copy
    check(reader, place)


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


@BOTH
def test_many_images_between_others_are_taken_in(place: Path, reader: CollectionStore) -> None:
    numbers = range(20, 220)

    def interleaved(writer: CollectionStore) -> None:
        staged = [writer.stage(writer.reserve(1), [image(n)], files([n])) for n in numbers]
        writer.adopt(staged[::2])
        writer.commit(Batch(labels={"/pictures/5.jpg": "new"}))

    copy = replica(reader)
    change(place, interleaved)
    assert reader.refresh()
    assert replica(reader) is copy
    assert len(reader) == 112
    check(reader, place)


def test_what_was_taken_in_when_ctrl_c_came_is_not_taken_in_twice(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, held, answered = Replica._take, reader.snapshot(), all_answers(reader)

    def interrupted(*given: object) -> None:
        take(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt  # as it is raised once DuckDB's COMMIT has returned

    change(
        place, lambda writer: writer.commit(Batch(rejects=[RejectRecord("/new", 1, 2, "x", "")]))
    )
    with monkeypatch.context() as patched:
        patched.setattr(Replica, "_take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.refresh()
    assert not differences(all_answers(reader), answered)
    assert reader.refresh()
    check(reader, place)
    change(place, CHANGES["add"])
    assert reader.refresh()
    check(reader, place)
    assert not differences(all_answers(held), answered)


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


@BOTH
def test_an_error_on_the_way_leaves_all_as_it_was(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, answered, copy = reader.snapshot(), all_answers(reader), replica(reader)
    change(place, CHANGES["several"])

    def refused(*_: object) -> None:
        raise duckdb.OutOfMemoryException("as if")

    with monkeypatch.context() as patched:
        patched.setattr("vitrail.indexer.catalog.span_changes.SpanChanges.check", refused)
        assert reader.refresh()
    assert replica(reader) is not copy
    check(reader, place)
    assert not differences(all_answers(held), answered)


@BOTH
def test_a_flat_table_that_cannot_be_brought_forward_is_made_anew(
    place: Path, reader: CollectionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, answered = reader.snapshot(), all_answers(reader)

    def refused(*_: object) -> None:
        raise duckdb.OutOfMemoryException("as if")

    change(place, CHANGES["several"])
    copy = replica(reader)
    with monkeypatch.context() as patched:
        patched.setattr(replicas, "flatten_again", refused)
        assert reader.refresh()
    assert replica(reader) is copy
    check(reader, place)
    change(place, CHANGES["label"])
    assert reader.refresh()
    check(reader, place)
    assert not differences(all_answers(held), answered)


def test_a_row_of_another_commit_is_no_error_of_a_filter(
    place: Path, reader: CollectionStore
) -> None:
    change(place, lambda writer: annotate(writer, {4: "many", 5: "9"}, "note"))
    reader.refresh()
    reader.warm()
    wrong = reader.snapshot()
    with pytest.raises(FilterError):
        wrong.allowed_ids("note::INTEGER > 3")
    change(place, lambda writer: annotate(writer, {4: "none", 6: "x"}, "note"))
    copy = reader.refresh() and replica(reader)
    change(place, lambda writer: writer.remove([5, 7]))  # /pictures/4.jpg and 6.jpg
    assert reader.refresh()
    assert replica(reader) is copy
    assert reader.allowed_ids("note::INTEGER > 3").tolist() == [6]
    with pytest.raises(FilterError):
        wrong.allowed_ids("note::INTEGER > 3")
    check(reader, place)


@BOTH
def test_what_nobody_reads_any_more_goes(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with CollectionStore.open(place) as reader:
        reader.warm()
        copy = replica(reader)
        for number in range(20, 26):
            change(place, adding(number))
            assert reader.refresh()
        assert replica(reader) is copy
        with reader.reading() as connection:
            names = connection.execute(
                "SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'c%'"
            ).fetchall()
        assert len(names) <= 2, "of the newest commit, and of the one before until the next"
        gone = weakref.ref(copy)
        assert not list((tmp_path / "temporary").iterdir())
        del copy
    assert gone() is None, "without waiting for the garbage collector"


def test_a_flat_table_that_was_begun_before_a_refresh_is_of_its_commit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes long for a million images; nobody waits for it, and it is shared afterwards."""
    paused, go_on = threading.Event(), threading.Event()

    def slowly(*given: object) -> None:
        flatten(*given)  # type: ignore[arg-type]
        if threading.current_thread() is thread:
            paused.set()
            assert go_on.wait(60)

    monkeypatch.setattr(replicas, "flatten", slowly)
    with CollectionStore.open(place) as reader:
        held = reader.snapshot()
        thread = threading.Thread(target=held.readings.flatten)
        thread.start()
        assert paused.wait(60)
        with CollectionStore.open(place) as anew:
            answered = all_answers(anew)
        for name in ("several", "label"):
            change(place, CHANGES[name])
            assert reader.refresh()
        go_on.set()
        thread.join()
        with monkeypatch.context() as patched:
            patched.setattr(replicas, "flatten", None)
            reader.snapshot().readings.flatten()
        check(reader, place)
        change(place, CHANGES["annotate"])
        assert reader.refresh()
        check(reader, place)
        assert not differences(all_answers(held), answered)


def test_metadata_that_is_brought_forward_shares_what_is_the_same(
    place: Path, reader: CollectionStore
) -> None:
    first = reader.readings.metadata_cache()
    assert isinstance(first, MetadataCache)
    sizes = []
    for number in range(20, 36):
        change(place, adding(number))
        assert reader.refresh()
        cache = reader.readings.metadata_cache()
        assert isinstance(cache, MetadataCache)
        sizes.append(len(cache._layers))
        assert set(cache.find("images", range(1, 99))) == set(range(1, len(reader) + 1))
    assert max(sizes) <= 4
    assert set(first.find("images", range(1, 99))) == set(range(1, 13))


def test_a_reader_that_is_closed_is_not_refreshed(place: Path) -> None:
    reader = CollectionStore.open(place)
    held = reader.snapshot()
    reader.close()
    with pytest.raises(CollectionError, match="is closed; open it again"):
        reader.refresh()
    with pytest.raises(CollectionError, match="is closed; open it again"):
        reader.snapshot()
    assert len(held.allowed_ids("true")) == 12, "what is held goes on"
