"""The catalog from its copies, after each way of writing, table by table."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import (
    FINGERPRINT,
    content,
    file,
    files,
    image,
    images,
    vector,
)
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.catalog import table_copies
from vitrail.indexer.catalog.roots import put_root
from vitrail.indexer.collection import maintenance
from vitrail.indexer.collection.maintenance import copy_tables, merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import set_grace, take_out, tidy
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, InputError, UnreadableError
from vitrail.indexer.records import Batch, RejectRecord

GOLDEN = Path(__file__).parent.parent.parent / "golden"


def _index(writer: CollectionStore, folder: Path) -> None:
    made = image(
        3,
        recipe={"prompt": 'a "red" apple\n', "seed": (1 << 63) + 1, "steps": 20, "guidance": 7.5},
        predictions=(("apple", 0.1), ("pear", 1 / 3)),
    )
    odd = [file("/pictures/\udcff.jpg", 1, label="a b"), file("/backup/1.jpg", 1, label="é")]
    rejects = [
        RejectRecord("/bad\udcfe", 1, 2, "truncated", "short"),
        RejectRecord("/b", 1, 2, "x", ""),
    ]
    writer.commit(Batch([*images(range(3)), made], [*files(range(4)), *odd], rejects))


def _more(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(images(range(4, 8)), files(range(4, 8))))


def _change_move_and_lose(writer: CollectionStore, folder: Path) -> None:
    moved, changed = file("/moved.jpg", 2), file("/pictures/0.jpg", 9, label="new")
    rejects = [RejectRecord("/pictures/3.jpg", 5, 6, "truncated", "")]
    gone = ["/pictures/2.jpg", "/bad\udcfe", "/nothing"]
    writer.commit(Batch([image(9)], [moved, changed], rejects, gone))


def _miss(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(missing=["/backup/1.jpg", "/pictures/\udcff.jpg"]))


def _exclude(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(excluded=["/pictures/6.jpg", "/nothing"]))


def _revive(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(files=[file("/again.jpg", 6)]))


def _learn(writer: CollectionStore, folder: Path) -> None:
    told = replace(
        image(4, recipe={"prompt": "a pear", "seed": 3, "tool": "ComfyUI"}),
        taken_at=datetime(2024, 2, 29, 1, 2, 3),
        latitude=1.5,
        rating=-1,
        keywords=("a, b", "é"),
        read_version=1,
        vectors={},
    )
    ranked: tuple[tuple[str, float], ...] = (("pear", 0.5), ("plum", 0.25))
    predictions = {content(n): ranked for n in (4, 7)}
    labels = {"/pictures/1.jpg": "other", "/pictures/\udcff.jpg": None}
    writer.commit(Batch(readings=[told], predictions=predictions, labels=labels))


def _know_roots(writer: CollectionStore, folder: Path) -> None:
    with writer.transaction("roots") as transaction:
        put_root(transaction, "/pictures\udcff", {"label": "parent"}, indexed=True)
        put_root(transaction, "/other", {}, indexed=False)
    with writer.transaction("roots") as transaction:
        put_root(transaction, "/other", {"max_pixels": 5}, indexed=True)
    take_out(writer, ["/pictures/\udcff.jpg"], roots=["/pictures\udcff"])
    set_grace(writer, 3)


def _take_out(writer: CollectionStore, folder: Path) -> None:
    take_out(writer, ["/pictures/7.jpg", "/pictures/1.jpg"])


def _tidy(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(gone=["/again.jpg"]))
    set_grace(writer, 0)
    tidy(writer)


def _tidy_now(writer: CollectionStore, folder: Path) -> None:
    tidy(writer, now=True)


def _come_back(writer: CollectionStore, folder: Path) -> None:
    writer.commit(Batch(images([0]), [file("/pictures/0.jpg", 0)]))


def _remove(writer: CollectionStore, folder: Path) -> None:
    writer.remove([writer.resolve("/pictures/5.jpg")])


def _annotate(writer: CollectionStore, folder: Path) -> None:
    table = folder / "own.csv"
    table.write_text('path,stars,note,day\n4.jpg,5,"a,""b""",2024-02-29\n6.jpg,,"",\n')
    writer.annotate(str(table))


def _annotate_in_another_type(writer: CollectionStore, folder: Path) -> None:
    table = folder / "more.csv"
    table.write_text("path,Stars,weight\n6.jpg,many,1.1\n7.jpg,3,1e300\n")
    writer.annotate(str(table))


def _fail(writer: CollectionStore, folder: Path) -> None:
    with pytest.raises(InputError):
        writer.remove([1, 999])
    with pytest.raises(InputError):
        writer.annotate(str(folder / "missing.csv"))


def _merge(writer: CollectionStore, folder: Path) -> None:
    group = writer.state.segments
    where = os.path.join(writer.directory, "segments")
    merge_segments(writer._catalog, where, writer.fingerprint, group)
    writer.refresh()


def _import(writer: CollectionStore, folder: Path) -> None:
    source = folder / "source"
    if not source.exists():
        with CollectionStore.create(source, FINGERPRINT) as other:
            other.commit(Batch(images(range(20, 23)), files(range(20, 23))))
            (folder / "own.csv").write_text("path,stars\n21.jpg,4\n")
            other.annotate(str(folder / "own.csv"))
            export(other, folder / "all.parquet")
    import_into(writer, folder / "all.parquet")


def _copy_tables(writer: CollectionStore, folder: Path) -> None:
    copy_tables(writer._catalog, writer.directory, writer.state.seq)


def _maintain(writer: CollectionStore, folder: Path) -> None:
    writer.maintain()


_STEPS: list[Callable[[CollectionStore, Path], None]] = [
    _index,
    _more,
    _change_move_and_lose,
    _annotate,
    _miss,
    _fail,
    _annotate_in_another_type,
    _remove,
    _exclude,
    _learn,
    _know_roots,
    _copy_tables,
    _revive,
    _learn,
    _come_back,
    _import,
    _merge,
    _more,
    _exclude,
    _learn,
    _take_out,
    _maintain,
    _revive,
    _tidy,
    _tidy_now,
    _more,
]


@pytest.mark.parametrize(
    ("copies_too", "every"),
    [(True, 1), (False, 6), pytest.param(False, 1, marks=pytest.mark.slow)],
)
def test_the_copies_give_every_table_back_after_every_step(
    tmp_path: Path, copies_too: bool, every: int
) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        for number, step in enumerate(_STEPS):
            if step is _copy_tables and not copies_too:
                continue
            step(writer, tmp_path)
            if number % every == 0:
                assert as_rebuilt(place) == as_it_is(place), step.__name__
    assert as_rebuilt(place) == as_it_is(place)


def test_so_they_do_from_the_older_copies(tmp_path: Path) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        for step in (
            _index,
            _copy_tables,
            _more,
            _annotate,
            _copy_tables,
            _remove,
            _copy_tables,
            _import,
        ):
            step(writer, tmp_path)
        seq = table_copies.newest_seq(str(place / "snapshots"))
        kept = sorted(int(path.name) for path in (place / "snapshots").iterdir())
        assert len(kept) == 2
        manifest = place / "snapshots" / f"{seq:016d}" / "manifest.json"
        manifest.write_text("{")
        assert as_rebuilt(place) == as_it_is(place)


def test_a_growing_journal_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FOLD_BYTES", 2000)
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        for first in range(0, 60, 3):
            numbers = range(first, first + 3)
            writer.commit(Batch(images(numbers), files(numbers)))
            if first % 4 == 0:
                assert as_rebuilt(place) == as_it_is(place)
        names = sorted(int(path.stem) for path in (place / "journal").iterdir())
        kept = sorted(int(path.name) for path in (place / "snapshots").iterdir())
        assert len(kept) == 2
        assert names == kept  # older ones went


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_collection_from_before_the_journal_gets_its_copies_first(
    tmp_path: Path, version: int
) -> None:
    place = tmp_path / "c"
    shutil.copytree(GOLDEN / f"collection-v{version}", place)
    with CollectionStore.open(place, writable=True):
        rebuilt, known = as_rebuilt(place), as_it_is(place)
    if version < 3:
        del rebuilt["commits"], known["commits"]  # copies of then have no log of them
    assert rebuilt == known


def test_a_commit_that_failed_is_never_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        _index(writer, tmp_path)
        # The record is on the disk when the catalog's own commit fails, and cannot be taken back.
        attached = writer._catalog._running()
        real = attached.execute

        class Failing:
            def __getattr__(self, name: str) -> object:
                return getattr(attached, name)

            def execute(self, sql: str, *rest: object) -> object:
                if sql == "COMMIT":
                    raise OSError(5, "Input/output error")
                result = real(sql, *rest)
                return self if result is attached else result

        monkeypatch.setattr(writer._catalog, "_engine", Failing())
        with pytest.raises(UnreadableError, match="Input/output"):
            writer.remove([1])
        assert len(writer) == 4
        (tmp_path / "own.csv").write_text("path,stars\n1.jpg,4\n")
        writer.annotate(str(tmp_path / "own.csv"))  # takes the same number
        assert as_rebuilt(place) == as_it_is(place)
    os.unlink(place / "catalog.duckdb")
    repair(place)
    with CollectionStore.open(place) as reader:
        assert len(reader) == 4
        assert len(reader.allowed_ids("stars = 4")) == 1


def test_an_older_catalog_put_in_place_is_told_and_repaired(tmp_path: Path) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        _index(writer, tmp_path)
    shutil.copy(place / "catalog.duckdb", tmp_path / "older")
    with CollectionStore.open(place, writable=True) as writer:
        _more(writer, tmp_path)
        _annotate(writer, tmp_path)
    expected = as_it_is(place)
    shutil.copy(tmp_path / "older", place / "catalog.duckdb")
    with (
        pytest.raises(CollectionError, match="verify --repair"),
        CollectionStore.open(place, writable=True) as writer,
    ):
        _more(writer, tmp_path)
    repair(place)
    assert as_it_is(place) == expected


def test_what_was_read_again_keeps_what_the_head_says_of_it(tmp_path: Path) -> None:
    """Of an image that only a changed row tells of, the segment alone has the predictions."""
    place = tmp_path / "collection"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch([image(1, predictions=(("owl", 0.5),)), image(2)], files([1, 2])))
        writer.commit(Batch(readings=[replace(image(1), camera="A camera")]))
        writer.forget_changes()
    assert as_rebuilt(place) == as_it_is(place)


def test_an_index_of_commits_that_were_taken_back_answers_nothing(tmp_path: Path) -> None:
    """All but the index was put back as it was, and went on: ids are others' now."""
    place, kept = tmp_path / "c", tmp_path / "kept"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        writer.forget_changes()
    shutil.copytree(place, kept)
    with CollectionStore.open(place, writable=True) as writer:
        for numbers in ((10, 11), (12,)):
            writer.commit(Batch(images(numbers), files(numbers)))
        for space in writer.spaces:
            maintenance.save_index(writer.indexes, space, writer.readings)
        writer.forget_changes()
    for name in ("catalog.duckdb", "journal", "segments"):
        if (place / name).is_dir():
            shutil.rmtree(place / name)
        (kept / name).replace(place / name)
    with CollectionStore.open(place, writable=True) as writer:
        for number in range(20, 24):
            writer.commit(Batch([image(number)], files([number])))
        writer.forget_changes()
    with CollectionStore.open(place) as reader:
        for number in (*range(3), *range(20, 24)):
            found = reader.vectors([reader.resolve(content(number))], "cls@2")
            assert np.array_equal(found[0], vector(number, "cls@2"))
    assert verify(place).clean
