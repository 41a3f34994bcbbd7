"""``vitrail tidy`` shows how far an index is, and Ctrl-C ends that and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, files, images
from tests.service.cli.test_progress import Clock, lines
from vitrail.indexer.building import BuildProgress, building
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import CancelledError
from vitrail.indexer.indexing.pipeline import IndexCounts
from vitrail.indexer.records import Batch
from vitrail.service.cli import progress as displays
from vitrail.service.cli.building import showing_builds
from vitrail.service.cli.progress import IndexDisplay
from vitrail.service.client.events import event_of
from vitrail.service.client.readings import JobProgress, JobStatus
from vitrail.service.documents.progress import progress_document
from vitrail.service.operations.building import telling_builds
from vitrail.service.operations.progress import AnalysisProgress, Event

ROOT = Path(__file__).parents[3]
SIZE = 1200
# Few vectors are as many to it, of which each takes its time to be linked.
SLOW = """
import time
from vitrail.indexer.vectors.policy import IndexPolicy
names = list(IndexPolicy.__dataclass_fields__)
usual = dict(zip(names, IndexPolicy.__init__.__defaults__))
IndexPolicy.__init__.__defaults__ = tuple((usual | {"exact_floats": 0, "samples": 20}).values())
from vitrail.indexer import building
from vitrail.indexer.vectors import graph
building.PATIENCE = 0.0
graph._ADD_NUMBERS, graph._ADD_LEAST = 0, 1
turned = graph.NeighbourGraph._turned
def slowly(self, rows):
    if len(rows) == 1:
        print("linking", flush=True)
        time.sleep(0.05)
    return turned(self, rows)
graph.NeighbourGraph._turned = slowly
from vitrail.service.cli import main
main()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A collection without a saved index."""
    with CollectionStore.create(tmp_path / "collection", FINGERPRINT) as writer:
        writer.commit(Batch(images(range(SIZE)), files(range(SIZE))))
        writer.forget_changes()
    return tmp_path / "collection"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_only_the_building(place: Path) -> None:
    words = ["tidy", "-c", str(place)]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "linking\n"
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, told = process.communicate()
    assert time.monotonic() - sent < SIZE * 0.05 / 2, "all of them would have taken twice as long"
    assert process.returncode == 130
    assert told == (
        "vitrail: stopped before the indexes of cls@2, mean@1 could be built: what was added is "
        "found all the same, and `vitrail tidy` builds what is missing\n"
    )
    assert out.endswith("0 images given up, 0 bytes freed\n")
    assert not list((place / "indexes").iterdir())

    again = subprocess.run(
        [sys.executable, "-m", "vitrail.service.cli", *words], capture_output=True, text=True
    )
    assert (again.returncode, again.stderr) == (0, "")
    with CollectionStore.open(place) as reader:
        assert reader.index_files("cls@2").coverage() is not None
        assert len(reader.index("cls@2")) == SIZE


def build(display: IndexDisplay | None = None) -> None:
    """As while an index of a million vectors is built, by the clock of a test."""
    with showing_builds(), building() as made:
        made._begun = float("-inf")
        step = made.of("gem@9")
        step("linking", 2048, 1_000_000)
        displays.time.now += 12  # type: ignore[attr-defined]
        step("linking", 38_048, 1_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(displays, "time", made)
    return made


def test_a_line_tells_how_far_it_is_how_fast_and_how_long_it_takes(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    build()
    assert lines(capsys) == ["index of gem@9: linking: 38,048 of 1,000,000, 3,000/s, 0:05:21 left"]
    assert displays.Display.current is None


@pytest.mark.parametrize("quiet", [False, True])
def test_a_command_with_a_line_of_its_own_shows_it_there(
    clock: Clock, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    with IndexDisplay(quiet=quiet) as display:
        display.update(IndexCounts(found=3))
        build()
        assert displays.Display.current is display
    assert len(lines(capsys)) == (not quiet)


def test_jobs_tell_it_as_other_progress_and_heed_their_end() -> None:
    events: list[Event] = []
    wish = Cancellation()
    with telling_builds(events.append, wish), building() as made:
        made._begun = float("-inf")
        made.of("gem@9")("writing", 5, 9)
        wish.cancel()
        with pytest.raises(CancelledError):
            made.of("gem@9")("writing", 6, 9)
    (event,) = events
    assert event == AnalysisProgress("index of gem@9: writing", 5, 9, "vector")
    told = progress_document(event)
    assert told is not None
    progress = JobProgress(**told, counts={"found": 1_000})
    assert event_of(JobStatus("a", "index", "c", "running", progress=progress)) == event


def test_what_is_done_is_told_in_few_words() -> None:
    longest = BuildProgress("gem@12~w128", "measuring", 1, 2).doing
    assert longest == "index of gem@12~w128: measuring"
