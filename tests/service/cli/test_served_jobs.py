"""``vitrail index`` and ``generate`` with ``--server``: jobs of a service, shown as work here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.generator.tiny import build_sd
from tests.service.conftest import Vitrail
from tests.service.http.processes import answering
from vitrail.indexer.indexing.progress import IndexCounts
from vitrail.service.client.events import event_of
from vitrail.service.client.readings import JobProgress, JobStatus
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.progress import GenerationProgress, IndexProgress

FEW = ("--steps", 2, "--guidance", 1, "--scheduler", "ddim")


@pytest.fixture
def served(vitrail: Vitrail, folder: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that may index, and draw."""
    vitrail.index(folder)
    options = ServiceOptions(
        {"colours": vitrail.home},
        tmp_path / "state",
        warm=False,
        paths=True,
        roots={"photos": folder},
        models={"tiny": str(build_sd(tmp_path / "tiny"))},
    )
    with answering(options) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_service_indexes_its_own_folders(vitrail: Vitrail, served: str, folder: Path) -> None:
    (folder / "new").mkdir()
    Image.new("RGB", (16, 16), (9, 99, 199)).save(folder / "new" / "new.png")
    done = vitrail("index", "photos/new", "--server", served)
    assert (done.code, done.out) == (0, "")
    assert "1 file in " in done.err
    assert "1 new, 0 rejected" in done.err
    assert vitrail("search", 1, "--where", "name = 'new.png'", "--server", served).names == [
        "new.png"
    ]
    again = vitrail("index", "--server", served, "--json", "--quiet")
    assert again.err == ""
    assert again.json.keys() == vitrail("index", "--json", "--quiet").json.keys()
    assert (again.json["encoded"], again.json["interrupted"]) == (0, False)


def test_a_service_generates(vitrail: Vitrail, served: str) -> None:
    words = ("generate", "a fox", "--n", 2, "--model", "tiny", *FEW, "--server", served)
    done = vitrail(*words)
    assert done.code == 0, done.err
    assert "2 made and indexed in " in done.err
    files = [Path(line) for line in done.out.splitlines()]
    assert len(files) == 2
    assert all(file.is_file() for file in files)
    told = json.loads(vitrail(*words, "--json").out)
    assert (told["made"], told["there"]) == (0, 2)
    assert [image["path"] for image in told["images"]] == [*map(str, files)]


def test_what_a_service_does_not_take_is_refused(
    vitrail: Vitrail, served: str, folder: Path
) -> None:
    there = ("--server", served)
    vitrail.fails("index", folder, *there, code=2, says=[str(folder), "--root"])
    vitrail.fails("index", "elsewhere", *there, code=1, says=["elsewhere", "photos"])
    for option, value in (
        ("--checkpoint", "colours"),
        ("--batch-size", 2),
        ("--workers", 1),
        ("--max-pixels", 9),
        ("--runtime", "torch"),
        ("--space", "mean@1"),
    ):
        vitrail.fails("index", "photos", option, value, *there, code=2, says=[option, "--server"])
    for option, word in (("--lora", "a"), ("--device", "cpu")):
        vitrail.fails("generate", "a", option, word, *there, code=2, says=[option, "--server"])
    vitrail.fails("generate", "a", "--model", "other", *there, code=2, says=["'other'", "tiny"])
    assert vitrail("info", "--json").json["generated"] == 0


@pytest.mark.parametrize("stage", ["scanning", "indexing"])
def test_progress_is_shown_as_that_of_work_here(stage: str) -> None:
    counts = {"found": 9, "encoded": 4, "opened": 5, "of_a_newer_service": 1}
    progress = JobProgress(stage, 5, 9, "file", counts=counts)
    event = event_of(JobStatus("a", "index", "c", "running", progress=progress))
    assert event == IndexProgress(
        IndexCounts(found=9, encoded=4, opened=5, total=9, stage=stage)  # type: ignore[arg-type]
    )
    drawn = JobProgress("generating", 1, 4, step=3, steps=20, counts={"made": 1, "there": 0})
    event = event_of(JobStatus("a", "generate", "c", "running", progress=drawn))
    assert event == GenerationProgress("generating", 4, made=1, step=3, steps=20)
    assert event_of(JobStatus("a", "index", "c", "queued")) is None
