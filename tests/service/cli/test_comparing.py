"""``vitrail compare``: in a terminal, as JSON, as a report, and the guide to it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Vitrail

IMAGES = 100
MEASURES = {
    "frechet",
    "kernel",
    "precision",
    "recall",
    "density",
    "coverage",
    "vendi_a",
    "vendi_b",
}


@pytest.fixture
def sets(vitrail: Vitrail, tmp_path: Path) -> Path:
    """Two folders of as many images, indexed: of all colours, and of light ones alone."""
    for number in range(IMAGES):
        random = np.random.default_rng(number)
        for name, low in (("wide", 0), ("light", 150)):
            colours = random.integers(low, 256, (2, 2, 3), dtype=np.uint8)
            path = tmp_path / "images" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(colours.repeat(8, 0).repeat(8, 1)).save(path)
    vitrail.index(tmp_path / "images", "--label-from", "parent", "-q")
    return tmp_path / "images"


def test_two_sets_fit_a_terminal_and_say_what_follows(vitrail: Vitrail, sets: Path) -> None:
    done = vitrail.at(80, "compare", "--a", sets / "light", "--b", sets / "wide")
    assert done.code == 0, done.err
    assert max(len(line) for line in done.out.splitlines() if str(sets) not in line) <= 80
    assert f"a: {sets / 'light'} (100 images)" in done.out
    for said in ("Fréchet distance", "kernel distance", "precision", "Vendi score of b"):
        assert said in done.out
    told = " ".join(done.out.split())
    assert "The sets differ by more than chance" in told
    assert "of b have no" not in told
    assert re.search(r"a has nothing near \d+ images of b", told)


def test_json_has_every_number_and_null_where_there_is_none(vitrail: Vitrail, sets: Path) -> None:
    found = vitrail("compare", "--a", "label = 'light'", "--group-by", "label", "--json").json
    (space,) = found["spaces"]
    assert set(space["measures"]) == MEASURES
    assert space["measures"]["kernel"]["low"] > 0
    assert len(found["nearest"]) == IMAGES
    assert found["b"] == {"set": "all others", "images": IMAGES, "compared": IMAGES}
    assert [one["value"] for one in found["slices"]] == ["light", "wide"]
    few = vitrail("compare", "--a", "label = 'light' and id < 60", "--json").json
    measures = few["spaces"][0]["measures"]
    assert measures["precision"]["value"] is None
    assert measures["precision"]["needed"] == 100


def test_too_few_images_for_a_number_are_told_in_its_place(vitrail: Vitrail, sets: Path) -> None:
    some = "path like '%light%' and (name like '1%' or name like '2%')"
    shown = vitrail.at(80, "compare", "--a", some).out
    assert re.search(r"kernel distance +– +needs 30 images of each set; there are 22", shown)
    told = " ".join(shown.split("what b has")[0].split())
    assert re.search(r"a has nothing near \d+ images of b \(of \d+\)", told), told
    assert "%" not in told.replace("'%light%'", "").replace("'1%'", "").replace("'2%'", "")


def test_the_report_shows_the_images_and_runs_nothing(
    vitrail: Vitrail, sets: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = vitrail("compare", "--a", sets / "light", "--group-by", "label", "--html", page)
    assert done.code == 0, done.err
    assert f"report: {page}" in done.err
    text = page.read_text("utf-8")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.search(r"<script|\son\w+=|https?://", text)
    for heading in ("Numbers", "What a lacks", "What sets a apart", "Nearest pairs", "By label"):
        assert f">{heading}</h2>" in text
    anchors = set(re.findall(r'href="#(\w+)"', text))
    assert anchors <= set(re.findall(r'id="(\w+)"', text))
    assert text.count('<img src="data:image/webp') > 30


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing was given to compare"),
        (("one.png",), "1 image given, but two are compared"),
        (("1", "2", "--a", "generated"), "not both"),
        (("1", "2", "--group-by", "label"), "--space and --group-by are for two sets"),
        (("--a", "label = 'lihgt'"), "no image passes the filter of set a"),
        (("--a", "width > 0", "--b", "height > 0"), "are in both sets"),
        (("--a", "label = 'light'", "--space", "cls@40"), "cls@40"),
        (("--a", "label = 'light'", "--html", "none/report.html"), "there is no folder"),
        (("1", "nosuch.png"), "is no file, and no image of this collection"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(
    vitrail: Vitrail, sets: Path, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sets)
    vitrail.fails("compare", *words, code=2, says=[says])


GUIDE = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text("utf-8")
CALLS = re.findall(r"^vitrail (.+)$", GUIDE, re.MULTILINE)
MADE_BY = ("index", "generate")  # what other guides run


def test_every_command_of_the_guide_on_sets_runs_in_its_order(
    vitrail: Vitrail, sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On sets of the same names: what is light stands for what was generated."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(sets / "wide")
    named = {
        "generated": "label = 'light'",
        "not generated": "label = 'wide'",
        "gem@9": "mean@1",
        "gem@9/w64": "mean@1/w8",
        "64": "8",
    }
    ran = 0
    for call in CALLS:
        words = [named.get(word, word) for word in shlex.split(call, comments=True)]
        if words[0] in MADE_BY or (words[0] == "compare" and "--a" not in words):
            continue
        done = vitrail(*words)
        assert done.code == 0, (call, done.err)
        ran += 1
    assert ran == 5
    assert (tmp_path / "report.html").is_file()
