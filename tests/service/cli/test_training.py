"""``vitrail train-encoder``, from folders to a checkpoint that other commands take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from tests.service.conftest import Vitrail
from vitrail.indexer import encoders
from vitrail.indexer.encoders import loading


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vit")
    save_tower("vit", folder)
    return folder


@pytest.fixture
def trains(vitrail: Vitrail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Vitrail:
    monkeypatch.setattr(encoders, "load_encoder", loading.load_encoder)
    monkeypatch.chdir(tmp_path)
    return vitrail


SHORT = ("--epochs", 2, "--batch", 8, "--precision", "fp32", "--device", "cpu", "--workers", 1)


def test_folders_become_a_checkpoint_with_a_report(
    trains: Vitrail, vit: Path, tmp_path: Path
) -> None:
    write_images(tmp_path / "striped", 10)
    command = (
        "train-encoder",
        "striped",
        "--out",
        "made",
        "--checkpoint",
        vit,
        *SHORT,
        "--validation",
        0.3,
    )
    done = trains.at(80, *command, "--quiet")
    assert done.code == 0, done.err
    assert "20 images with 2 labels" in done.out
    assert re.search(r"^cls@3 mAP +\d+\.\d% +\d+\.\d%  [+-]\d+\.\d \(.*\)$", done.out, re.M)
    assert "the head is right about" in done.out
    # commands to be copied are not broken
    assert all(len(line) <= 80 or "made" in line for line in done.out.splitlines())
    page = (tmp_path / "made" / "training" / "report.html").read_text("utf-8")
    for said in ("Held-out images, before and after", "training loss", "validation mAP", "across"):
        assert said in page
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org", "", page)
    lines = (tmp_path / "made" / "training" / "metrics.jsonl").read_text("utf-8").splitlines()
    assert {"step", "loss", "rate", "seconds"} <= set().union(*map(json.loads, lines))
    report = tmp_path / "made" / "training" / "report.html"
    report.unlink()  # as a kill before it was written leaves it
    again = trains.at(80, *command, "--quiet")
    assert (again.code, again.out) == (0, done.out)
    clock = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.sub(clock, "", report.read_text("utf-8")) == re.sub(clock, "", page)
    says = ["holds a model that was trained with other objective"]
    trains.fails(*command, "--objective", "both", code=2, says=says)


def test_labels_held_out_whole_are_told(trains: Vitrail, vit: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "striped", 6)
    write_images(tmp_path / "more", 6, first=50)
    for name in ("across", "down"):
        (tmp_path / "more" / name).rename(tmp_path / "striped" / f"more {name}")
    command = ("train-encoder", "striped", "--out", "made", "--checkpoint", vit, *SHORT, "--quiet")
    done = trains.at(80, *command, "--objective", "both", "--held-out-labels", 2)
    assert done.code == 0, done.err
    assert re.search(r"^held out whole, 2 labels with 12 images: \w+.*, \w+", done.out, re.M)
    for measure in ("5-NN", "mAP"):
        assert re.search(rf"^cls@3 {measure}, unseen labels +\d+\.\d% ", done.out, re.M)
    assert all(len(line) <= 80 or "made" in line for line in done.out.splitlines())
    page = (tmp_path / "made" / "training" / "report.html").read_text("utf-8")
    assert "nothing was learned by any image that has them" in page
    says = ["3 of 4 labels cannot be held out", "at most 2"]
    trains.fails(*command[:3], "b", *command[4:], "--held-out-labels", 3, code=2, says=says)
    assert not (tmp_path / "b").exists()


def test_json_tells_the_same(trains: Vitrail, vit: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "striped", 8)
    done = trains(
        "train-encoder", "striped", "--out", "made", "--checkpoint", vit, *SHORT, "--json",
        "--head-only", "--held-out", 0, "--quiet",
    )  # fmt: skip
    assert done.code == 0, done.err
    made = done.json
    assert made["images"]["held_out"] == 0
    assert made["retrieval"] == []
    assert made["accuracy"] is None
    assert made["classes"] == ["across", "down"]


def test_what_nothing_was_kept_for_is_not_told(trains: Vitrail, vit: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "striped", 4)
    command = ("train-encoder", "striped", "--out", "made", "--checkpoint", vit, *SHORT, "--quiet")
    done = trains.at(80, *command, "--validation", 0, "--held-out", 0)
    assert done.code == 0, done.err
    told = " ".join(done.out.split())
    assert "the last state" in told
    assert "best state" not in told
    assert "nothing tells which state is best and what it is worth on images that it nev" in told
    assert "a larger share by --validation and --held-out" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("striped",), "by --out"),
        (("--out", "made"), "nothing was given to learn from"),
        (("striped", "--out", "made", "--labels", "label"), "folders were given beside labels"),
        (("striped", "--out", "made", "--objective", "triplet"), "objective 'triplet' is unknown"),
        (("striped", "--out", "made", "--freeze", 9), "9 blocks cannot stay"),
        (("striped", "--out", "made", "--precision", "fp16"), "fp16 trains on CUDA alone"),
        (("striped", "--out", "made", "--held-out", 0.9), "share from 0 to 0.8"),
        (("striped/down", "--out", "made"), "the label 'down' alone"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_model(
    trains: Vitrail, vit: Path, tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    write_images(tmp_path / "striped", 2)
    trains.fails(
        "train-encoder", *words, "--checkpoint", vit, "--device", "cpu", "--quiet", code=2,
        says=[says],
    )  # fmt: skip
    assert not (tmp_path / "made" / "config.json").exists()
