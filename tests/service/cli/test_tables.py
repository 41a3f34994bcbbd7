"""Lists that name files, in terminals of several widths and in pipes."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.service.conftest import Vitrail
from vitrail.service.cli.tables import Column, Placement, Row, place_paths, print_rows
from vitrail.service.cli.text import one_line, shell_word

Paint = Callable[..., Path]
WIDTHS = (60, 80, 120)
PARTS = st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
    min_size=1,
    max_size=6,
)
PATHS = PARTS.map(lambda parts: "/" + "/".join(parts))


@pytest.fixture
def printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def run(width: int, columns: list[Column], rows: list[Row], term: str = "dumb") -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr("rich.console.Console.is_terminal", True)
        print_rows(columns, rows)
        return capsys.readouterr().out

    return run


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(PATHS, min_size=1, max_size=6), st.sampled_from([20, *WIDTHS]), st.booleans())
def test_every_path_is_on_one_line_and_whole(
    printed: Callable[..., str], paths: list[str], width: int, shared: bool
) -> None:
    if shared:
        paths = ["/home/ann/pictures" + path for path in paths]
    columns = [Column("score", number=True), Column("label")]
    lines = printed(width, columns, [Row(("0.9", "cat"), path) for path in paths]).split("\n")
    folder = ""
    if lines[0].startswith("in "):
        folder = os.path.commonpath([os.path.dirname(path) for path in paths]) + "/"
        assert lines.pop(0) == f"in {shell_word(folder)}"
    assert lines[0].startswith("score  label")
    assert lines[-1] == ""
    if len(lines) == 2 + len(paths):
        for line, path in zip(lines[1:], paths, strict=False):
            assert line == f"  0.9  cat    {shell_word(path[len(folder) :])}"
    else:
        assert lines[1:-1:2] == ["  0.9  cat"] * len(paths)
        assert lines[2::2] == [f"  {shell_word(path)}" for path in paths]
    assert all(one_line(line) == line for line in lines)


def test_paths_are_shortened_only_as_far_as_it_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    deep = "/mnt/archive/photographs/2024/summer"
    both = [f"{deep}/lake/IMG_0001.JPG", f"{deep}/coast/IMG_0002.JPG"]
    assert place_paths(both, 60) == Placement()
    assert place_paths(both, 30) == Placement(folder=f"{deep}/")
    assert place_paths(both, 10) == Placement(beneath=True)
    assert place_paths([both[0], "/a/" + "b" * 60], 50) == Placement(beneath=True), "only / shared"
    assert place_paths([both[0], "C:\\a.jpg"], 30) == Placement(beneath=True)
    assert place_paths([], 30) == Placement()


def test_columns_that_say_nothing_are_left_out_and_long_words_cut(
    printed: Callable[..., str],
) -> None:
    columns = [Column("id", number=True), Column("label"), Column("tool")]
    rows = [Row(("1", "", "comfyui"), "/a/b.jpg"), Row(("200", "", "x" * 40), None)]
    assert printed(80, columns, rows).splitlines() == [
        " id  tool                      path",
        "  1  comfyui                   /a/b.jpg",
        "200  " + "x" * 23 + "…  no file",
    ]


def test_a_column_that_was_asked_for_stays_when_it_is_empty(printed: Callable[..., str]) -> None:
    columns = [Column("id", number=True), Column("label"), Column("camera", asked=True)]
    out = printed(80, columns, [Row(("1", "", ""), "/a/b.jpg")])
    assert out.splitlines() == ["id  camera  path", " 1          /a/b.jpg"]


@pytest.mark.parametrize("asked", [("--columns", "id,camera,path"), ("--sort", "camera")])
def test_a_list_shows_the_columns_that_it_was_asked_for(
    vitrail: Vitrail, folder: Path, asked: tuple[str, str]
) -> None:
    vitrail.index(folder)
    heading = vitrail.at(80, "list", *asked).out.splitlines()
    assert any(line.split() == ["id", "camera", "path"] for line in heading), heading


def test_wide_letters_keep_the_columns(printed: Callable[..., str]) -> None:
    columns = [Column("label"), Column("id", number=True)]
    out = printed(80, columns, [Row(("日本", "1"), "/a.jpg"), Row(("cat", "2"), "/b.jpg")])
    assert out.splitlines()[1:] == ["日本    1  /a.jpg", "cat     2  /b.jpg"]


def test_a_path_is_a_link_where_the_terminal_has_them(printed: Callable[..., str]) -> None:
    row = Row(("1",), "/my photos/ü.jpg")
    out = printed(80, [Column("id")], [row], term="xterm-256color")
    assert re.search(
        r"\x1b\]8;id=\d+;file:///my%20photos/%C3%BC\.jpg\x1b\\'/my photos/ü\.jpg'\x1b\]8;;\x1b\\",
        out,
    )
    assert "\x1b" not in printed(80, [Column("id")], [row], term="dumb")


@pytest.mark.parametrize("width", WIDTHS)
def test_search_keeps_paths_whole_at_every_width(
    vitrail: Vitrail, folder: Path, width: int
) -> None:
    vitrail.index(folder, "--label-from", "parent")
    out = vitrail.at(width, "search", "navy.png", "-k", 3).out
    names = [word for word in out.split() if word.endswith(".png")]
    assert len(names) == 3
    for name in names:
        assert (folder / name).is_file() or Path(name).is_file()
    assert "cold" in out
    assert "tool" not in out


def test_a_tool_is_shown_where_one_is_known(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = PngInfo()
    told.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 0")
    Image.new("RGB", (16, 16), (0, 0, 150)).save(folder / "made.png", pnginfo=told)
    vitrail.index(folder)
    monkeypatch.chdir(folder)
    assert "  seed: 0\n" in vitrail("lineage", "made.png").out
    lines = vitrail.at(120, "search", "made.png").out.splitlines()
    assert re.search(r"id +tool +path$", lines[0])
    tool = vitrail("search", "made.png", "--json").json["hits"][0]["metadata"]["tool"]
    assert re.search(rf"1\.0000 +\d+ +{tool} +made\.png$", lines[1])
    assert not any(tool in line for line in lines[2:])
    piped = vitrail("search", "made.png").out.splitlines()
    assert [line.count("\t") for line in piped] == [3] * 6, "for programs the columns stay"


@pytest.mark.parametrize("width", WIDTHS)
def test_rejects_and_lineage_keep_paths_whole(
    vitrail: Vitrail, folder: Path, width: int, tmp_path: Path
) -> None:
    deep = tmp_path / ("a folder with a long name " * 4).strip() / "and another one"
    deep.mkdir(parents=True)
    (deep / "empty.png").touch()
    shutil.copy(folder / "warm" / "red.png", deep / "red.png")
    vitrail.index(deep)
    lines = vitrail.at(width, "rejects").out.splitlines()
    assert lines[0] == shell_word(str(deep / "empty.png"))
    assert lines[1].strip().startswith("empty: the file has no bytes: ")
    info = vitrail.at(width, "info").out.splitlines()
    wrapped = [line for line in info if str(tmp_path) not in line]  # which is as long as it is
    assert len(wrapped) == len(info) - 2, "the collection and the folder"
    assert max(map(len, wrapped)) <= max(width, 80), info
    told = vitrail.at(width, "lineage", "red.png").out.splitlines()
    assert told[0].endswith(shell_word(str(deep / "red.png")))
    whole = vitrail("rejects").out
    assert whole.startswith(f"empty\t{deep}/empty.png\tthe file has no bytes: ")
    assert whole.count("\n") == 1


def test_json_names_a_path_of_any_bytes(vitrail: Vitrail, folder: Path) -> None:
    odd = os.fsencode(folder) + b"/\xff\x9b\\xff.png"
    shutil.copy(os.fsencode(folder / "warm" / "red.png"), odd)
    (folder / "warm" / "red.png").unlink()
    torn = os.fsencode(folder) + b"/\xfe.png"
    Path(os.fsdecode(torn)).touch()
    vitrail.index(folder)
    hits = vitrail("search", "crimson.png", "--json").json["hits"]
    raws = {hit["paths"][0]: hit["paths_raw"][0] for hit in hits}
    assert base64.b64decode(raws.pop(os.fsdecode(folder) + r"/\xff\x9b\xff.png")) == odd
    assert set(raws.values()) == {None}, "where the text is the path, nothing else is needed"
    (reject,) = vitrail("rejects", "--json").json
    assert base64.b64decode(reject["path_raw"]) == torn
    assert reject["path"].endswith(r"\xfe.png")

    os.unlink(odd)
    report = vitrail("verify", "--json").json
    (finding,) = (one for one in report["findings"] if one["path_raw"])
    assert base64.b64decode(finding["path_raw"]) == odd
    assert finding["path"] == finding["file"] == os.fsdecode(folder) + r"/\xff\x9b\xff.png"
    assert r"\xff\x9b\xff.png" in vitrail("verify").out


def test_json_names_folders_of_any_bytes(vitrail: Vitrail, folder: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"\xff"))
    folder.rename(odd)
    vitrail.index(odd)
    (root,) = vitrail("info", "--json").json["roots"]
    assert base64.b64decode(root["path_raw"]) == os.fsencode(odd)
    odd.rename(folder)
    told = vitrail("index", "--json").json
    assert base64.b64decode(told["absent_raw"][0]) == os.fsencode(odd)
    assert told["absent"] == [str(folder) + r"\xff"]
    assert told["unreadable_raw"] == []


def test_json_is_valid_whatever_a_column_holds(
    vitrail: Vitrail, folder: Path, tmp_path: Path
) -> None:
    vitrail.index(folder)
    table = tmp_path / "own.parquet"
    paths = ["navy.png", "blue.png", "red.png"]
    pq.write_table(pa.table({"path": paths, "far": [float("nan"), float("inf"), 1.5]}), table)
    vitrail("annotate", table)
    done = vitrail("search", "navy.png", "--json")
    assert "NaN" not in done.out
    assert "Infinity" not in done.out
    far = {Path(hit["paths"][0]).stem: hit["metadata"]["far"] for hit in done.json["hits"]}
    assert (far["blue"], far["red"]) == (None, 1.5)
