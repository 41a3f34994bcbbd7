"""Decisions about duplicates outlive whatever happens to images, segments, catalog and encoder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.examples import examples
from tests.faults.scenarios import Work, succeed
from tests.indexer.collection.holdings import FINGERPRINT, content, files, images
from tests.indexer.collection.tables import as_it_is, as_rebuilt
from vitrail.indexer.catalog.decisions import Decision, new_decision, standing
from vitrail.indexer.collection.deciding import DECISIONS, decide, take_decisions, undo
from vitrail.indexer.collection.maintenance import merge_segments
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.transfer import export, import_into
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch

NUMBERS = st.integers(1, 6)
KINDS = st.sampled_from(["same", "not-duplicates", "keep"])


class DecisionMachine(RuleBasedStateMachine):
    """A collection, and another that goes on apart from it, beside what was said to each.

    ``said`` is kind and contents by token; ``undone`` has the tokens that do not count any more,
    ``elsewhere`` the same of the other collection, as it was last exported.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.place = self.folder / "c"
        self.said: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.undone: set[str] = set()
        self.order: list[str] = []
        self.live = {0, *range(1, 7)}
        self.elsewhere: tuple[dict[str, tuple[str, tuple[str, ...]]], set[str]] | None = None
        self.collection = CollectionStore.create(self.place, FINGERPRINT)
        self.collection.commit(Batch(images(self.live), files(self.live)))
        self.reader = CollectionStore.open(self.place)

    @rule(kind=KINDS, numbers=st.sets(NUMBERS, min_size=2, max_size=4))
    def decide(self, kind: str, numbers: set[int]) -> None:
        """Also of images that are not here at the moment."""
        contents = [content(number) for number in numbers]
        made = decide(self.collection, kind, contents)
        self.said[made.token] = kind, tuple(sorted(contents))
        self.order.append(made.token)

    @rule()
    def undo_the_last(self) -> None:
        held = [token for token in self.order if token not in self.undone]
        if held:
            assert undo(self.collection).token == held[-1]
            self.undone.add(held[-1])
        else:
            with pytest.raises(InputError, match="no decision to undo"):
                undo(self.collection)

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def undo_one(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(self.order))
        if token in self.undone:
            with pytest.raises(InputError, match="undone already"):
                undo(self.collection, token)
        else:
            undo(self.collection, token)
            self.undone.add(token)

    @rule(number=NUMBERS)
    def remove_or_bring_back(self, number: int) -> None:
        if number in self.live:
            self.collection.remove([self.collection.resolve(content(number))])
        else:
            self.collection.commit(
                Batch(gone=[f"/pictures/{number}.jpg"])
            )  # what was removed comes back only when it changes
            self.collection.commit(Batch(images([number]), files([number])))
        self.live ^= {number}

    @rule()
    def merge(self) -> None:
        writer = self.collection
        segments = str(self.place / "segments")
        merge_segments(writer._catalog, segments, FINGERPRINT, writer.state.segments)
        writer.refresh()

    @rule()
    def copy_tables(self) -> None:
        self.collection.copy_tables()

    @rule()
    def lose_the_catalog(self) -> None:
        self.collection.forget_changes()
        self.close()
        (self.place / "catalog.duckdb").unlink()
        repair(self.place)
        self.open()

    @rule()
    def embed_anew(self) -> None:
        """The same encoder again, as far as the collection's rows tell."""
        work = Work(self.place, self.folder)
        work._open = self.collection
        shutil.rmtree(self.place / "successor", ignore_errors=True)
        self.reader.close()
        succeed(work, FINGERPRINT)
        self.open()

    @rule()
    def move_house(self) -> None:
        """Into a new collection, by way of a file."""
        file = self.folder / "all.parquet"
        file.unlink(missing_ok=True)
        export(self.collection, file)
        self.close()
        shutil.rmtree(self.place)
        self.collection = CollectionStore.create(self.place, FINGERPRINT)
        assert import_into(self.collection, file).decisions == (len(self.said), len(self.undone))
        self.reader = CollectionStore.open(self.place)

    @rule()
    def part(self) -> None:
        """What is exported now comes back later, when more has been said here."""
        file = self.folder / "then.parquet"
        file.unlink(missing_ok=True)
        export(self.collection, file)
        self.elsewhere = dict(self.said), set(self.undone)

    @precondition(lambda self: self.elsewhere is not None)
    @rule(kind=KINDS)
    def meet(self, kind: str) -> None:
        """A collection that began as this one was then, and in which something else was said."""
        assert self.elsewhere is not None
        place, file = self.folder / "other", self.folder / "other.parquet"
        shutil.rmtree(place, ignore_errors=True)
        file.unlink(missing_ok=True)
        with CollectionStore.create(place, FINGERPRINT) as other:
            import_into(other, self.folder / "then.parquet")
            made = decide(other, kind, [content(1), content(2)])
            export(other, file)
        import_into(self.collection, file)
        self.live |= {n for n in range(7) if content(n) in self.collection.content_hashes()}
        self.said[made.token] = made.kind, made.contents
        self.order = [one.token for one in self.collection.decisions() if one.token in self.said]

    @invariant()
    def agrees(self) -> None:
        self.reader.refresh()
        for store in (self.collection, self.reader):
            found = store.decisions()
            told = {one.token: (one.kind, one.contents) for one in found if one.kind != "undo"}
            assert told == self.said, "a decision was lost, or invented"
            assert {one.undoes for one in found if one.kind == "undo"} == self.undone
            held = [one.token for one in standing(found)]
            assert held == [token for token in self.order if token not in self.undone]
        assert self.collection.content_hashes() == {content(number) for number in self.live}

    def open(self) -> None:
        self.collection = CollectionStore.open(self.place, writable=True)
        self.reader = CollectionStore.open(self.place)

    def close(self) -> None:
        self.reader.close()
        self.collection.close()

    def teardown(self) -> None:
        self.close()
        assert as_rebuilt(self.place) == as_it_is(self.place)
        report = verify(self.place)
        assert report.clean, report.damage
        shutil.rmtree(self.folder)


DecisionMachine.TestCase.settings = settings(
    max_examples=examples(10),
    phases=[Phase.generate],
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestDecisions = DecisionMachine.TestCase


@pytest.fixture
def writer(tmp_path: Path) -> CollectionStore:
    made = CollectionStore.create(tmp_path / "c", FINGERPRINT)
    made.commit(Batch(images(range(3)), files(range(3))))
    return made


@pytest.mark.parametrize(
    ("kind", "contents", "message"),
    [
        ("same", [content(1)], "same is said of 2 images or more, not of 1"),
        ("keep", [], "keep is said of 1 images or more, not of 0"),
        ("same", [content(1), content(1)], "names an image twice"),
        ("maybe", [content(1)], "'maybe' is no decision; expected same, not-duplicates, keep"),
        ("undo", [], "names a decision, not images"),
        ("keep", ["abc"], "'abc' is no content hash"),
        ("same", [content(n) for n in range(201)], "201 images, but 200 are the most"),
    ],
)
def test_what_is_no_decision_is_refused_and_not_written(
    writer: CollectionStore, kind: str, contents: list[str], message: str
) -> None:
    before = writer.state.seq
    with pytest.raises(InputError, match=message):
        decide(writer, kind, contents)
    assert writer.decisions() == ()
    assert writer.state.seq == before


def test_an_undoing_names_one_decision_by_its_first_digits(writer: CollectionStore) -> None:
    made = decide(writer, "keep", [content(1)])
    with pytest.raises(
        InputError, match=r"'zz' is no decision of this collection.*vitrail decisions"
    ):
        undo(writer, "zz")
    with pytest.raises(InputError, match="is no decision"):
        undo(writer, "")
    assert undo(writer, made.token[:5]) == made
    taken_back = writer.decisions()[-1].token
    with pytest.raises(InputError, match="is no decision"):
        undo(writer, taken_back)  # which would leave it open what holds


def test_a_later_decision_is_later_whatever_the_clock_says(writer: CollectionStore) -> None:
    ahead = datetime(2150, 1, 1)
    take_decisions(writer, [Decision("0" * 16, ahead, "keep", (content(1),))])
    made = decide(writer, "keep", [content(2)])
    assert made.at == ahead + timedelta(microseconds=1)
    assert undo(writer) == made
    assert undo(writer).at == ahead


def test_what_came_from_elsewhere_comes_once(writer: CollectionStore) -> None:
    one = new_decision("same", [content(1), content(2)])
    assert take_decisions(writer, [one, one]) == (1, 0)
    seq = writer.state.seq
    assert take_decisions(writer, [one]) == (0, 0)
    assert writer.state.seq == seq
    assert writer.decisions() == (one,)


def _dated_with_a_zone(told: dict[str, Any]) -> None:
    told["at"] += "+01:00"


def _undoing_and_naming(told: dict[str, Any]) -> None:
    told["undoes"] = "0" * 16


@pytest.mark.parametrize(
    "harm",
    [
        lambda told: told.update(kind="drop table"),
        lambda told: told.update(token="../x"),
        lambda told: told.update(at="yesterday"),
        lambda told: told.update(at="9999-12-31T23:59:59.999999"),
        lambda told: told.update(contents=[1, 2]),
        lambda told: told.update(contents=None),
        lambda told: told.pop("undoes"),
        _dated_with_a_zone,
        _undoing_and_naming,
    ],
)
def test_an_exported_file_that_was_edited_is_refused_whole(
    writer: CollectionStore, tmp_path: Path, harm: Callable[[dict[str, Any]], None]
) -> None:
    decide(writer, "same", [content(1), content(2)])
    export(writer, tmp_path / "all.parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    meta = dict(table.schema.metadata)
    told = json.loads(meta[DECISIONS])
    harm(told[0])
    meta[DECISIONS] = json.dumps(told).encode()
    pq.write_table(table.replace_schema_metadata(meta), tmp_path / "odd.parquet")
    with CollectionStore.create(tmp_path / "d", FINGERPRINT) as other:
        with pytest.raises(InputError, match=r"odd\.parquet: what it tells of decisions cannot"):
            import_into(other, tmp_path / "odd.parquet")
        assert len(other) == 0
        assert other.decisions() == ()


def test_decisions_are_ordered_by_time_and_then_by_name() -> None:
    one = new_decision("keep", [content(1)])
    other = replace(one, token="f" * 16)
    early = replace(one, token="e" * 16, at=one.at - timedelta(days=1))
    assert standing([other, one, early]) == (early, *sorted([one, other], key=lambda o: o.token))
