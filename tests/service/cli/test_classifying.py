"""``vitrail classify`` and ``vitrail labels``: what they print, write, draw and refuse."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.service.cli.test_hostile import EVIL, OBEYED
from tests.service.conftest import Outcome, Vitrail
from tests.service.operations.painted import COLOURS, paint, painted
from vitrail.indexer.cancellation import Cancellation, check_heeded
from vitrail.indexer.collection.probes import probe_names
from vitrail.indexer.errors import CancelledError
from vitrail.search.classification.assessment import Assessment
from vitrail.service.cli.label_pages import write_confusion
from vitrail.service.cli.viewers import AnalysisViewer
from vitrail.service.operations.examining import LabelReport


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    painted(folder).close()
    return folder


@pytest.fixture
def scene(vitrail: Vitrail, made_once: Path) -> Vitrail:
    shutil.copytree(made_once / "collection", vitrail.home)
    return vitrail


@pytest.fixture
def others(tmp_path: Path) -> list[Path]:
    return sorted(paint(tmp_path / "others", each=1, seed=8).rglob("*-00.png"))


def lines(done: Outcome) -> list[list[str]]:
    assert done.code == 0, done.err
    return [line.split("\t") for line in done.out.splitlines()]


def test_files_are_told(scene: Vitrail, others: list[Path]) -> None:
    told = lines(scene("classify", *others, "--labels", "label", "--top", 2))
    assert [line[0] for line in told] == ["blue", "green", "red"]
    assert [line[-1] for line in told] == [str(path) for path in others]
    assert all(len(line) == 5 and float(line[1]) > float(line[3]) for line in told)
    made = scene("classify", *others, "--labels", "label", "--by", "probe", "--json").json
    assert [image["label"] for image in made["images"]] == ["blue", "green", "red"]
    assert (made["by"], made["labels"], made["space"]) == ("probe", "label", "mean@1")
    assert made["images"][0]["guesses"][0]["probability"] > 0.5
    assert probe_names(str(scene.home))


def test_an_image_of_the_collection_is_told_by_its_id_or_path(scene: Vitrail) -> None:
    (by_id,) = lines(scene("classify", "1", "--labels", "label"))
    assert by_id[0] == os.path.basename(by_id[-1]).split("-")[0]
    (by_name,) = lines(scene("classify", os.path.basename(by_id[-1]), "--labels", "label"))
    assert by_name == by_id


def test_labels_are_written_and_can_be_asked_for(scene: Vitrail) -> None:
    done = scene("classify", "--where", "true", "--labels", "label", "--write", "told")
    assert "39 labels written into the column told" in done.err
    listed = lines(scene("list", "--where", "told = 'red'", "--columns", "told,told_probability"))
    assert 10 < len(listed) < 16
    assert all(float(chance) > 0.3 for _, chance in listed)
    again = scene(
        *("classify", "--where", "true", "--labels", "label", "--write", "told"),
        *("--min-probability", "1"),
    )
    assert "39 are left without" in again.err
    assert scene("list", "--where", "told is not null", "--count").out.strip() == "0"


def test_what_is_unsure_has_an_empty_label_in_a_pipe_and_a_dash_for_people(
    scene: Vitrail, others: list[Path]
) -> None:
    words = ("classify", others[0], "--labels", "label", "--min-probability", "1")
    assert lines(scene(*words))[0][0] == ""
    folder, heading, row = scene.at(80, *words).out.splitlines()
    assert folder.startswith("in ")
    assert heading.split() == ["label", "or", "path"]
    assert re.match(r"–      blue \.\d\d  blue-00.png", row)


def test_a_bad_file_is_named_and_the_others_are_told(
    scene: Vitrail, others: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "torn.png").write_bytes(b"no")
    done = scene("classify", tmp_path / "torn.png", others[0], "--labels", "label")
    assert done.code == 1
    assert done.out.startswith("blue")
    assert done.err.count("torn.png") == 1


def test_a_report_in_a_pipe_in_json_and_as_a_page(scene: Vitrail, tmp_path: Path) -> None:
    page = tmp_path / "confusion.html"
    done = scene("labels", "report", "--html", page)
    assert done.code == 0, done.err
    assert "39 images with 3 labels in column label" in done.out
    table = done.out[done.out.index("\nlabel") :].splitlines()[1:]
    assert [row.split()[0] for row in table[1:4]] == sorted(COLOURS)
    assert [row.split()[1] for row in table[1:4]] == ["13", "13", "13"]
    assert max(map(len, done.out.splitlines())) <= 100
    made = scene("labels", "report", "--json").json
    assert sum(map(sum, made["confusion"])) == made["told"] == 39
    assert len({one for cell in made["cells"] for one in cell["ids"]}) == 39
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert "<script" not in text
    cells = set(re.findall(r'href="#(cell-\d+-\d+)"', text))
    assert cells == set(re.findall(r'<section class="cell" id="([^"]+)"', text))
    assert len(cells) >= 3
    assert text.count("data:image/webp") >= 36
    assert not re.findall(r'(?:src|href)="https?:', text)


def test_suspects_in_a_pipe_in_json_and_as_a_page(scene: Vitrail, tmp_path: Path) -> None:
    table = tmp_path / "kinds.csv"
    names = [f"{c}-{n:02}.png" for c in COLOURS for n in range(12)]
    wrong = {"red-03.png": "blue", "green-05.png": "red"}
    rows = [f"{name},{wrong.get(name, name.split('-')[0])}" for name in names]
    table.write_text("\n".join(["path,kind", *rows]))
    assert scene("annotate", table).code == 0
    page = tmp_path / "suspects.html"
    words = ("labels", "suspects", "--labels", "kind", "--by", "probe")
    told = lines(scene(*words, "--html", page))
    found = {os.path.basename(line[-1]): line for line in told if line[0] == "label"}
    assert set(wrong) <= set(found)
    assert found["red-03.png"][1:3] == ["blue", "red"]
    made = scene(*words, "--json").json
    named = {os.path.basename(one["path"]): one for one in made["suspects"]}
    assert named["green-05.png"]["likely"] == "green"
    assert named["green-05.png"]["nearest_of_likely"]["cosine"] > 0.5
    assert "red-03.png" in page.read_text("utf-8")
    shown = scene.at(80, *words, "--limit", 1).out
    assert ["label", "likely", "p", "path"] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("classify",), "nothing was given to classify"),
        (("classify", "1"), "labels of your own with --labels COLUMN"),
        (("classify", "1", "--by", "probe"), "name their column with --labels"),
        (("classify", "1", "--by", "magic"), "use one of head, knn, probe"),
        (("classify", "1", "--labels", "lable"), "did you mean label"),
        (("classify", "1", "--labels", "label", "--write", "x"), "named by --where"),
        (("classify", "1", "--labels", "label", "--space", "x"), "which has mean@1"),
        (("classify", "none.png", "--labels", "label"), "check the spelling"),
        (("classify", "1", "--labels", "label", "--where", "true"), "beside a filter"),
        (("labels", "check"), "use report or suspects"),
        (("labels", "report", "--by", "head"), "use one of knn, probe"),
        (("labels", "report", "--labels", "prompt"), "no image has a value"),
        (("labels", "suspects", "--labels", "format"), "two are needed"),
        (("labels", "suspects", "--min-probability", ".5"), "labels report"),
    ],
)
def test_refusals_are_one_line(
    scene: Vitrail, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrail.indexer import encoders
    from vitrail.indexer.errors import CheckpointError

    def none(name: str) -> tuple[str, ...]:
        raise CheckpointError(f"{name!r} has no classification head: leave out --classify")

    monkeypatch.setattr(encoders, "read_labels", none)
    scene.fails(*words, code=2, says=[says])
    assert not probe_names(str(scene.home))


def test_interrupted_it_ends_with_its_code_and_writes_nothing(
    scene: Vitrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Cancellation) -> None:
        raise CancelledError("interrupted")

    monkeypatch.setattr(Cancellation, "check", stop)
    done = scene("classify", "--where", "true", "--labels", "label", "--write", "told")
    assert done.code == 130
    assert "column told" not in done.err
    assert scene.fails("list", "--where", "told = 'x'", code=2, says=["told"])


def test_an_interruption_is_heard_from_the_start() -> None:
    """Also before there is any progress, while labels are read, which DuckDB does."""
    before = signal.getsignal(signal.SIGINT)
    with AnalysisViewer(quiet=True) as viewer:
        check_heeded()
        os.kill(os.getpid(), signal.SIGINT)
        assert viewer.cancellation.cancelled
        with pytest.raises(CancelledError):
            check_heeded()  # as a filter does that takes long
    check_heeded()
    assert signal.getsignal(signal.SIGINT) is before


def test_hostile_labels_and_names_are_obeyed_nowhere(vitrail: Vitrail, tmp_path: Path) -> None:
    """Folders whose names are escapes and markup: printed as text, and as text on pages."""
    paint(tmp_path / "images")
    for colour in COLOURS:
        odd = tmp_path / "images" / f"{colour}{EVIL}<b>&"
        (tmp_path / "images" / colour).rename(odd)
        (odd / f"{colour}-00.png").rename(odd / f"{colour}{EVIL}.png")
    vitrail.index(tmp_path / "images", "--label-from", "parent")
    pages = tmp_path / "confusion.html", tmp_path / "suspects.html"
    seen = ""
    for words in (
        ("classify", "--where", "true", "--labels", "label", "--top", 3),
        ("classify", "--where", "true", "--labels", "label", "--json"),
        ("labels", "report", "--html", pages[0]),
        ("labels", "report", "--json"),
        ("labels", "suspects", "--html", pages[1]),
        ("labels", "suspects", "--json"),
    ):
        for done in (vitrail(*words), vitrail.at(80, *words)):
            assert done.code == 0, done.err
            assert OBEYED.search(done.out + done.err) is None, words
            seen += done.out
    assert r"red\x1b]0;pwned\x07" in seen
    for page in pages:
        text = page.read_text("utf-8")
        assert OBEYED.search(text) is None
        assert "<b>&" not in text
    assert "red\\x1b]0;pwned" in pages[0].read_text("utf-8")


def test_a_matrix_of_many_labels_shows_those_most_often_mistaken(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    targets = np.repeat(np.arange(90), 4)
    told = np.eye(90)[targets] + 0.01
    for wrong in range(0, 200, 4):  # the first fifty labels are told wrongly once
        told[wrong] = np.eye(90)[(targets[wrong] + 1) % 50] + 0.01 * random.random(90)
    names = tuple(f"label {number:02}" for number in range(90))
    made = Assessment(names, np.arange(360), targets, told / told.sum(axis=1, keepdims=True))
    paths = dict.fromkeys(range(360))
    page = tmp_path / "confusion.html"
    write_confusion(page, LabelReport("kind", "gem@9", "knn", "5 vote", 1.0, made, (), paths))
    text = page.read_text("utf-8")
    assert "shows the 40 labels that are most often mistaken, of 90" in text
    assert text.count('<th scope="row">') == 40
    assert text.count("<tr><td>label") == 90
    assert set(re.findall(r'href="#(cell-[\d-]+)"', text)) == set(
        re.findall(r'id="(cell-[\d-]+)"', text)
    )
