"""Questions of several images, of a part of one, by groups and by pages, as they are typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail

Paint = Callable[..., Path]
WARM = {"red.png", "crimson.png"}
NEXT = re.compile(r"^more: --after (\S+)$", re.MULTILINE)


@pytest.fixture
def shelf(vitrail: Vitrail, folder: Path) -> Path:
    """The five images of one colour each, indexed; labels are their folders' names."""
    vitrail.index(folder, "--label-from", "parent")
    return folder


def test_several_images_are_one_question_however_they_are_named(
    vitrail: Vitrail, shelf: Path
) -> None:
    red, blue = shelf / "warm" / "red.png", shelf / "cold" / "blue.png"
    asked = vitrail("search", red, blue, "-k", 3, "--json")
    assert asked.json["query"] == f"{red} and {blue}"
    hits = vitrail("search", red, "--positive", blue, "-k", 3, "--json").json["hits"]
    assert hits == asked.json["hits"]
    own = {hit["paths"][0]: hit["id"] for hit in vitrail("search", red, "--json").json["hits"]}
    stored = vitrail("search", own[str(red)], "blue.png", "-k", 3)
    assert not {"red.png", "blue.png"} & {*stored.names}, "what is asked with is no answer"
    best = vitrail("search", red, blue, "--fusion", "best-score", "-k", 2, "--json").json["hits"]
    assert {Path(hit["paths"][0]).name for hit in best} == {"red.png", "blue.png"}
    assert [hit["score"] for hit in best] == pytest.approx([1, 1], abs=1e-5)


def test_a_negative_image_sends_what_is_like_it_behind(vitrail: Vitrail, shelf: Path) -> None:
    red, crimson = shelf / "warm" / "red.png", shelf / "warm" / "crimson.png"
    plain = vitrail("search", red)
    assert plain.names[:2] == ["red.png", "crimson.png"]
    best = vitrail("search", red, "--negative", crimson, "--fusion", "best-score")
    assert best.names[0] == "red.png"
    assert best.names.index("crimson.png") > 1
    assert "not" in vitrail("search", red, "--negative", crimson, "--json").json["query"]
    kept = vitrail(
        *("search", red, "--negative", crimson, "--fusion", "best-score", "--min-score", 0)
    )
    assert "crimson.png" not in kept.names
    vitrail.fails(
        *("search", red, "--negative", red),
        code=2,
        says=["negative 1 is the same image as positive 1", "leave one of the two out"],
    )
    vitrail.fails(
        *("search", red, "--negative", crimson, "--fusion", "rrf"), code=2, says=["rrf counts"]
    )


def test_a_question_for_and_against_the_same_words_is_refused(
    vitrail: Vitrail, shelf: Path
) -> None:
    red = shelf / "warm" / "red.png"
    for one in ("text", "prompt"):
        vitrail.fails(
            *("search", f"--{one}", "a dog", f"--not-{one}", "a dog"),
            code=2,
            says=[f"--not-{one} 'a dog' is the --{one} as well, which it cancels"],
        )
        vitrail.fails("search", f"--not-{one}", "a dog", code=2, says=["to be like as well"])
    vitrail.fails("search", red, "--not-text", "x", "--seeds", 2, code=2, says=["--seeds 2 is for"])
    vitrail.fails(
        *("search", red, "--not-prompt", "x", "--background", 3),
        code=2,
        says=["--background 3 is for --prompt TEXT"],
    )
    vitrail.fails(
        *("search", "--queries", shelf, "--out", shelf / "x.jsonl", "--not-text", "x"),
        code=2,
        says=["--not-text x is for one question"],
    )


def test_questions_that_ask_nothing_are_refused_in_a_line(vitrail: Vitrail, shelf: Path) -> None:
    red = shelf / "warm" / "red.png"
    vitrail.fails("search", code=2, says=["give an image, --text TEXT, --prompt TEXT or --random"])
    vitrail.fails("search", "--negative", red, code=2, says=["to be like as well"])
    vitrail.fails("search", red, "--fusion", "mean", code=2, says=["--fusion mean", "several"])
    vitrail.fails("search", "-", "--negative", "-", code=2, says=["named more than once"])
    vitrail.fails(
        *("search", red, "--prompt", "x", "--background", 3), code=2, says=["--prompt TEXT alone"]
    )
    vitrail.fails("search", red, red, "--box", "0,0,1,1", code=2, says=["of one image"])
    vitrail.fails("search", red, "--box", "0,0,9", code=2, says=["'0,0,9' is no box"])
    vitrail.fails(
        "search",
        red,
        "--box",
        "8,8,9,9",
        code=2,
        says=["8,8,9,9", "beyond", "16 x 16", "at most 16"],
    )


def test_a_random_image_is_one_that_the_filter_passes(vitrail: Vitrail, shelf: Path) -> None:
    drawn = set()
    for _ in range(12):
        told = vitrail("search", "--random", "--where", "label = 'warm'", "--json").json
        drawn.add(told["query"])
        names = [Path(hit["paths"][0]).name for hit in told["hits"]]
        assert set(names) == WARM - {told["query"].split(", ")[1]}, "itself is left out"
    assert {one.split(", ")[1] for one in drawn} <= WARM
    assert len(drawn) == 2, "one of both each time"
    assert "asked with image " in vitrail("search", "--random").err
    vitrail.fails(
        *("search", "--random", "--where", "width > 999"), code=2, says=["no image can be drawn"]
    )
    vitrail.fails("search", "--random", "--after", "x", code=2, says=["name the image"])


def test_an_image_that_is_named_twice_is_refused(vitrail: Vitrail, shelf: Path) -> None:
    red, blue = shelf / "warm" / "red.png", shelf / "cold" / "blue.png"
    vitrail.fails("search", 1, 1, code=2, says=["image 1", "given twice"])
    vitrail.fails("search", red, "--positive", red, code=2, says=["red.png is given twice"])
    vitrail.fails(
        *("search", red, "--negative", blue, "--negative", blue), code=2, says=["blue.png is given"]
    )
    copy = shelf.parent / "copy.png"
    copy.write_bytes(red.read_bytes())
    assert vitrail("search", red, copy).code == 0, "another file may hold the same"


def test_a_box_asks_with_a_part_of_an_image(vitrail: Vitrail, shelf: Path, paint: Paint) -> None:
    both = paint("../both.png", (255, 0, 0), (0, 0, 255))
    upper = vitrail("search", both, "--box", "0,0,16,8", "-k", 1, "--json").json
    assert Path(upper["hits"][0]["paths"][0]).name == "red.png"
    assert upper["hits"][0]["score"] == pytest.approx(1, abs=1e-5)
    assert upper["query"] == f"{both}, box 0,0,16,8"
    lower = vitrail("search", both, "--box", "0%,50%,100%,50%", "-k", 1)
    assert lower.names == ["blue.png"]
    whole = vitrail("search", both, "--box", "0%,0%,100%,100%", "--json").json["hits"]
    assert whole == vitrail("search", both, "--json").json["hits"]


def test_a_region_is_a_box_that_is_not_cut_out(vitrail: Vitrail, shelf: Path) -> None:
    red = shelf / "warm" / "red.png"
    whole = vitrail("search", red, "--region", "0%,0%,100%,100%", "--json").json["hits"]
    assert whole == vitrail("search", red, "--json").json["hits"]
    one = ("--region", "0,0,8,8")
    vitrail.fails("search", red, red, *one, code=2, says=["--region 0,0,8,8 is of one image"])
    vitrail.fails("search", red, *one, "--box", "0,0,8,8", code=2, says=["leave one out"])
    vitrail.fails("search", red, "--region", "9,9,9,9", code=2, says=["beyond", "at most 16"])
    vitrail.fails("search", red, "--region", "0,0,8", code=2, says=["'0,0,8' is no box"])


def test_a_box_of_an_indexed_image_is_cut_out_of_its_file(
    vitrail: Vitrail, shelf: Path, paint: Paint
) -> None:
    both = paint("both.png", (255, 0, 0), (0, 0, 255))
    vitrail.index(shelf, "--label-from", "parent")
    hits = vitrail("search", both, "--json").json["hits"]
    own = next(hit["id"] for hit in hits if Path(hit["paths"][0]).name == "both.png")
    assert vitrail("search", own, "--box", "0,0,16,8", "-k", 1).names == ["red.png"]
    assert "both.png" not in vitrail("search", own, "--box", "0,0,16,8").names
    whole = vitrail("search", own, "--box", "0,0,16,16", "--json").json["hits"]
    assert whole == vitrail("search", own, "--json").json["hits"]
    paint("both.png", (0, 255, 0))
    vitrail.fails(
        *("search", own, "--box", "0,0,16,8"), code=2, says=[f"image {own}", "index its folder"]
    )


def test_groups_are_a_line_each_and_tell_how_many_more_they_hold(
    vitrail: Vitrail, shelf: Path
) -> None:
    red = shelf / "warm" / "red.png"
    shown = vitrail("search", red, "--group-by", "LABEL")
    assert shown.names[0] == "red.png"
    assert len(shown.names) == 2
    groups = [
        hit["group"] for hit in vitrail("search", red, "--group-by", "label", "--json").json["hits"]
    ]
    assert [(one["by"], one["value"], one["more"]) for one in groups] == [
        ("label", "warm", 1),
        ("label", "cold", 2),
    ]
    where, *table = vitrail.at(80, "search", red, "--group-by", "folder").out.splitlines()
    assert where.startswith("in "), "a path is as long as it is"
    assert [line[-9:] for line in table[1:]] == ["(+1 more)", "(+2 more)"]
    assert max(map(len, table)) <= 80
    vitrail.fails("search", red, "--group-by", "colour", code=2, says=["'colour'", "label"])
    vitrail.fails("search", red, "--group-by", "keywords", code=2, says=["several values"])


def test_pages_joined_are_the_long_answer(vitrail: Vitrail, shelf: Path) -> None:
    red = shelf / "warm" / "red.png"
    everything = vitrail("search", red, "-k", 5)
    assert not NEXT.search(everything.err)
    page = vitrail("search", red, "-k", 2)
    names = page.names
    while cursor := NEXT.search(page.err):
        page = vitrail("search", red, "-k", 2, "--after", cursor[1])
        names += page.names
    assert names == everything.names
    (cursor_,) = [vitrail("search", red, "-k", 2, "--json").json["next"]]
    vitrail.fails(
        *("search", red, "--only", "real", "--after", cursor_), code=2, says=["another query"]
    )
    vitrail.fails("search", red, "--after", "abc", code=2, says=["'abc' is no cursor"])


def test_pages_go_on_while_a_folder_is_indexed(vitrail: Vitrail, shelf: Path, paint: Paint) -> None:
    red = shelf / "warm" / "red.png"
    everything = vitrail("search", red, "-k", 5).names
    page, names, number = vitrail("search", red, "-k", 1), list[str](), 0
    while True:
        names += page.names
        cursor = NEXT.search(page.err)
        if cursor is None:
            break
        number += 1
        if number < 4:
            paint(f"new/{number}.png", (255 - number, 0, 0), (0, 60 * number, 200))
            vitrail.index(shelf, "--label-from", "parent")
        page = vitrail("search", red, "-k", 1, "--after", cursor[1])
    assert len(names) == len(set(names))
    assert [name for name in names if name in everything] == everything


def test_hits_are_put_in_the_order_of_a_column(vitrail: Vitrail, shelf: Path) -> None:
    red = shelf / "warm" / "red.png"
    by_name = vitrail("search", red, "-k", 3, "--sort", "-name")
    assert by_name.names == sorted(vitrail("search", red, "-k", 3).names, reverse=True)
    table = vitrail.at(80, "search", red, "--sort", "width").out
    assert "width" in table.splitlines()[0] + table.splitlines()[1]
    vitrail.fails("search", red, "--sort", "colour", code=2, says=["'colour'"])


APART = [
    ("--group-by", "label", "--diverse", "0.5"),
    ("--group-by", "label", "--after", "x"),
    ("--diverse", "0.5", "--after", "x"),
    ("--sort", "width", "--after", "x"),
    ("--fusion", "rrf", "--group-by", "label"),
    ("--fusion", "rrf", "--diverse", "0.5"),
    ("--fusion", "rrf", "--after", "x"),
]
TOGETHER = [
    ("--group-by", "label", "--sort", "name"),
    ("--diverse", "0.5", "--sort", "name"),
    ("--group-by", "copies", "--fusion", "best-score"),
    ("--diverse", "0.5", "--fusion", "best-score"),
    ("--sort", "name", "--fusion", "rrf"),
    ("--group-by", "label", "--where", "width > 1", "--min-score", "-1"),
]


@pytest.mark.parametrize("words", APART, ids=" ".join)
def test_options_that_exclude_one_another_are_refused(
    vitrail: Vitrail, shelf: Path, words: tuple[str, ...]
) -> None:
    two = shelf / "warm" / "red.png", shelf / "cold" / "blue.png"
    vitrail.fails("search", *two, *words, code=2, says=["do not go together", "leave one out"])


@pytest.mark.parametrize("words", TOGETHER, ids=" ".join)
def test_options_that_go_together_do(vitrail: Vitrail, shelf: Path, words: tuple[str, ...]) -> None:
    two = shelf / "warm" / "red.png", shelf / "cold" / "blue.png"
    done = vitrail("search", *two, *words)
    assert done.code == 0, done
    assert done.names


def test_the_contact_sheet_shows_what_was_asked_for_and_against(
    vitrail: Vitrail, shelf: Path
) -> None:
    red, blue = shelf / "warm" / "red.png", shelf / "cold" / "blue.png"
    file = shelf.parent / "sheet.html"
    words = ("--negative", blue, "--box", "0,0,8,8", "--group-by", "label", "--html", file)
    assert vitrail("search", red, *words).code == 0
    page = file.read_text("utf-8")
    assert "<b>not</b> blue.png" in page
    assert "part of red.png" in page
    assert "label warm, 1 more" in page


def test_sorted_hits_promise_no_page_that_would_be_refused(vitrail: Vitrail, shelf: Path) -> None:
    red = shelf / "warm" / "red.png"
    assert NEXT.search(vitrail("search", red, "-k", 2).err)
    done = vitrail("search", red, "-k", 2, "--sort", "-name")
    assert NEXT.search(done.err) is None, done.err
    assert vitrail("search", red, "-k", 2, "--sort", "-name", "--json").json["next"] is None


@pytest.mark.parametrize("sort", ["", " ", ",", " , "])
def test_an_order_that_names_no_column_is_refused(vitrail: Vitrail, shelf: Path, sort: str) -> None:
    red = shelf / "warm" / "red.png"
    says = ["sort is", "names no column", "leave it out"]
    vitrail.fails("search", red, "--sort", sort, code=2, says=says)
    vitrail.fails("list", "--sort", sort, code=2, says=says)


@pytest.mark.parametrize("rate", ["0", "2", "101%", "nan", "-1", "often"])
def test_a_rate_that_is_none_is_told_what_one_is(vitrail: Vitrail, shelf: Path, rate: str) -> None:
    red = shelf / "warm" / "red.png"
    says = [f"--max-fpr is '{rate}'", "above 0", "1 at most", "0.1%"]
    vitrail.fails("search", red, "--max-fpr", rate, code=2, says=says)
