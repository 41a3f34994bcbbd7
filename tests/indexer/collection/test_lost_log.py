"""DuckDB's own log beside the catalog, lost or overwritten after a commit that it alone held."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, SPACES, files, image, images, vector
from vitrail.indexer.catalog import journal_file, journal_lines, private_copy
from vitrail.indexer.catalog.catalog import FILE, Catalog
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, DamagedError
from vitrail.indexer.records import Batch

LOG = FILE + ".wal"
SLOW = pytest.mark.slow


def _annotate(writer: CollectionStore) -> None:
    table = Path(writer.directory).with_name("own.csv")
    table.write_text("path,species\n/pictures/2.jpg,owl\n")
    writer.annotate(str(table))


def _merge(writer: CollectionStore) -> None:
    folder = os.path.join(writer.directory, "segments")
    merge_segments(writer._catalog, folder, writer.fingerprint, writer.state.segments)


CHANGES: dict[str, Callable[[CollectionStore], None]] = {
    "add": lambda writer: writer.commit(
        Batch([*images([8]), image(9, predictions=(("owl", 0.5),))], files([8, 9, 1]))
    ),
    "remove": lambda writer: writer.remove([1, 5]),
    "annotate": _annotate,
    "exclude": lambda writer: writer.commit(Batch(excluded=["/pictures/3.jpg"])),
    "merge": _merge,
}
HARMS: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda _: None,
    "empty": lambda _: b"",
    "short": lambda log: log[: len(log) // 2],
    "garbage": lambda log: np.random.default_rng(0).bytes(len(log)),
    "zeros": lambda log: bytes(len(log)),
}


class Engine:
    """DuckDB, of which a copy of the files is taken between a commit and its way into the file."""

    def __init__(self, engine: Any, taken: Callable[[], None]) -> None:
        self._engine, self._taken = engine, taken
        self._committed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def execute(self, sql: str, *rest: Any) -> Any:
        if self._committed and sql in ("CHECKPOINT", "USE memory"):
            self._committed = False
            self._taken()
        result = self._engine.execute(sql, *rest)
        self._committed |= sql == "COMMIT"
        return self if sql.startswith("ATTACH") else result


def cut(tmp_path: Path, change: str) -> tuple[Path, list[object]]:
    """A collection whose last commit is only in the log, and what a reader is to be told."""
    place, copy = tmp_path / "c", tmp_path / "copy"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(4)), files(range(4))))
        writer.commit(Batch(images(range(4, 8)), files(range(4, 8))))
        engine = Engine(writer._catalog._running(), lambda: _copy(place, copy))
        writer._catalog._engine = engine  # type: ignore[assignment]
        CHANGES[change](writer)
        writer._catalog._engine = engine._engine
    assert (copy / LOG).stat().st_size
    return copy, answers(place)


def _copy(place: Path, copy: Path) -> None:
    if not copy.exists():
        shutil.copytree(place, copy)


def answers(place: Path) -> list[object]:
    with CollectionStore.open(place) as reader:
        ids = reader.allowed_ids("true")
        rows: list[object] = [ids.tolist()]
        for space, _ in SPACES:
            index = reader.index(space)
            rows.append(index.vectors(ids).tobytes())
            rows.append(index.search(np.stack([vector(5, space)]), 3).ids.tolist())
        rows += [sorted((p, str(f)) for p, f in reader.known_files().items())]
        told = reader.metadata(ids.tolist())
        return rows + [{k: v for k, v in row.to_dict().items() if k != "added_at"} for row in told]


@pytest.mark.parametrize(
    ("change", "harm"),
    [
        pytest.param(change, harm, marks=() if harm == "garbage" or change == "remove" else SLOW)
        for change in CHANGES
        for harm in HARMS
    ],
)
def test_a_commit_whose_log_is_lost_is_done_again(
    tmp_path: Path, change: str, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, expected = cut(tmp_path, change)
    log = HARMS[harm]((place / LOG).read_bytes())
    (place / LOG).unlink()
    if log is not None:
        (place / LOG).write_bytes(log)
    assert answers(place) == expected, "a reader"
    monkeypatch.setattr(private_copy, "IN_MEMORY", 0)
    assert answers(place) == expected, "a reader of a large catalog"
    assert not verify(place).damage
    with CollectionStore.open(place, writable=True) as writer:
        assert writer.allowed_ids("true").tolist() == expected[0], "a writer"
    assert answers(place) == expected
    assert not verify(place).damage
    (place / FILE).unlink()
    repair(place)
    assert answers(place) == expected, "the copies"
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([20]), files([20])))
    assert not verify(place).damage


def test_a_merge_that_is_done_again_leaves_its_files_to_readers(tmp_path: Path) -> None:
    """Whoever opened the collection before goes on with the merged segments for a while."""
    place, _ = cut(tmp_path, "merge")
    (place / LOG).unlink()
    with CollectionStore.open(place) as reader:  # of the redone commit
        live = {segment.name for segment in reader.state.segments}
        assert len(live) == 1
        old = {path.name for path in (place / "segments").iterdir()} - live
        assert set(reader.state.replaced) == old
        assert len(old) == 2
    for _ in range(2):
        with CollectionStore.open(place, writable=True) as writer:
            assert set(writer.state.replaced) == old
        assert {path.name for path in (place / "segments").iterdir()} == live | old
    (place / FILE).unlink()
    repair(place)
    assert {path.name for path in (place / "segments").iterdir()} == live | old


def test_a_catalog_that_is_older_by_more_commits_is_refused_to_readers_too(tmp_path: Path) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images([0]), files([0])))
    shutil.copyfile(place / FILE, tmp_path / FILE)
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([1]), files([1])))
        writer.remove([1])
    shutil.copyfile(tmp_path / FILE, place / FILE)
    with pytest.raises(
        DamagedError, match=r"ends at commit 1, but its journal goes on to commit 3"
    ):
        CollectionStore.open(place)
    repair(place)
    with CollectionStore.open(place) as reader:
        assert reader.allowed_ids("true").tolist() == [2]


def test_a_commit_that_was_told_to_have_failed_is_not_done_later(tmp_path: Path) -> None:
    place = tmp_path / "c"

    class Full(Engine):
        def execute(self, sql: str, *rest: Any) -> Any:
            if sql == "COMMIT":
                raise OSError(28, "No space left on device")
            return super().execute(sql, *rest)

    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        engine = writer._catalog._running()
        writer._catalog._engine = Full(engine, lambda: None)  # type: ignore[assignment]
        with pytest.raises(CollectionError, match="disk full"):
            writer.remove([1])
    for writable in (False, True):
        with CollectionStore.open(place, writable=writable) as found:
            assert found.allowed_ids("true").tolist() == [1, 2, 3]
    with CollectionStore.open(place, writable=True) as writer:
        writer.remove([2])
    assert not verify(place).damage
    (place / FILE).unlink()
    repair(place)
    with CollectionStore.open(place) as found:
        assert found.allowed_ids("true").tolist() == [1, 3]


def test_the_last_record_is_found_whatever_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(200)), files(range(200))))
    (path,) = place.glob("journal/*")
    for tail in (1, 64, 1 << 20):
        monkeypatch.setattr(journal_lines, "_TAIL", tail)
        assert journal_file.last_whole(str(path)) == 1
    with path.open("ab") as torn:
        torn.write(b"0" * 100)
    assert journal_file.last_whole(str(path)) == 1


def test_a_catalog_outside_of_its_place_has_no_journal_to_follow(tmp_path: Path) -> None:
    catalog = Catalog(str(tmp_path / "other.duckdb"))
    catalog.create(FINGERPRINT)
    assert not catalog.catch_up()


def test_a_repair_that_gives_a_segment_up_does_the_commit_again_first(tmp_path: Path) -> None:
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        damaged = writer.state.segments[0].name
        writer.commit(Batch(images(range(3, 6)), files(range(3, 6))))
        writer.forget_changes()
    before = (place / FILE).read_bytes()
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images(range(6, 9)), files(range(6, 9))))
        writer.forget_changes()
    (place / FILE).write_bytes(before)
    (place / "segments" / damaged).write_bytes(b"torn")
    done = repair(place, accept=lambda _: True)
    assert sorted(done.reopen) == [f"/pictures/{number}.jpg" for number in range(3)]
    with CollectionStore.open(place) as reader:
        ids = reader.allowed_ids("true").tolist()
        paths = sorted(row["path"] for row in reader.metadata(ids))
        assert paths == [f"/pictures/{number}.jpg" for number in range(3, 9)]


class Interrupted(Engine):
    """DuckDB, when Ctrl-C comes while it commits: Python raises that once it has returned."""

    def execute(self, sql: str, *rest: Any) -> Any:
        result = super().execute(sql, *rest)
        if sql == "COMMIT":
            raise KeyboardInterrupt
        return result


def test_the_record_of_a_commit_that_ctrl_c_came_after_stays(tmp_path: Path) -> None:
    """What the catalog has without a record makes a gap, after which nothing comes back."""
    place = tmp_path / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(3)), files(range(3))))
        engine = Interrupted(writer._catalog._running(), lambda: None)
        writer._catalog._engine = engine  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            writer.remove([1])
        writer.remove([2])
        writer.forget_changes()
    expected = answers(place)
    assert expected[0] == [3]
    (place / FILE).unlink()
    repair(place)
    assert answers(place) == expected
