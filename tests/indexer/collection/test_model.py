"""Random sequences of changes against a plain dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from indexer.collection.collection import Collection
from indexer.collection.maintenance import merge_segments
from indexer.collection.repairs import repair
from indexer.collection.transfer import export, import_into
from indexer.collection.verification import verify
from indexer.records import Batch
from tests.indexer.collection.holdings import FINGERPRINT, content, file, image, vector

NUMBERS = st.integers(0, 12)
PATHS = st.integers(0, 12).map("/p/{}.jpg".format)


class CollectionMachine(RuleBasedStateMachine):
    """``shown`` is what should be live: path -> number; ``hidden`` what ``remove`` has hidden."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp()) / "c"
        self.shown: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        self.ids: dict[int, int] = {}
        self.collection = Collection.create(self.place, FINGERPRINT)

    @rule(found=st.dictionaries(PATHS, NUMBERS, max_size=5), gone=st.sets(PATHS, max_size=3))
    def commit(self, found: dict[str, int], gone: set[str]) -> None:
        records = [file(path, number) for path, number in found.items()]
        pictures = [image(number) for number in set(found.values())]
        self.collection.commit(Batch(pictures, records, gone=sorted(gone)))
        for path in gone - found.keys():
            self.shown.pop(path, None)
            self.hidden.pop(path, None)
        for path, number in found.items():
            self.hidden.pop(path, None)
            self.shown[path] = number

    @precondition(lambda self: self.shown)
    @rule(data=st.data(), destination=PATHS)
    def move(self, data: st.DataObject, destination: str) -> None:
        source = data.draw(st.sampled_from(sorted(self.shown)))
        if destination == source:
            return
        number = self.shown[source]
        before = self.collection.resolve(source)
        self.collection.commit(Batch([], [file(destination, number)], gone=[source]))
        assert self.collection.resolve(destination) == before
        self.shown.pop(source)
        self.hidden.pop(destination, None)
        self.shown[destination] = number

    @precondition(lambda self: self.shown)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(set(self.shown.values()))))
        self.collection.remove([self.collection.resolve(content(number))])
        for path in [path for path, held in self.shown.items() if held == number]:
            self.hidden[path] = self.shown.pop(path)

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
        self.collection = Collection.open(self.place, writable=True)

    @rule()
    def lose_the_catalog(self) -> None:
        self.collection.maintain()
        self.collection.close()
        (self.place / "catalog.duckdb").unlink()
        done = repair(self.place)
        assert done.report is not None
        assert done.report.clean, done.report.damage
        self.collection = Collection.open(self.place, writable=True)

    @invariant()
    def agrees(self) -> None:
        live = {content(number) for number in self.shown.values()}
        assert self.collection.content_hashes() == live
        assert set(self.collection.known_files()) == self.shown.keys() | self.hidden.keys()
        ids = self.collection.allowed_ids("true").tolist()
        index = self.collection.index("cls@2")
        assert index.ids().tolist() == ids
        numbers = {content(number): number for number in self.shown.values()}
        for row, vectors in zip(
            self.collection.metadata(ids), index.vectors(np.array(ids, np.int64)), strict=True
        ):
            number = numbers[row["content_hash"]]
            assert np.array_equal(vectors, vector(number, "cls@2"))
            assert row["paths"] == sorted(p for p, held in self.shown.items() if held == number)

    def teardown(self) -> None:
        self.collection.close()
        report = verify(self.place)
        assert report.clean, report.damage
        if self.shown:
            self._round_trip()
        shutil.rmtree(self.place.parent)

    def _round_trip(self) -> None:
        copy = self.place.parent / "copy"
        with Collection.open(self.place) as source, Collection.create(copy, FINGERPRINT) as target:
            exported = str(self.place.parent / "all.parquet")
            assert export(source, exported) == import_into(target, exported).new == len(source)
            ids = source.allowed_ids("true").tolist()
            new = [target.resolve(row["content_hash"]) for row in source.metadata(ids)]
            other = {"id": 0, "added_at": None}
            before = [row | other for row in source.metadata(ids)]
            assert [row | other for row in target.metadata(new)] == before
            for space in source.spaces:
                assert np.array_equal(source.vectors(ids, space), target.vectors(new, space))


CollectionMachine.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestCollection = CollectionMachine.TestCase
