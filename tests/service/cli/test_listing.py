"""``vitrail list``, and filters, exports and tables as people meet them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.service.conftest import Vitrail
from vitrail.indexer.catalog.kinds import WORDS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def listed(vitrail: Vitrail, folder: Path) -> Vitrail:
    vitrail.index(folder, "--label-from", "parent")
    return vitrail


def test_all_images_are_lines_in_a_pipe(listed: Vitrail, folder: Path) -> None:
    done = listed("list")
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [line[1] for line in lines].count("warm") == 2
    assert {line[2] for line in lines} == {str(path) for path in folder.rglob("*.png")}
    assert [int(line[0]) for line in lines] == [1, 2, 3, 4, 5]
    assert done.err == ""


def test_filters_order_columns_and_counts(listed: Vitrail, folder: Path) -> None:
    cold = ["list", "--where", "label = 'cold'"]
    assert listed(*cold, "--count").out == "3\n"
    assert listed("list", "--only", "generated", "--count").out == "0\n"
    names = listed(*cold, "--sort", "-name", "--columns", "name").out.split()
    assert names == ["navy.png", "green.png", "blue.png"]
    assert listed(*cold, "--sort", "-name", "--limit", "1", "--columns", "Name").out == "navy.png\n"
    shown = listed("list", "--sort", "label,-name", "--limit", "1").out.split("\t")
    assert shown[1:] == ["cold", "navy.png", f"{folder / 'cold' / 'navy.png'}\n"]
    assert (
        len(listed("list", "--where", "added_at > today() - interval 7 days").out.split("\n")) == 6
    )


def test_json_is_one_array_of_all_columns(listed: Vitrail) -> None:
    rows = json.loads(listed("list", "--json", "--sort", "-id").out)
    assert [row["id"] for row in rows] == [5, 4, 3, 2, 1]
    assert {"path", "label", "width", "added_at", "missing", "path_raw"} <= rows[0].keys()
    assert json.loads(listed("list", "--where", "false", "--json").out) == []
    some = json.loads(listed("list", "--json", "--columns", "id,width").out)
    assert some[0].keys() == {"id", "width", "path", "path_raw"}


def test_a_draw_has_a_seed_that_gives_it_again(listed: Vitrail) -> None:
    once = listed("list", "--random", "2", "--seed", "7").out
    assert once == listed("list", "--random", "2", "--seed", "7").out
    assert len(once.splitlines()) == 2
    told = listed("list", "--random", "3", "--columns", "id")
    seed = told.err.split()[-1]
    assert listed("list", "--random", "3", "--columns", "id", "--seed", seed).out == told.out
    assert len(listed("list", "--random", "99").out.splitlines()) == 5


def test_a_contact_sheet_has_pictures_and_no_scores(listed: Vitrail, tmp_path: Path) -> None:
    sheet = tmp_path / "list.html"
    done = listed("list", "--where", "label = 'warm'", "--html", sheet)
    assert done.code == 0
    page = sheet.read_text()
    assert page.count("data:image/") == 2
    assert "2 images" in page
    assert "score" not in page.partition("<body>")[2]


def test_nothing_is_said_with_what_it_may_have_meant(listed: Vitrail, folder: Path) -> None:
    for words in (["list"], ["search", folder / "warm" / "red.png"]):
        done = listed(*words, "--where", "label = 'Warm'")
        assert (done.code, done.out) == (0, "")
        assert "no image passes the filter" in done.err
        assert "nearest: 'warm' (2)" in done.err
    told = listed("search", "1", "--where", "folder = 'warm'", "--json").json
    assert told["hits"] == []
    assert str(folder / "warm") in told["hints"][0]


def test_unusable_lists_are_refused_in_one_line(listed: Vitrail) -> None:
    for words, says in (
        (["--where", "lable = 'x'"], ["did you mean label?"]),
        (["--sort", "-widht"], ["the list names the column 'widht'", "did you mean width?"]),
        (["--columns", "nme"], ["did you mean name?"]),
        (["--only", "painted"], ["all, generated, real"]),
        (["--seed", "3"], ["--random N"]),
        (["--where", "sleep_ms(1000) = 1"], ["calls sleep_ms", "docs/cli.md"]),
        (["--where", "not " * 900 + "true"], ["nested too deeply"]),
        (["--html", "/none/of/this.html"], ["/none/of/this.html"]),
    ):
        listed.fails("list", *words, code=2, says=says)


def test_the_copy_that_a_filter_means_is_listed(listed: Vitrail, folder: Path) -> None:
    (folder / "backup").mkdir()
    copy = folder / "backup" / "red.png"
    shutil.copy(folder / "warm" / "red.png", copy)
    listed.index(folder, "--label-from", "parent")
    for where in ("label = 'backup'", f"folder = '{folder / 'backup'}'", "not label = 'warm'"):
        assert str(copy) in listed("list", "--where", where).out
        hits = listed("search", folder / "warm" / "red.png", "--where", where, "--json").json[
            "hits"
        ]
        (own,) = [hit for hit in hits if str(copy) in hit["paths"]]
        assert own["paths"][0] == own["metadata"]["path"] == str(copy)
        assert own["metadata"]["label"] == "backup"


def test_exports_are_what_their_name_says(listed: Vitrail, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text('path,tags\nred.png,"a ""b"""\n')
    listed("annotate", table)
    assert (
        "2 images written" in listed("export", tmp_path / "x.csv", "--where", "label = 'warm'").out
    )
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text("utf-8").splitlines()))
    assert {row["name"] for row in rows} == {"red.png", "crimson.png"}
    assert {row["tags"] for row in rows} == {'a "b"', ""}
    assert {row["generated"] for row in rows} == {"false"}
    listed("export", tmp_path / "x.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3, 4, 5]
    for name in ("x.xlsx", "x"):
        listed.fails("export", tmp_path / name, code=2, says=[".parquet", ".csv", ".jsonl"])
    assert sorted(path.name for path in tmp_path.glob("x*")) == ["x.csv", "x.jsonl"]


def test_an_import_counts_what_is_new(listed: Vitrail, tmp_path: Path) -> None:
    whole = tmp_path / "all.parquet"
    listed("export", whole, "--where", "label = 'cold'")
    copy = ("--collection", tmp_path / "copy")
    assert "3 images read" in (first := listed("import", whole, *copy).out)
    assert "3 new, 0 known already, 3 files gained" in first
    assert "0 new, 3 known already, 0 files gained" in listed("import", whole, *copy).out


def test_a_bad_import_leaves_no_collection_behind(listed: Vitrail, tmp_path: Path) -> None:
    bad, copy = tmp_path / "bad.parquet", ("--collection", tmp_path / "copy")
    bad.write_bytes(b"PAR1nothing")
    listed.fails("import", bad, *copy, code=2, says=["no exported collection"])
    listed("export", tmp_path / "all.parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    place = table.column_names.index("width")
    pq.write_table(table.set_column(place, "width", pa.array([1, 1, 1, 1, -1])), bad)
    listed.fails(
        "import", bad, *copy, code=2, says=["row 5, column 'width'", "nothing was imported"]
    )
    assert not (tmp_path / "copy").exists()


def test_one_text_among_numbers_is_told_by_its_cell(
    listed: Vitrail, tmp_path: Path, paint: Callable[..., Path]
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("path,stars\nred.png,3\nnavy.png,many\nblue.png,5\n")
    told = listed("annotate", table)
    assert "row 2 of column stars is no number: 'many'" in told.err
    assert "--numbers" in told.err
    assert "stars (text)" in listed("info").out
    told = listed("annotate", table, "--numbers", "stars")
    assert "left empty" in told.err
    table.write_text("path,weight\nred.png,3\nnavy.png,4\n")
    assert listed("annotate", table).err == ""
    assert listed("list", "--where", "weight > 3", "--count").out == "1\n"
    text = tmp_path / "text.csv"
    text.write_text("path,weight\nblue.png,heavy\n")
    assert "try_cast(COLUMN as double)" in listed("annotate", text).err
    assert listed("list", "--where", "try_cast(weight as double) > 3", "--count").out == "1\n"
    listed.fails(
        "annotate", table, "--numbers", "size", code=2, says=["no column 'size'", "weight"]
    )


def test_a_column_that_one_cell_made_text_is_numbers_again(listed: Vitrail, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"

    def annotate(*rows: str) -> str:
        table.write_text("\n".join(("path,stars", *rows)) + "\n")
        done = listed("annotate", table)
        assert done.code == 0, done
        return done.err

    annotate("red.png,3", "crimson.png,4")
    assert "column stars was number and is text now" in annotate("navy.png,many")
    assert "stars (text)" in listed("info").out
    told = annotate("blue.png,2.5")
    assert "column stars stays text, for it holds 'many', which is no number, in the row" in told
    assert "navy.png" in told
    assert "annotate these with a number or with nothing" in told

    assert annotate("navy.png,1") == "column stars was text and is number now\n"
    assert "stars (number)" in listed("info").out
    assert listed("list", "--where", "stars > 2", "--count").out == "3\n"

    (listed.home / "catalog.duckdb").unlink()  # the journal does it all again
    assert listed("verify", "--repair").code == 0
    assert "stars (number)" in listed("info").out
    shown = listed("list", "--columns", "name,stars", "--sort", "stars").out.split()
    assert shown[:8] == [
        "navy.png",
        "1.0",
        "blue.png",
        "2.5",
        "red.png",
        "3.0",
        "crimson.png",
        "4.0",
    ]

    assert "was number and is text now" in annotate("navy.png,few")
    assert annotate("navy.png,") == "column stars was text and is number now\n"
    assert annotate("navy.png,", "red.png,") == "", "nothing at all leaves a column its kind"
    assert "stars (number)" in listed("info").out
    assert "was number and is text now" in annotate("navy.png,007")
    assert "which is no number" in annotate("red.png,5"), "a name of digits is no number"


@pytest.mark.parametrize(
    ("values", "odd", "word"),
    [
        (("true", "false"), "perhaps", "yes/no"),
        (("2024-05-06", "2024-02-29"), "spring", "date"),
        (("2024-05-06 07:08:09", "2024-05-06 07:08"), "noon", "time"),
    ],
)
def test_columns_of_every_kind_are_called_by_their_names(
    listed: Vitrail, tmp_path: Path, values: tuple[str, str], odd: str, word: str
) -> None:
    table = tmp_path / "own.csv"
    table.write_text(f"path,it\nred.png,{values[0]}\nnavy.png,{values[1]}\n")
    assert listed("annotate", table).err == ""
    assert f"it ({word})" in listed("info").out
    table.write_text(f"path,it\nnavy.png,{odd}\n")
    assert f"column it was {word} and is text now" in listed("annotate", table).err
    table.write_text(f"path,it\nnavy.png,{values[1]}\n")
    assert f"column it was text and is {word} now" in listed("annotate", table).err


def test_the_manual_tells_every_kind_of_column_by_its_name() -> None:
    manual = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for word in set(WORDS.values()):
        assert f"| {word} |" in manual


def test_a_filter_that_mixes_kinds_is_refused_in_words(listed: Vitrail, tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text(
        "path,stars,mood,seen\nred.png,3,calm,2024-05-06\nnavy.png,4,DATE,2024-05-07\n"
    )
    assert listed("annotate", table).code == 0
    for where, says in (
        ("mood > 3", "Cannot compare values of text and number"),
        ("stars = 'DATE'", "Could not convert string 'DATE' to number"),
        ("seen > 3", "Cannot compare values of date and number"),
    ):
        told = listed.fails("list", "--where", where, code=2, says=[says])
        for name in ("VARCHAR", "INT", "Error:", "type "):
            assert name not in told


@pytest.mark.parametrize(
    "words",
    [
        ("--limit", 1),
        ("--sort", "width"),
        ("--columns", "id"),
        ("--random", 2),
        ("--html", "a.html"),
    ],
)
def test_what_a_count_would_ignore_is_refused(
    vitrail: Vitrail, folder: Path, words: tuple[object, ...]
) -> None:
    vitrail.index(folder)
    vitrail.fails("list", "--count", *words, code=2, says=[str(words[0]), "--count"])
