"""Every option of every command reaches the operation that it is for, or changes what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from PIL import Image
from typer.main import get_command

from tests.fakes import ColourEncoder
from tests.service.conftest import Vitrail
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.cli import app
from vitrail.service.http import serving
from vitrail.service.mcp import running
from vitrail.service.operations import (
    answer_files,
    auditing,
    calibrating,
    classifying,
    comparing,
    deciding,
    distilling,
    duplicates,
    examining,
    export_requests,
    generating,
    indexing,
    lineage,
    listing,
    maintaining,
    mapping,
    picking,
    removing,
    reproducing,
    sampling,
    searching,
    spaces,
    training_encoders,
    training_generators,
    tuning,
)
from vitrail.service.operations.collection import Collection

COMMANDS: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009 - typer's own type
OPERATIONS = {
    "index": (indexing, "index"),
    "reembed": (indexing, "reembed"),
    "search": (searching, "search"),
    "list": (listing, "list_images"),
    "compare": (comparing, "compare_sets"),
    "calibrate": (calibrating, "find_meaning"),
    "audit": (auditing, "audit"),
    "map": (mapping, "draw_map"),
    "sample": (sampling, "sample_images"),
    "classify": (classifying, "classify"),
    "labels": (examining, "assess_labels"),
    "duplicates": (duplicates, "find_duplicates"),
    "decide": (deciding, "decide"),
    "decisions": (deciding, "list_decisions"),
    **dict.fromkeys(("generate", "img2img", "inpaint", "style"), (generating, "generate")),
    "lineage": (lineage, "trace_lineage"),
    "reproduce": (reproducing, "reproduce"),
    "info": (maintaining, "describe"),
    "spaces": (spaces, "arrange_spaces"),
    "whiten": (spaces, "whiten_and_calibrate"),
    "tune-spaces": (tuning, "tune_spaces"),
    "annotate": (maintaining, "annotate"),
    "remove": (removing, "remove"),
    "tidy": (maintaining, "tidy"),
    "rejects": (maintaining, "list_rejects"),
    "verify": (maintaining, "repair"),
    "export": (maintaining, "export"),
    "import": (maintaining, "import_exported"),
    "export-encoder": (export_requests, "run_export"),
    "train-encoder": (training_encoders, "train_encoder"),
    "distil": (distilling, "distil"),
    "train-generator": (training_generators, "train_generator"),
    "pick-checkpoint": (picking, "pick_checkpoint"),
    "serve": (serving, "serve"),
    "mcp": (running, "run_here"),
}
WORDS: dict[str, tuple[str, ...]] = {
    "index": ("FOLDER",),
    "reembed": ("--checkpoint", "other/vit"),
    "classify": ("--where", "true", "--labels", "label"),
    "labels": ("report",),
    "search": ("--prompt", "an apple"),
    "generate": ("an apple",),
    "img2img": ("IMAGE", "an apple"),
    "inpaint": ("IMAGE", "an apple", "--mask", "0,0,4,4"),
    "style": ("IMAGE", "IMAGE", "--prompt", "an apple"),
    "decide": ("keep", "1"),
    "sample": ("--diverse", "3"),
    "lineage": ("1",),
    "reproduce": ("1",),
    "compare": ("--a", "width > 0"),
    "whiten": ("gem@9",),
    "tune-spaces": ("--labels", "label"),
    "annotate": ("table.csv",),
    "remove": ("1",),
    "verify": ("--repair",),
    "export": ("all.csv",),
    "import": ("all.parquet",),
    "export-encoder": ("small",),
    "train-encoder": ("FOLDER", "--out", "trained"),
    "distil": ("FOLDER", "--teacher", "dinov2-small-focus", "--layers", "4", "--out", "student"),
    "train-generator": ("FOLDER", "--out", "trained"),
    "pick-checkpoint": ("FOLDER",),
}
SHOWING = {
    "--json",
    "--html",
    "--open",
    "--explain",
    "--quiet",
    "--count",
    "--out",
    "--yes",
    "--trash",  # as the two that follow, about what the operation has found
    "--tier",
    "--undo-list",
    "--plot",
    "--help",
}
SHOWN = {  # of this command alone
    ("labels", "--limit"),
    ("map", "--thumbnails"),
    *(
        (command, "--server") for command in ("index", "search", "generate", "mcp")
    ),  # asks elsewhere
    *((command, "--convert-pickle") for command in ("index", "reembed")),  # converted before
    ("search", "--checkpoint"),  # runs the same encoder by another file
    ("serve", "--demo"),  # indexes the examples first
    *(("serve", name) for name in ("--originals", "--warm")),  # as it is without
}
VALUES = {
    "--k": "3",
    "--space": "mean@1",
    "--min-score": "0.5",
    "--max-fpr": "0.01",
    "--where": "width > 1",
    "--only": "real",
    "--fusion": "rrf",
    "--runtime": "torch",
    "--device": "cuda",
    "--precision": "bf16",
    "--prompts": "prompts.txt",
    "--mask": "0,0,2,2",
    "--label-from": "parent",
    "--columns": "width",
    "--sort": "width",
    "--prompt": "a pear",
    "--positive": "1",
    "--negative": "1",
    "--box": "0,0,4,4",
    "--region": "0,0,4,4",
    "--queries": "FOLDER",
    "--diverse": "0.5",
    "--seed": "17",
    "--sample": "30",
    "--by": "probe",
    "--labels": "kind",
    "--min-probability": "0.5",
    "--write": "told",
    "--since": "width > 2",
    "--group-by": "width",
    "compare --by": "width",
    "--layout": "pca",
    "--color": "width",
    "--typical": "4",
    "sample --diverse": "4",
    "--generated": "width > 3",
    "--against": "width > 4",
    "--limit": "20",
    "--guard": "0.01",
    "--host": "0.0.0.0",
    "--rate": "7/minute",
    "--allow-origin": "https://gallery.example",
    "--trusted-proxy": "10.0.0.1",
    "--root-path": "/vitrail",
    "--root": "here=FOLDER",
    "serve --model": "mine=IMAGE",
    "--log-format": "json",
    "--to": "onnx",
    "--images": "FOLDER",
    "mcp --root": "FOLDER",
    "mcp --model": "mine=IMAGE",
    "--objective": "both",
    "--layers": "3",
    "--augment": "strong",
    **dict.fromkeys(("--warmup", "--layer-decay", "--validation", "--held-out"), "0.3"),
    **dict.fromkeys(("--smoothing", "--mixup", "--temperature", "--learning-rate"), "0.25"),
    **{f"{command} --space": "cls@12" for command in ("train-encoder", "distil")},
    "--method": "full",
    "--targets": "all",
    "--token": "<yak>",
    "train-generator --accumulate": "2",
    "pick-checkpoint --rate": "0.02",
    "--references": "FOLDER",
    "--side": "64",
    **dict.fromkeys(("--offset-noise", "--empty", "--average", "--coarse"), "0.3"),
    "--prior": "a cat",
    "--prior-images": "FOLDER",
    "--captions": "label",
}
NONE: dict[str, tuple[str, ...]] = {}
TOGETHER: dict[str, dict[str, tuple[str, ...]]] = {  # what an option is only given with
    **{
        key: {"train-generator": ("--prior", "a cat")}
        for key in ("--prior-images", "--prior-count")
    },
    "--token": {"train-generator": ("--method", "inversion", "--token", "<zeb>")},
    **{
        key: {"train-generator": ("--method", "inversion", "--token", "<zeb>")}
        for key in ("--initial", "--vectors")
    },
    "--step": {"pick-checkpoint": ("--out", "picked")},
    "--seed": {"list": ("--random", "2")},
    "--refit": {"classify": ("--by", "probe")},
    **{key: {"generate": ("--guard", "0.01")} for key in ("--against", "--retries", "--mark")},
}
INSTEAD: dict[tuple[str, str], tuple[str, ...]] = {
    ("generate", "--prompts"): (),
    ("tune-spaces", "--copies"): (),
    ("train-encoder", "--labels"): ("--out", "trained"),
    ("train-encoder", "--where"): ("--labels", "kind", "--out", "trained"),
    ("distil", "--where"): ("--teacher", "dinov2-small-focus", "--layers", "4", "--out", "student"),
    **{("train-generator", key): ("--out", "trained") for key in ("--captions", "--where")},
    ("search", "--box"): ("IMAGE",),
    ("search", "--region"): ("IMAGE",),
    ("search", "--random"): (),
    ("search", "--queries"): ("--out", "hits.jsonl"),
    ("sample", "--typical"): (),
}  # other words of the command, where an option needs them


class ReachedError(Exception):
    """The operation was called with this."""


def options() -> Iterator[tuple[str, str, bool]]:
    """Command, option and whether it is a flag."""
    for command in OPERATIONS:
        for one in COMMANDS[command].params:
            for name in (*one.opts, *one.secondary_opts):
                shown = name in SHOWING or (command, name) in SHOWN
                if name.startswith("--") and not shown:
                    yield command, name, bool(one.is_flag)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of one image, which no test changes, since none gets past an operation."""
    folder = tmp_path_factory.mktemp("reaching")
    (folder / "FOLDER").mkdir()
    Image.new("RGB", (8, 8), (9, 9, 99)).save(folder / "FOLDER" / "a.png")
    (folder / "IMAGE").write_bytes((folder / "FOLDER" / "a.png").read_bytes())
    (folder / "prompts.txt").write_text("a pear\n")
    (folder / "table.csv").write_text("path,a\n")
    CollectionStore.create(folder / "collection", ColourEncoder().fingerprint).close()
    with Collection.open(folder / "collection", encoder=ColourEncoder()) as collection:
        collection.index(folder / "FOLDER")
    return folder


@pytest.fixture
def scene(vitrail: Vitrail, home: Path, monkeypatch: pytest.MonkeyPatch) -> Vitrail:
    monkeypatch.chdir(home)
    monkeypatch.setenv("VITRAIL_COLLECTION", str(home / "collection"))
    carrying = {(deciding, "write_log"), (deciding, "take_log")}  # instead of listing decisions
    for module, name in {*OPERATIONS.values(), (answer_files, "search_batch"), *carrying}:
        monkeypatch.setattr(module, name, reached)
    return vitrail


def reached(*given: Any, **named: Any) -> None:
    hidden = ("progress", "cancellation")
    shown = [*given, *((name, one) for name, one in named.items() if name not in hidden)]
    shown = [one for one in shown if not isinstance(one, FunctionType)]
    told = [one.encoder_settings if isinstance(one, Collection) else one for one in shown]
    raise ReachedError(repr([one for one in told if not hasattr(one, "fingerprint")]))


known: dict[tuple[str, ...], str] = {}
"""What a command without further options asks, which all tests of its options begin with."""


def asked(vitrail: Vitrail, *words: str) -> str:
    try:
        done = vitrail(*words)
    except ReachedError as told:
        return str(told)
    pytest.fail(f"{words} reached no operation: {done}")


def asked_once(vitrail: Vitrail, *words: str) -> str:
    if words not in known:
        known[words] = asked(vitrail, *words)
    return known[words]


@pytest.mark.parametrize(("command", "option", "flag"), list(options()))
def test_an_option_reaches_its_operation(
    scene: Vitrail, command: str, option: str, flag: bool
) -> None:
    if option == "--collection":
        return  # which all these tests give by the environment, and others by the option
    value = () if flag else (VALUES.get(f"{command} {option}", VALUES.get(option, "7")),)
    more = TOGETHER.get(option, NONE).get(command, ())
    words = (command, *WORDS.get(command, ()), *more)
    changed = (command, *INSTEAD.get((command, option), WORDS.get(command, ())), *more)
    if option in words and not flag:  # it is given already: another value in its place
        at = words.index(option)
        changed = (*words[: at + 1], f"{words[at + 1]} too", *words[at + 2 :])
        if option in ("--mask", "--diverse", "--layers", "--token"):
            changed = (*words[: at + 1], *value, *words[at + 2 :])
    elif option not in words:
        changed = (*changed, option, *value)
    elif flag:
        return  # it is what makes the command call the operation
    assert asked_once(scene, *words) != asked(scene, *changed), "forgotten on the way"


def test_the_walk_takes_in_every_command() -> None:
    assert {*OPERATIONS, "keys"} == set(COMMANDS)  # keys asks no operation
