"""Random sequences of changes against a plain dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.examples import examples
from tests.indexer.collection.holdings import FINGERPRINT, content, file, image, vector
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import take_out, tidy
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.records import Batch

NUMBERS = st.integers(0, 12)
PATHS = st.integers(0, 12).map("/p/{}.jpg".format)


class CollectionMachine(RuleBasedStateMachine):
    """The collection as three dicts.

    ``shown`` is what should be live: path -> number. ``hidden`` is what was removed: path ->
    number, ``left`` those of its paths that are gone. ``waiting`` has the numbers that may come
    back, with the paths remembered of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp()) / "c"
        self.shown: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        self.left: set[str] = set()
        self.waiting: dict[int, set[str]] = {}
        self.ids: dict[int, int] = {}
        self.collection = CollectionStore.create(self.place, FINGERPRINT)

    def paths(self, number: int) -> set[str]:
        return {path for path, held in self.shown.items() if held == number}

    def put(self, found: dict[str, int]) -> None:
        """Files in the place of what was known at their paths."""
        losers = {self.shown.pop(path) for path in found if path in self.shown}
        for path, number in found.items():
            self.forget(path)
            self.shown[path] = number
        for number in found.values():
            self.waiting.pop(number, None)
        for number in losers:
            if not self.paths(number):
                self.waiting[number] = set()

    def forget(self, path: str) -> None:
        self.hidden.pop(path, None)
        self.left.discard(path)
        for remembered in self.waiting.values():
            remembered.discard(path)

    def leave(self, gone: set[str]) -> None:
        """Paths leave: an image waits when its last one does."""
        numbers = {self.shown[path] for path in gone if path in self.shown}
        for number in numbers:
            held = self.paths(number)
            if held <= gone:
                self.waiting[number] = held
            for path in held & gone:
                del self.shown[path]
        self.left |= gone & self.hidden.keys()

    @rule(found=st.dictionaries(PATHS, NUMBERS, max_size=5), gone=st.sets(PATHS, max_size=3))
    def commit(self, found: dict[str, int], gone: set[str]) -> None:
        records = [file(path, number) for path, number in found.items()]
        pictures = [image(number) for number in set(found.values())]
        self.collection.commit(Batch(pictures, records, gone=sorted(gone)))
        self.put(found)
        self.leave(gone - found.keys())

    @rule(paths=st.sets(PATHS, min_size=1, max_size=6))
    def exclude(self, paths: set[str]) -> None:
        self.collection.commit(Batch(excluded=sorted(paths)))
        self.leave(paths)

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A remembered file is there again, and nothing is known of it but its record."""
        known = {path: n for n, paths in self.waiting.items() for path in paths}
        path = data.draw(st.sampled_from(sorted(known)))
        self.collection.commit(Batch([], [file(path, known[path])]))
        self.put({path: known[path]})

    @precondition(lambda self: self.shown or self.hidden)
    @rule(data=st.data(), destination=PATHS)
    def move(self, data: st.DataObject, destination: str) -> None:
        source = data.draw(st.sampled_from(sorted(self.shown | self.hidden)))
        if destination == source:
            return
        number = (self.shown | self.hidden)[source]
        live = number in self.shown.values() or number in self.waiting
        self.collection.commit(Batch([], [file(destination, number)], gone=[source]))
        if live:
            self.put({destination: number})
        else:  # what was removed stays that when it is moved
            before = self.shown.pop(destination, None)
            self.forget(destination)
            self.hidden[destination] = number
            if before is not None and not self.paths(before):
                self.waiting[before] = set()
        self.leave({source})

    @precondition(lambda self: self.shown)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(set(self.shown.values()))))
        self.collection.remove([self.collection.resolve(content(number))])
        for path in self.paths(number):
            self.hidden[path] = self.shown.pop(path)

    @precondition(lambda self: self.shown or any(self.waiting.values()))
    @rule(data=st.data())
    def remove_files(self, data: st.DataObject) -> None:
        remembered = {path: n for n, paths in self.waiting.items() for path in paths}
        known = self.shown | remembered
        chosen = data.draw(st.sets(st.sampled_from(sorted(known)), min_size=1))
        numbers = {known[path] for path in chosen}
        whole = {n for n in numbers if {p for p, held in known.items() if held == n} <= chosen}
        done = take_out(self.collection, sorted(chosen))
        assert done.images == len(whole)
        assert done.files == sum(known[path] not in whole for path in chosen)
        for path in chosen:
            if path in remembered:
                self.left.add(path)
                self.waiting[known[path]].discard(path)
            else:
                del self.shown[path]
            self.hidden[path] = known[path]
        for number in whole & self.waiting.keys():
            del self.waiting[number]

    @rule()
    def tidy(self) -> None:
        done = tidy(self.collection, now=True)
        assert done.given_up == len(self.waiting)
        assert done.waiting.images == 0
        self.waiting.clear()
        for path in self.left:
            del self.hidden[path]
        self.left.clear()
        held = sum(segment.rows for segment in self.collection.state.segments)
        assert held == len(set(self.shown.values()))

    @rule()
    def merge(self) -> None:
        group = self.collection.state.segments
        if group:
            collection = self.collection
            merge_segments(
                collection._catalog, str(self.place / "segments"), collection.fingerprint, group
            )
            collection.refresh()

    @rule(tidy=st.booleans())
    def reopen(self, tidy: bool) -> None:
        if not tidy:  # as after a kill
            self.collection.forget_changes()
        self.collection.close()
        self.collection = CollectionStore.open(self.place, writable=True)

    @rule()
    def lose_the_catalog(self) -> None:
        self.collection.maintain()
        self.collection.close()
        (self.place / "catalog.duckdb").unlink()
        done = repair(self.place)
        assert done.report is not None
        assert done.report.clean, done.report.damage
        self.collection = CollectionStore.open(self.place, writable=True)

    @invariant()
    def agrees(self) -> None:
        live = {content(number) for number in self.shown.values()}
        assert self.collection.content_hashes() == live
        assert self.collection.embedded_hashes() == live | {content(n) for n in self.waiting}
        known = self.collection.known_files()
        states = dict.fromkeys(self.shown, "live") | dict.fromkeys(self.hidden, "removed")
        states |= {path: "waiting" for paths in self.waiting.values() for path in paths}
        assert {path: one.state for path, one in known.items()} == states
        ids = self.collection.allowed_ids("true").tolist()
        index = self.collection.index("cls@2")
        assert index.ids().tolist() == ids
        numbers = {content(number): number for number in self.shown.values()}
        for row, vectors in zip(
            self.collection.metadata(ids), index.vectors(np.array(ids, np.int64)), strict=True
        ):
            number = numbers[row["content_hash"]]
            assert np.array_equal(vectors, vector(number, "cls@2"))
            assert row["paths"] == sorted(self.paths(number))
            assert self.ids.setdefault(number, row["id"]) == row["id"]
        kept = {*self.waiting, *self.shown.values()}
        self.ids = {number: image_id for number, image_id in self.ids.items() if number in kept}

    def teardown(self) -> None:
        self.collection.close()
        report = verify(self.place)
        assert report.clean, report.damage
        if self.shown:
            self._round_trip()
        shutil.rmtree(self.place.parent)

    def _round_trip(self) -> None:
        copy = self.place.parent / "copy"
        with (
            CollectionStore.open(self.place) as source,
            CollectionStore.create(copy, FINGERPRINT) as target,
        ):
            exported = str(self.place.parent / "all.parquet")
            assert export(source, exported) == import_into(target, exported).new == len(source)
            ids = source.allowed_ids("true").tolist()
            new = [target.resolve(row["content_hash"]) for row in source.metadata(ids)]
            other = {"id": 0, "added_at": None}
            before = [row.to_dict() | other for row in source.metadata(ids)]
            assert [row.to_dict() | other for row in target.metadata(new)] == before
            for space in source.spaces:
                assert np.array_equal(source.vectors(ids, space), target.vectors(new, space))


CollectionMachine.TestCase.settings = settings(
    max_examples=examples(8),
    phases=[Phase.generate],
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestCollection = CollectionMachine.TestCase
