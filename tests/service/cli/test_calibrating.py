"""``vitrail calibrate``, what an index run does of it, and the guide to scores."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Vitrail
from vitrail.search.calibration.calibration_file import NAME

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "scores.md").read_text("utf-8")
CALLS = re.findall(r"^vitrail (.+)$", GUIDE, re.MULTILINE)
IMAGES = 60


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty images of four colours each, and a copy of one to ask with."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(IMAGES):
        colours = np.random.default_rng(number).integers(0, 256, (2, 2, 3), dtype=np.uint8)
        Image.fromarray(colours.repeat(16, 0).repeat(16, 1)).save(folder / f"{number}.png")
    Image.open(folder / "7.png").save(tmp_path / "photo.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    return folder


def kept(vitrail: Vitrail) -> Path:
    return vitrail.home / "indexes" / NAME


def test_an_index_run_calibrates_once_and_again_when_the_collection_has_grown(
    vitrail: Vitrail, pictures: Path
) -> None:
    done = vitrail.index(pictures)
    assert f"{IMAGES} new" in done.err
    first = kept(vitrail).read_bytes()
    vitrail.index(pictures)
    assert kept(vitrail).read_bytes() == first
    for number in range(IMAGES // 3):
        (pictures / f"{number}.png").unlink()
    vitrail.index(pictures, "--accept-removals")
    assert kept(vitrail).read_bytes() != first
    assert vitrail("verify").code == 0


def test_a_small_collection_is_left_alone(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    assert not kept(vitrail).exists()
    found = vitrail("search", folder / "warm" / "red.png", "--json").json
    assert found["scale"] is None
    assert {(hit["fpr"], hit["closeness"]) for hit in found["hits"]} == {(None, None)}
    shown = vitrail.at(80, "search", folder / "warm" / "red.png").out
    assert "fpr" not in shown
    assert "closeness" not in shown
    vitrail.fails("calibrate", code=2, says=["5 images are too few", "index at least 20"])
    vitrail.fails(
        *("search", folder / "warm" / "red.png", "--max-fpr", "1%"),
        code=2,
        says=["max fpr 0.01 cannot be told", "give a min score instead"],
    )


def test_the_table_says_where_words_begin(vitrail: Vitrail, pictures: Path) -> None:
    vitrail.index(pictures)
    out = vitrail("calibrate").out
    lines = out.splitlines()
    assert lines[0] == f"mean@1: {IMAGES} images, 144 copies planted"
    assert re.fullmatch(r"1,7\d\d pairs of unrelated images compared.*", lines[1])
    assert [line.split()[0] for line in lines[4:8]] == ["copy", "look-alike", "related", "chance"]
    assert max(map(len, lines)) < 80
    told = vitrail("calibrate", "--json").json
    scores = [word["score"] for word in told["words"]]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert [rate for rate, _ in told["rates"]] == [0.1, 0.01, 0.001]
    found = vitrail("search", "photo.jpg", "--json", "--k", IMAGES).json
    assert found["scale"]["copy"] == told["scale"]["copy"]
    words = [hit["closeness"] for hit in found["hits"]]
    assert words[0] == "copy"
    assert words[-1] == "chance"


def test_hits_show_rate_and_word_in_a_terminal_but_a_pipe_keeps_its_columns(
    vitrail: Vitrail, pictures: Path
) -> None:
    vitrail.index(pictures)
    heading, first, *_ = vitrail.at(80, "search", "photo.jpg").out.splitlines()[-11:]
    assert heading.split() == ["score", "fpr", "closeness", "id", "path"]
    assert re.search(r"< 0\.05\d%  copy ", first)
    piped = vitrail("search", "photo.jpg", "--k", 1).out
    assert len(piped.rstrip("\n").split("\t")) == 4


def test_a_drawing_shows_both_distributions_and_fetches_nothing(
    vitrail: Vitrail, pictures: Path, tmp_path: Path
) -> None:
    vitrail.index(pictures)
    done = vitrail("calibrate", "--html", "scores.html")
    assert "drawing: scores.html" in done.err
    page = (tmp_path / "scores.html").read_text("utf-8")
    assert page.count("<polygon") == 2
    assert not re.search(r"""src=|href=|url\(|@import|<script|https?:""", page)
    for word in ("copy", "look-alike", "related", "compressed", "overlaid"):
        assert word in page
    vitrail.fails("calibrate", "--html", "no/such.html", code=2, says=["cannot write the drawing"])


@pytest.mark.parametrize("call", CALLS)
def test_every_call_of_the_guide_answers(vitrail: Vitrail, pictures: Path, call: str) -> None:
    vitrail.index(pictures)
    done = vitrail(*shlex.split(call))
    assert done.code == 0, done
    assert done.out


def test_the_guide_has_calls() -> None:
    assert len(CALLS) >= 7
