"""``vitrail map`` and ``vitrail sample``."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.service.conftest import Vitrail

EPOCH = date(1970, 1, 1)
CHROMIUM = shutil.which("chromium")


def test_a_map_prints_its_clusters_and_draws_a_page_that_fetches_nothing(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    vitrail.index(many)
    page = tmp_path / "map.html"
    done = vitrail("map", "--layout", "pca", "--clusters", 3, "--html", page)
    lines = done.out.splitlines()
    assert lines[0] == "24 images, laid out by PCA of mean@1"
    assert lines[1] == "3 clusters by k-means"
    sizes = [int(line.split("\t")[0]) for line in lines[3:6]]
    assert sum(sizes) == 24
    assert sizes == sorted(sizes, reverse=True)
    assert "farthest from all others" in lines
    text = page.read_text("utf-8")
    assert not re.search(r"""(?:src|href)=["'](?!data:|file:|#)""", text)
    (policy,) = re.findall(r"script-src 'sha256-([^']+)'", text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == policy
    assert "unsafe-eval" not in text
    assert data_of(text)["ids"] == list(range(1, 25))


def data_of(page: str) -> dict[str, list[Any]]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data: dict[str, list[Any]] = json.loads(found)
    return data


def test_names_of_files_and_values_cannot_leave_the_data_of_the_page(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    odd = "</script><script>alert(1)</script><!--\u2028.png"
    (many / "a" / "0.png").rename(many / "a" / odd.replace("/", "∕"))
    vitrail.index(many)
    page = tmp_path / "map.html"
    vitrail("map", "--layout", "pca", "--clusters", 2, "--color", "path", "--html", page)
    text = page.read_text("utf-8")
    assert text.count("<script") == text.count("</script") == 2
    assert "alert(1)" in json.dumps(data_of(text)["files"])


def test_dates_and_numbers_are_a_scale_and_other_values_are_written_as_in_lists(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    vitrail.index(many)
    files = sorted(many.rglob("*.png"))
    lines = [
        f"{path},{2000 + i}-03-01 12:30:00,{2000 + 4 * i}-02-29,{i % 2 == 0},{10**15 + i},"
        f"{'x' * 90}{i}"
        for i, path in enumerate(files)
    ]
    table = tmp_path / "own.csv"
    table.write_text("\n".join(["path,taken,day,good,large,long", *lines]))
    vitrail("annotate", table)
    page, names = tmp_path / "map.html", ("taken", "day", "good", "large", "long", "generated")
    words = [word for name in names for word in ("--color", name)]
    done = vitrail("map", "--layout", "pca", "--clusters", 2, *words, "--html", page)
    assert "note: generated is the same of all images" in done.err
    columns = {one["name"]: one for one in data_of(page.read_text("utf-8"))["columns"]}
    assert "generated" not in columns
    assert (columns["taken"]["kind"], columns["taken"]["dates"]) == ("numbers", 16)
    assert columns["taken"]["low"] == pytest.approx((date(2000, 3, 1) - EPOCH).days + 12.5 / 24)
    assert columns["day"]["dates"] == 10
    assert columns["day"]["low"] == (date(2000, 2, 29) - EPOCH).days
    assert columns["good"]["names"] == ["false", "true", "", "others"]
    assert columns["large"]["high"] - columns["large"]["low"] == len(files) - 1
    assert max(len(name) for name in columns["long"]["names"]) == 60
    assert len(set(columns["long"]["values"])) == len(files)  # shortened, and still apart


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_the_page_draws_itself_under_its_policy(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    vitrail.index(many, "--label-from", "parent")
    page = tmp_path / "map.html"
    vitrail("map", "--layout", "pca", "--clusters", 3, "--html", page)
    shown = dumped(page, tmp_path)
    assert re.search(r'<section aria-label="map" id="map">', shown)  # no longer hidden
    assert len(re.findall(r'<li><button type="button" aria-pressed="false"><i', shown)) == 3
    assert [*re.findall(r"<option value=\"\d\">(\w+)", shown)] == ["cluster", "label"]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_many_clusters_leave_the_page_short(
    vitrail: Vitrail, many: Path, paint: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(30):
        paint(f"d/{number}.png", (8 * number, 250 - 8 * number, 60), (0, 0, 8 * number))
    vitrail.index(many)
    page = tmp_path / "map.html"
    vitrail("map", "--layout", "pca", "--clusters", 48, "--html", page)
    shown = dumped(page, tmp_path)
    clusters = len(data_of(page.read_text("utf-8"))["columns"][0]["names"]) - 1
    assert clusters > 40
    assert shown.count('<ol class="grid') == 41  # with those that lie alone
    assert f"{clusters - 40} smaller clusters" in shown
    assert len(re.findall(r'<li><button type="button" aria-pressed', shown)) == 24
    assert len(re.findall(r'<li hidden="">', shown)) == clusters - 24
    assert f'aria-expanded="false">{clusters - 24} more</button>' in shown


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_keys_alone_choose_what_lies_in_a_box(vitrail: Vitrail, many: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    vitrail.index(many)
    file = tmp_path / "map.html"
    vitrail("map", "--layout", "pca", "--clusters", 3, "--html", file)
    wrong: list[str] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.set_default_timeout(300_000)  # a busy machine takes its time
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(file.as_uri())
        page.focus("#plane canvas")
        corners = [("ArrowLeft", "ArrowUp"), ("ArrowRight", "ArrowDown")]
        for times, keys in zip((20, 40), corners, strict=True):
            for _ in range(times):
                for key in keys:
                    page.keyboard.press(key)
            page.keyboard.press("Space")
        assert page.inner_text("#count") == "24 images chosen"
        page.click("#clear")
        assert page.is_hidden("#chosen")
        browser.close()
    assert wrong == []


def dumped(page: Path, profile: Path) -> str:
    """The page's document after its script has run."""
    return subprocess.run(
        [
            *(CHROMIUM or "", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--virtual-time-budget=3000", f"--user-data-dir={profile / 'profile'}"),
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_a_map_as_json_tells_where_each_image_lies(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    told = vitrail("map", "--layout", "pca", "--clusters", 2, "--json").json
    assert len(told["places"]) == 24
    assert {place["cluster"] for place in told["places"]} == {1, 2}
    assert all(0 <= place["x"] <= 1 and 0 <= place["y"] <= 1 for place in told["places"])
    assert sum(cluster["size"] for cluster in told["clusters"]) == 24
    none = vitrail("map", "--layout", "pca", "--clusters", 0, "--json").json
    assert none["method"] == "none"
    assert none["clusters"] == []
    some = vitrail("map", "--layout", "pca", "--clusters", 2, "--limit", 12, "--json").json
    assert (some["images"], some["matching"]) == (12, 24)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--layout", "tsne"), ["layout", "tsne", "umap"]),
        (("--where", "id < 5"), ["4 images", "10 at least"]),
        (("--where", "id < 0"), ["no image"]),
        (("--color", "colour", "--layout", "pca"), ["colour"]),
        (("--space", "cls@99"), ["cls@99", "mean@1"]),
        (("--html", "no/such/folder/map.html"), ["no/such/folder"]),
    ],
)
def test_what_no_map_can_be_made_of_is_said_in_a_line(
    vitrail: Vitrail, many: Path, words: tuple[str, ...], says: list[str]
) -> None:
    vitrail.index(many)
    vitrail.fails("map", *words, code=2, says=says)


def test_a_sample_says_how_well_it_stands_for_all(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    vitrail.index(many)
    lines = vitrail("sample", "--diverse", 4).out.splitlines()
    assert len(lines) == 6
    assert sum(int(line.split("\t")[2]) for line in lines[:4]) == 24
    assert lines[4] == "4 images of 24"
    assert "at random" in lines[5]
    told = vitrail("sample", "--typical", 3, "--where", "id <= 12", "--json").json
    assert told["chosen_from"] == 12
    assert sum(image["stands_for"] for image in told["images"]) == 12
    sheet = tmp_path / "sample.html"
    vitrail("sample", "--diverse", 2, "--html", sheet)
    assert "2 diverse images" in sheet.read_text("utf-8")


def test_a_sample_of_more_than_there_are_is_all_that_differ(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    told = vitrail("sample", "--diverse", 100, "--json").json
    assert len(told["images"]) <= 24
    assert told["coverage"]["least"] > 1 - 1e-5


def test_a_sample_is_of_one_kind(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    for words in ((), ("--diverse", 2, "--typical", 2)):
        vitrail.fails("sample", *words, code=2, says=["either --diverse N or --typical N"])
    vitrail.fails("sample", "--diverse", 2, "--where", "id < 0", code=2, says=["no image"])


@pytest.mark.parametrize("kind", ["--diverse", "--typical"])
def test_of_images_that_are_equal_one_is_chosen_and_it_is_said_why(
    vitrail: Vitrail, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "same").mkdir()
    for number in range(4):
        about = PngInfo()
        about.add_text("number", str(number))
        Image.new("RGB", (40, 40), (200, 30, 30)).save(
            tmp_path / "same" / f"{number}.png", pnginfo=about
        )
    vitrail.index(tmp_path / "same")
    told = vitrail("sample", kind, 3).out
    assert "1 image of 4; all others have the same vectors as one of them" in told
    assert "same vectors" not in vitrail("sample", kind, 9, "--where", "id = 1").out
