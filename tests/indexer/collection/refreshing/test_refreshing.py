"""Readers that are brought forward by what has changed answer as ones that are opened anew."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.examples import examples
from tests.indexer.collection.all_answers import all_answers, differences
from tests.indexer.collection.holdings import FINGERPRINT, OTHER, content, file, image
from vitrail.indexer.catalog import private_copy
from vitrail.indexer.catalog.roots import forget_root, put_root
from vitrail.indexer.collection import successor
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.snapshot import Snapshot
from vitrail.indexer.collection.staging import Staged
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out, tidy
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.records import Batch, ImageRecord, RejectRecord

NUMBERS = st.integers(0, 9)
PATHS = st.integers(0, 9).map("/p/{}.jpg".format)
LABELS = st.sampled_from([None, "a", "b"])
COLUMNS = st.sampled_from(["note", "score"])
CELLS = st.sampled_from(["1", "5", "n/a", ""])


class RefreshMachine(RuleBasedStateMachine):
    """A writer that does whatever writers do, and a reader that follows it.

    ``kept`` are snapshots of earlier commits, with all that they answered then; ``staged`` are
    segments that wait to be adopted, in whatever order.
    """

    large = False

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.place = self.home / "c"
        self.before = private_copy.IN_MEMORY
        self.kept: list[tuple[Snapshot, dict[str, Any]]] = []
        self.staged: list[Staged] = []

    @initialize(warm=st.booleans())
    def begin(self, warm: bool) -> None:
        private_copy.IN_MEMORY = 0 if self.large else self.before
        self.writer = CollectionStore.create(self.place, FINGERPRINT)
        self.writer.commit(Batch(*_found({"/p/0.jpg": 0, "/p/1.jpg": 1, "/q/1.jpg": 1}, "a")))
        self.reader = CollectionStore.open(self.place)
        if warm:
            self.reader.warm()

    @rule(found=st.dictionaries(PATHS, NUMBERS, max_size=4), label=LABELS, gone=st.sets(PATHS))
    def commit(self, found: dict[str, int], label: str | None, gone: set[str]) -> None:
        images, files = _found(found, label)
        self.writer.commit(Batch(images, files, gone=sorted(gone - found.keys())))

    @rule(found=st.dictionaries(PATHS, NUMBERS, min_size=1, max_size=4), spare=st.integers(0, 2))
    def stage(self, found: dict[str, int], spare: int) -> None:
        images, files = _found(found, "b")
        reservation = self.writer.reserve(len(images) + spare)
        self.staged.append(self.writer.stage(reservation, images, files))

    @precondition(lambda self: self.staged)
    @rule(data=st.data())
    def adopt(self, data: st.DataObject) -> None:
        order = data.draw(st.permutations(range(len(self.staged))))
        taken = order[: data.draw(st.integers(1, len(order)))]
        self.writer.adopt([self.staged[place] for place in taken])
        self.staged = [one for place, one in enumerate(self.staged) if place not in taken]

    @rule(paths=st.sets(PATHS, min_size=1, max_size=3), label=LABELS)
    def relabel(self, paths: set[str], label: str | None) -> None:
        self.writer.commit(Batch(labels=dict.fromkeys(sorted(paths), label)))

    @rule(paths=st.sets(PATHS, min_size=1, max_size=3), reason=st.sampled_from(["broken", "huge"]))
    def reject(self, paths: set[str], reason: str) -> None:
        self.writer.commit(
            Batch(rejects=[RejectRecord(path, 5, 6, reason, "as if") for path in sorted(paths)])
        )

    @rule(paths=st.sets(PATHS, min_size=1, max_size=3), what=st.sampled_from("ems"))
    def leave_or_come(self, paths: set[str], what: str) -> None:
        some = sorted(paths)
        batch = {"e": Batch(excluded=some), "m": Batch(missing=some), "s": Batch(seen=some)}
        self.writer.commit(batch[what])

    @rule(number=NUMBERS, year=st.integers(2000, 2003), recipe=st.booleans())
    def read_again(self, number: int, year: int, recipe: bool) -> None:
        self.writer.commit(Batch(readings=[_read(number, year, recipe=recipe)]))

    @rule(number=NUMBERS)
    def predict(self, number: int) -> None:
        if content(number) in self.writer.unclassified_hashes():
            self.writer.commit(Batch(predictions={content(number): (("owl", 0.5), ("cat", 0.2))}))

    @rule(source=PATHS, destination=PATHS)
    def move(self, source: str, destination: str) -> None:
        known = self.writer.known_files().get(source)
        if known is not None and known.content_hash is not None and source != destination:
            number = next(n for n in range(10) if content(n) == known.content_hash)
            self.writer.commit(Batch([], [file(destination, number)], gone=[source]))

    @precondition(lambda self: len(self.writer) > 0)
    @rule(data=st.data(), files=st.booleans())
    def remove(self, data: st.DataObject, files: bool) -> None:
        ids = self.writer.allowed_ids("true").tolist()
        chosen = data.draw(st.sets(st.sampled_from(ids), min_size=1, max_size=2))
        if files:
            take_out(self.writer, self.writer.metadata(sorted(chosen))[0]["paths"][:1])
        else:
            self.writer.remove(sorted(chosen))

    @rule(cells=st.dictionaries(PATHS, CELLS, min_size=1, max_size=4), column=COLUMNS)
    def annotate(self, cells: dict[str, str], column: str) -> None:
        table = self.home / "own.csv"
        rows = [f"{path},{cell}" for path, cell in cells.items()]
        table.write_text("\n".join([f"path,{column}", *rows]) + "\n")
        self.writer.annotate(str(table))

    @rule(path=st.sampled_from(["/p", "/q"]), forgotten=st.booleans())
    def remember(self, path: str, forgotten: bool) -> None:
        with self.writer.transaction("roots") as transaction:
            if forgotten:
                forget_root(transaction, path)
            else:
                put_root(transaction, path, {"label": "folder"}, indexed=True)

    @rule()
    def tidy(self) -> None:
        tidy(self.writer, now=True)

    @rule(first=st.integers(0, 2), step=st.integers(1, 2))
    def merge(self, first: int, step: int) -> None:
        if group := self.writer.state.segments[first::step]:  # the others lie between
            folder = str(self.place / "segments")
            merge_segments(self.writer._catalog, folder, self.writer.fingerprint, group)
            self.writer.refresh()

    @rule()
    def copy_tables(self) -> None:
        self.writer.copy_tables()  # and goes on in another file of the journal

    @rule(numbers=st.sets(NUMBERS, min_size=1, max_size=3))
    def bring(self, numbers: set[int]) -> None:
        found = {f"/r/{number}.jpg": number for number in numbers}
        exported = str(self.home / "exported.parquet")
        with CollectionStore.create(self.home / "other", self.writer.fingerprint) as other:
            other.commit(Batch(*_found(found, "b")))
            export(other, exported)
        shutil.rmtree(self.home / "other")
        import_into(self.writer, exported)
        Path(exported).unlink()

    @rule(tidies=st.booleans())
    def reopen(self, tidies: bool) -> None:
        if not tidies:  # as after a kill
            self.writer.forget_changes()
        self.writer.close()
        self.writer = CollectionStore.open(self.place, writable=True)

    @rule(number=NUMBERS)
    def lose_the_last_commit(self, number: int) -> None:
        """A power cut: the catalog's file is without it, and the journal has it."""
        self.writer.forget_changes()
        self.writer.close()
        kept = (self.place / "catalog.duckdb").read_bytes()
        self.writer = CollectionStore.open(self.place, writable=True)
        self.writer.commit(Batch(*_found({f"/p/{number}.jpg": number}, "lost")))
        self.writer.forget_changes()
        self.writer.close()
        (self.place / "catalog.duckdb").write_bytes(kept)
        self.agrees()
        self.agrees()
        self.writer = CollectionStore.open(self.place, writable=True)

    @rule()
    def lose_the_catalog(self) -> None:
        self.writer.maintain()
        self.writer.close()
        (self.place / "catalog.duckdb").unlink()
        assert repair(self.place).report is not None
        self.writer = CollectionStore.open(self.place, writable=True)

    @rule()
    def lose_the_journal(self) -> None:
        self.writer.close()
        shutil.rmtree(self.place / "journal")
        self.writer = CollectionStore.open(self.place, writable=True)

    @rule()
    def embed_anew(self) -> None:
        old = self.writer
        other = OTHER if old.fingerprint.agrees(FINGERPRINT) else FINGERPRINT
        new = successor.begin(str(self.place), other, restart=True)
        for row in old.metadata(old.allowed_ids("true").tolist()):
            number = next(n for n in range(10) if content(n) == row["content_hash"])
            files = [file(path, number) for path in row["paths"]]
            new.commit(Batch([image(number)], files, ids={content(number): row["id"]}))
        successor.take_over(old, new)
        self.staged.clear()  # by another encoder
        self.writer = CollectionStore.open(self.place, writable=True)

    @rule()
    def warm(self) -> None:
        self.reader.warm()

    @rule()
    def keep(self) -> None:
        snapshot = self.reader.snapshot("cls@2")
        self.kept = [*self.kept[-2:], (snapshot, all_answers(snapshot))]

    @rule()
    def warm_one_that_is_kept(self) -> None:
        for snapshot, _ in self.kept[:1]:
            snapshot.readings.flatten()
            snapshot.readings.metadata_cache(at_once=True)

    @invariant()
    def agrees(self) -> None:
        self.reader.refresh()
        with CollectionStore.open(self.place) as anew:
            found, expected = all_answers(self.reader), all_answers(anew)
        assert not differences(found, expected)
        for snapshot, answered in self.kept:
            assert not differences(all_answers(snapshot), answered)

    def teardown(self) -> None:
        self.reader.close()
        self.writer.close()
        private_copy.IN_MEMORY = self.before
        shutil.rmtree(self.home)


def _found(found: dict[str, int], label: str | None) -> tuple[list[ImageRecord], list[Any]]:
    pictures = [
        image(
            number,
            width=640 + number % 2,
            recipe={"prompt": f"{number} foxes"} if number % 3 == 0 else None,
            predictions=(("owl", 0.6), ("cat", 0.2)) if number % 2 else (),
        )
        for number in sorted(set(found.values()))
    ]
    return pictures, [file(path, number, label=label) for path, number in found.items()]


def _read(number: int, year: int, *, recipe: bool) -> ImageRecord:
    return replace(
        image(number, recipe={"prompt": "a fox"} if recipe else None),
        taken_at=datetime(year, 1, 1),
        camera="a camera",
        keywords=("sea",) if year % 2 else (),
        read_version=1,
    )


class LargeRefreshMachine(RefreshMachine):
    """The same with a catalog that is copied into a file."""

    large = True


SETTINGS = settings(
    max_examples=examples(4),
    phases=[Phase.generate],
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
RefreshMachine.TestCase.settings = SETTINGS
LargeRefreshMachine.TestCase.settings = SETTINGS
TestRefreshing = RefreshMachine.TestCase
TestRefreshingLarge = LargeRefreshMachine.TestCase


@pytest.mark.slow
@pytest.mark.parametrize("machine", [RefreshMachine, LargeRefreshMachine])
def test_long_histories(machine: type[RefreshMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(SETTINGS, max_examples=25, stateful_step_count=30, derandomize=False),
    )
