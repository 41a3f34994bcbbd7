"""``vitrail audit``."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Vitrail
from vitrail.service.operations.audit_results import AuditMeasure

LEARNT = "label = 'learnt'"
MADE = "label = 'made'"
OPTIONS = ("--generated", MADE, "--against", LEARNT)


def blots(seed: int, side: int = 96) -> Image.Image:
    """Rectangles and discs of many colours, with corners to find."""
    random = np.random.default_rng(seed)
    pixels = np.full((side, side, 3), random.integers(0, 256, 3), np.uint8)
    y, x = np.mgrid[:side, :side]
    for number in range(14):
        cx, cy = random.integers(0, side, 2).tolist()
        size = int(random.integers(6, side // 3))
        inside = (abs(x - cx) < size) & (abs(y - cy) < size // 2)
        if number % 2:
            inside = (x - cx) ** 2 + (y - cy) ** 2 < (size // 2) ** 2
        pixels[inside] = random.integers(0, 256, 3)
    return Image.fromarray(pixels)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Fifty images that were learnt; of four made ones two are copies of the first two."""
    for folder in ("learnt", "made"):
        (tmp_path / "all" / folder).mkdir(parents=True)
    for number in range(50):
        blots(number).save(tmp_path / "all" / "learnt" / f"{number:02}.png")
    for number in range(2):
        copy = blots(number).resize((72, 72), Image.Resampling.BICUBIC)
        copy.save(tmp_path / "all" / "made" / f"copy{number}.jpg", quality=70)
        blots(100 + number).save(tmp_path / "all" / "made" / f"new{number}.png")
    return tmp_path / "all"


def test_copies_are_told_by_their_pixels_with_what_they_copy(
    vitrail: Vitrail, sets: Path, tmp_path: Path
) -> None:
    vitrail.index(sets, "--label-from", "parent")
    page = tmp_path / "audit.html"
    told = vitrail("audit", *OPTIONS, "--planted", 2, "--json", "--html", page).json
    assert (told["images"], told["references"]) == (4, 50)
    first, second, third, _ = told["pairs"]
    for pair, name in ((first, "copy"), (second, "copy"), (third, "new")):
        assert Path(pair["image"]["path"]).name.startswith(name)
    for pair in (first, second):
        image, reference = (Path(pair[side]["path"]).stem for side in ("image", "reference"))
        assert int(image.removeprefix("copy")) == int(reference)
        assert pair["evidence"]["tier"] == "re-encoded"
        assert pair["score"] > 0.8
    assert third["evidence"] is None
    assert third["score"] < 0.5
    assert told["measures"]["pixels"]["auc"]["mean"] > 0.85
    assert [*told["measures"]] == ["pixels", "relative", "own", "plain"]
    apart = told["measures"]["pixels"]["auc_of_generated"]
    assert 0.5 < apart["mean"] <= 1
    assert apart["low"] <= apart["mean"] <= apart["high"]
    for measure in told["measures"].values():
        false, caught = (np.array(measure["curve"][side]) for side in ("false", "caught"))
        assert (false[0], caught[0], false[-1], caught[-1]) == (0, 0, 1, 1)
        assert np.trapezoid(caught, false) == pytest.approx(measure["auc"]["mean"])
    assert all(pair["read"] for pair in told["pairs"])
    assert "too few innocent images" in told["verdict"]  # of fifty none is one in a hundred
    assert {one["id"] for one in told["scores"]} == {1, 2, 3, 4} or len(told["scores"]) == 4
    text = page.read_text("utf-8")
    assert "script" not in text.lower().replace("default-src", "")
    assert "copy0.jpg" in text


def test_by_vectors_alone_the_line_is_where_one_in_a_hundred_innocent_images_is(
    vitrail: Vitrail, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for number in range(130):
        folder = tmp_path / "all" / ("learnt" if number < 120 else "made")
        folder.mkdir(parents=True, exist_ok=True)
        colours = random.integers(0, 256, (2, 2, 3), dtype=np.uint8)
        if number >= 125:  # one in two made images is one that was learnt, but for a shade
            learnt = Image.open(tmp_path / "all" / "learnt" / f"{number - 125}.png")
            colours = np.asarray(learnt)[::8, ::8] ^ np.uint8(1)
        Image.fromarray(colours.repeat(8, 0).repeat(8, 1)).save(folder / f"{number}.png")
    vitrail.index(tmp_path / "all", "--label-from", "parent")
    done = vitrail("audit", *OPTIONS, "--planted", 0, "--no-pixels", "--pairs", 5)
    assert "5 of 10 images reach the line that 1% of innocent images reach" in done.out
    assert "pixels were not compared" in done.out
    assert "up to 1.7% of new ones reach the line of 1%" in " ".join(done.out.split())
    assert len([line for line in done.out.splitlines() if line.endswith(".png")]) == 5
    told = vitrail("audit", *OPTIONS, "--planted", 0, "--no-pixels", "--json").json
    (line, rarer) = told["measures"]["relative"]["lines"]
    assert line["above"] == 5
    assert line["rate_of_pairs"] == pytest.approx(2 / 121, abs=0.002)
    assert rarer["score"] is None
    assert rarer["innocent_needed"] == 999
    assert told["measures"]["relative"]["auc"] is None
    assert told["measures"]["relative"]["curve"] is None


def test_files_that_are_away_are_told_of_and_judged_by_nothing(
    vitrail: Vitrail, sets: Path
) -> None:
    vitrail.index(sets, "--label-from", "parent")
    (sets / "made" / "copy0.jpg").unlink()
    done = vitrail("audit", *OPTIONS, "--planted", 0)
    assert "1 image could not be read, and are not judged" not in done.out
    assert "1 image could not be read, and is not judged" in done.out
    assert "of the latter could not be read" not in done.out
    (sets / "learnt" / "01.png").unlink()
    told = " ".join(vitrail("audit", *OPTIONS, "--planted", 0).out.split())
    assert "1 image of the latter could not be read, such as" in told
    assert "01.png: nothing shows whether they are copied" in told
    for number in range(50):
        (sets / "learnt" / f"{number:02}.png").unlink(missing_ok=True)
    done = vitrail("audit", *OPTIONS, "--planted", 2, "--json")
    assert len(done.json["references_away"]) > 1
    assert "no copies were planted, as no reference's file can be read" in done.err
    assert {one["pixels"] for one in done.json["scores"]} == {None}
    assert {one["fpr"] for one in done.json["scores"]} == {None}
    assert done.json["pairs"] == []


@pytest.mark.parametrize("how", [(), ("--no-pixels",)])
def test_copies_among_those_held_make_way_for_others(
    vitrail: Vitrail, sets: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]
) -> None:
    for number in range(0, 20, 2):  # so that of any twenty some are copies
        copy = blots(number).resize((90, 90), Image.Resampling.BICUBIC)
        copy.save(sets / "learnt" / f"{number:02}.webp", quality=95)
    vitrail.index(sets, "--label-from", "parent")
    monkeypatch.setattr("vitrail.service.operations.innocent.INNOCENT", 20)
    told = vitrail("audit", *OPTIONS, "--planted", 0, *how, "--json").json
    assert told["references_that_are_copies"] >= 3
    assert all(20 <= one["innocent"] < 28 for one in told["measures"].values())


def test_a_terminal_of_80_columns_has_room_for_the_measures(vitrail: Vitrail, sets: Path) -> None:
    vitrail.index(sets, "--label-from", "parent")
    done = vitrail.at(80, "audit", *OPTIONS, "--planted", 2, "--pairs", 0, "-q")
    assert "by the reference's neighbours" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--generated", "id < 0"), ["no image fulfils", "--generated"]),
        (("--generated", "true", "--against", "id < 9"), ["fulfilled by 8 images", "50 on"]),
        (("--generated", "id < 4", "--against", "true"), ["both filters let through 3 images"]),
        (("--generated", MADE, "--against", LEARNT, "--space", "cls@99"), ["cls@99", "mean@1"]),
        (("--generated", "colour = 1"), ["colour"]),
        (("--html", "no/such/folder/audit.html"), ["no/such/folder"]),
    ],
)
def test_what_cannot_be_audited_is_said_in_a_line(
    vitrail: Vitrail, sets: Path, words: tuple[str, ...], says: list[str]
) -> None:
    vitrail.index(sets, "--label-from", "parent")
    vitrail.fails("audit", *words, code=2, says=says)


def test_an_interruption_claims_nothing_for_kept(
    vitrail: Vitrail, sets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(sets, "--label-from", "parent")

    heard: list[object] = []

    def interrupt(*given: object) -> float:
        if not heard:  # the second signal ends at once
            signal.raise_signal(signal.SIGINT)
        heard.append(given)
        return 0.0

    monkeypatch.setattr("vitrail.service.operations.audit_sample.agreement", interrupt)
    told = vitrail.fails("audit", *OPTIONS, "--planted", 0, "-q", code=130, says=["run it again"])
    assert "kept" not in told


def test_how_far_generated_images_score_above_innocent_ones_is_counted_by_pairs() -> None:
    measured = AuditMeasure(np.array([3.0, 1.0, np.nan]), np.array([0.0, 1.0, 2.0]), (), None, {})
    assert measured.apart is not None
    # of six pairs four are above, and one is a tie
    assert measured.apart.mean == pytest.approx(4.5 / 6)
    for scores, nulls in (([np.nan], [1.0]), ([1.0], [])):
        none = AuditMeasure(np.array(scores), np.array(nulls), (), None, {})
        assert none.apart is None
