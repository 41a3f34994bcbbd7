"""Indexes that are built before somebody's eyes, and not to their end: nothing but time is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, file, files, image, images, vector
from vitrail.indexer import building
from vitrail.indexer.building import BuildProgress, OnBuild, watching_builds
from vitrail.indexer.cancellation import Cancellation, heeding
from vitrail.indexer.collection import writer as writers
from vitrail.indexer.collection.derivation import whiten
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.tidying import tidy
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CancelledError
from vitrail.indexer.indexing.committing import Committer
from vitrail.indexer.records import Batch, RejectRecord
from vitrail.indexer.vectors import index as vector_index

BEFORE, SIZE = 300, 1400  # more than a reader adds by itself
STAGES = (
    *("reading", "gathering", "sampling", "training", "coding", "measuring"),
    *("linking", "ordering", "measuring", "writing"),
)
SAYS = "stopped before the indexes of cls@2, mean@1 could be built"


@pytest.fixture(scope="module", autouse=True)
def _approximate_few() -> Iterator[None]:
    """Lists and a graph for the wider space, once all are there, and nobody is too patient."""
    policy, few = vector_index._DEFAULT, {"exact_floats": 8 * BEFORE, "samples": 20}
    before = {name: getattr(policy, name) for name in few}
    patience = building.PATIENCE
    building.PATIENCE = 0.0
    for name, value in few.items():
        object.__setattr__(policy, name, value)
    yield
    building.PATIENCE = patience
    for name, value in before.items():
        object.__setattr__(policy, name, value)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of which half lies in its index, and half is only committed."""
    place = tmp_path_factory.mktemp("grown") / "collection"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(BEFORE)), files(range(BEFORE))))
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images(range(BEFORE, SIZE)), files(range(BEFORE, SIZE))))
        writer.forget_changes()
    return place


@pytest.fixture
def place(grown: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(grown, tmp_path / "collection"))


@contextmanager
def watched(told: OnBuild) -> Iterator[None]:
    @contextmanager
    def watch() -> Iterator[OnBuild]:
        yield told

    with watching_builds(watch):
        yield


def ending(at: str, error: type[BaseException] = CancelledError) -> Callable[[BuildProgress], None]:
    """Ends the building of cls@2 as soon as it is at a stage."""

    def told(event: BuildProgress) -> None:
        if event.space == "cls@2" and event.stage == at:
            raise error

    return told


def index_files(place: Path) -> set[str]:
    return {path.name for path in (place / "indexes").iterdir()}


def assert_whole(place: Path) -> None:
    """Everything is found, what lies in no index file too."""
    with CollectionStore.open(place) as reader:
        for number in (3, SIZE - 1):
            query = vector(number, "cls@2")[None]
            found = reader.index("cls@2").search(query, 1, exact=True)
            assert found.ids[0, 0] == number + 1
    assert verify(str(place)).clean


def test_steps_come_in_order_and_rise_to_their_end(place: Path) -> None:
    events: list[BuildProgress] = []
    with watched(events.append), CollectionStore.open(place, writable=True) as writer:
        assert writer.maintain() == ()
    assert [space for space, _ in groupby(event.space for event in events)] == ["cls@2", "mean@1"]
    told = [
        (stage, [(event.done, event.total) for event in some])
        for stage, some in groupby(
            (event for event in events if event.space == "cls@2"), lambda event: event.stage
        )
    ]
    assert tuple(stage for stage, _ in told) == STAGES
    for stage, steps in told:
        done = [step for step, _ in steps]
        assert done == sorted(done), stage
        assert {total for _, total in steps} == {done[-1]}, stage


def test_who_looks_on_changes_nothing(grown: Path, tmp_path: Path) -> None:
    made = []
    for name, told in (("a", lambda _: None), ("b", None)):
        copy = Path(shutil.copytree(grown, tmp_path / name))
        if told is None:
            with CollectionStore.open(copy, writable=True) as writer:
                writer.maintain()
        else:
            with watched(told), CollectionStore.open(copy, writable=True) as writer:
                writer.maintain()
        made.append((copy / "indexes" / "cls@2.2.index").read_bytes())
    assert made[0] == made[1]


def test_wherever_it_ends_the_older_index_serves_and_the_next_tidy_builds(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = index_files(place)
    for stage in dict.fromkeys(STAGES):
        caplog.clear()
        with watched(ending(stage)), CollectionStore.open(place, writable=True) as writer:
            assert tidy(writer).unbuilt == ("cls@2", "mean@1"), stage
        assert index_files(place) == before, stage
        assert [line.startswith(SAYS) for line in caplog.messages] == [True], stage
        assert "`vitrail tidy` builds" in caplog.text
    assert_whole(place)
    with CollectionStore.open(place, writable=True) as writer:
        assert tidy(writer).unbuilt == ()
        assert "HNSW" in writer.index("cls@2").kind
    assert index_files(place) == {"cls@2.2.index", "mean@1.2.index"}
    assert_whole(place)


def test_a_commit_stands_whatever_becomes_of_the_tidying_after_it(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(ending("linking")), CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch([image(SIZE)], [file("/pictures/new.jpg", SIZE)]))
    assert len(caplog.messages) == 1
    with CollectionStore.open(place) as reader:
        assert len(reader) == SIZE + 1
    assert "cls@2.1.index" in index_files(place)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc")])
def test_a_commit_stands_where_memory_runs_out_after_it(
    place: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def told(event: BuildProgress) -> None:
        if event.stage == "linking":
            raise error

    before = index_files(place)
    with watched(told), CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch([image(SIZE)], [file("/pictures/new.jpg", SIZE)]))
    assert caplog.messages == [
        "what was asked is done, but tidying up afterwards failed: memory ran out"
    ]
    assert index_files(place) == before
    assert_whole(place)


@pytest.mark.parametrize("stage", ["linking", "writing"])
def test_an_error_that_ends_everything_is_not_followed_by_another_build(
    place: Path, stage: str
) -> None:
    """As a second Ctrl-C is, which waits for nothing."""
    begun: list[str] = []

    def told(event: BuildProgress) -> None:
        begun.append(event.stage)
        ending(stage, KeyboardInterrupt)(event)

    before = index_files(place)
    with (
        watched(told),
        pytest.raises(KeyboardInterrupt),
        CollectionStore.open(place, writable=True) as writer,
    ):
        tidy(writer)
    assert begun[-1] == stage
    assert index_files(place) == before
    assert_whole(place)


def test_closing_after_an_interruption_does_not_begin_a_long_build(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = index_files(place)

    def run() -> None:
        with CollectionStore.open(place, writable=True) as writer:
            writer.commit(Batch([image(SIZE)], [file("/pictures/new.jpg", SIZE)]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert index_files(place) == before
    assert len(caplog.messages) == 1


def test_a_wish_that_is_heeded_ends_it_where_nobody_looks_on(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wish = Cancellation()
    wish.cancel()
    with heeding(wish), CollectionStore.open(place, writable=True) as writer:
        assert writer.maintain() == ("cls@2", "mean@1")
    assert len(caplog.messages) == 1
    assert "indexes of cls@2, mean@1" in caplog.text


def test_what_is_quickly_built_is_neither_told_nor_ended(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "PATIENCE", 3600.0)
    events: list[BuildProgress] = []
    wish = Cancellation()
    wish.cancel()
    with (
        heeding(wish),
        watched(events.append),
        CollectionStore.open(place, writable=True) as writer,
    ):
        assert writer.maintain() == ()
    assert not events


def test_tidying_between_commits_is_looked_on_too(
    place: Path,
) -> None:
    """Commits of an indexing run are made by a thread of their own."""

    class Sink:
        def commit(self, batch: Batch) -> None:
            with CollectionStore.open(place, writable=True) as writer:
                writer.commit(batch)

    class NoEncoder:
        fingerprint = FINGERPRINT

    events: list[BuildProgress] = []
    encoder: Any = NoEncoder()
    with (
        watched(events.append),
        Committer(Sink(), encoder, batch_size=1, on_commit=lambda _: None) as committer,
    ):
        committer.reject(RejectRecord("/pictures/bad.jpg", 1, 1, "truncated", ""))
    assert {event.space for event in events} == {"cls@2", "mean@1"}


def test_what_went_on_without_an_index_is_not_begun_again_by_itself(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun: list[str] = []

    def told(event: BuildProgress) -> None:
        begun.append(event.stage)
        ending("training")(event)

    with watched(told), CollectionStore.open(place, writable=True) as writer:
        writer.maintain()
        count = len(begun)
        writer.commit(Batch([image(SIZE)], [file("/pictures/new.jpg", SIZE)]))
    assert len(begun) == count
    assert len(caplog.messages) == 1
    assert begun[-1] == "training"


def test_a_repair_that_is_ended_is_not_followed_by_another_build(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with CollectionStore.open(place, writable=True) as writer:
        whiten(writer, "mean@1")
        writer.forget_changes()
    (transform,) = (place / "transforms").iterdir()
    transform.unlink()
    for name in index_files(place):
        (place / "indexes" / name).unlink()
    begun: list[str] = []

    def told(event: BuildProgress) -> None:
        begun.append(event.stage)
        ending("training")(event)

    with watched(told):
        done = repair(str(place))
    assert "dropped mean@1/w" in " ".join(done.actions)
    assert begun.count("training") == 1
    assert [line.startswith(SAYS) for line in caplog.messages] == [True]


def test_a_repair_that_is_ended_does_not_say_that_it_built(place: Path) -> None:
    for name in index_files(place):
        (place / "indexes" / name).unlink()
    with watched(ending("linking")):
        done = repair(str(place))
    assert not [line for line in done.actions if "built" in line]
    assert not index_files(place)
    done = repair(str(place))
    assert {line for line in done.actions if "built" in line} == {
        f"indexes/{space}: missing; built" for space in ("cls@2", "mean@1")
    }
    assert_whole(place)


def test_an_end_that_is_wished_before_it_builds_is_no_failure_either(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes: list[bool] = []

    @contextmanager
    def watch() -> Iterator[OnBuild]:
        def told(_: BuildProgress) -> None:
            if wishes:
                raise CancelledError

        wishes.clear()
        yield told

    def merge(*_: object) -> int:
        wishes.append(True)  # as Ctrl-C meanwhile
        return 0

    monkeypatch.setattr(writers, "merge_small_segments", merge)
    with watching_builds(watch), CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch([image(SIZE)], [file("/pictures/new.jpg", SIZE)]))
    assert [line.startswith(SAYS) for line in caplog.messages] == [True]
