from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.fakes import described
from tests.service.conftest import Vitrail
from vitrail.search.query import Hit, SearchResult
from vitrail.service.cli.sheet import render_sheet
from vitrail.service.operations.queries import Examples, Question
from vitrail.service.operations.searching import EmbeddedQuery, SearchAnswer

FETCHED = re.compile(r"""(?:src|action)\s*=\s*(?!["']data:)|url\(|@import|<script|<link|https?:""")
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "div", "span"),
    *("figure", "figcaption", "img", "h1", "h2", "p", "ol", "ul", "li", "a", "dl", "dt", "dd"),
    *("code", "wbr", "details", "summary", "b", "small", "i", "label", "input"),
}
HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.sampled_from(
        ["</style><script>x</script>", "\x1b]0;x\x07\n\r", "\u202egnp", '" onload="x', "{{ 7*7 }}"]
    ),
)


class Page(HTMLParser):
    """Links, tags and text of a page; fails where a tag or an attribute is none of ours."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures = 0
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        given_ = dict(attrs)
        assert not [name for name in given_ if name.startswith("on")]
        self.links += [given_["href"] or ""] if "href" in given_ else []
        self.pictures += tag == "img"
        if tag == "img":
            assert (given_["src"] or "").startswith("data:image/webp;base64,")
            assert "alt" in given_
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data
        if "h2" in self._open and data.strip():
            self.headings.append(data.strip())


def make_sheet(vitrail: Vitrail, folder: Path, *words: object) -> str:
    file = folder.parent / "sheet.html"
    done = vitrail("search", folder / "warm" / "red.png", "--html", file, *words)
    assert done.code == 0, done
    assert f"contact sheet: {file}" in done.err
    return file.read_text("utf-8")


def answer(*hits: Hit) -> str:
    query = EmbeddedQuery("a question", Question(Examples()))
    return render_sheet(SearchAnswer(query, SearchResult(list(hits), True, 1.0, len(hits))))


def hit(*paths: str, scores: dict[str, float] | None = None, **metadata: Any) -> Hit:
    known = described(7, *paths, **{"width": 640, "height": 480} | metadata)
    return Hit(7, 0.98765, scores or {"a": 0.98765}, known)


def test_a_sheet_holds_query_and_hits_and_fetches_nothing(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--label-from", "parent", "--space", "mean@1", "--space", "mean@2")
    text = make_sheet(vitrail, folder)
    assert not FETCHED.search(text)
    page = Page(text)
    assert page.pictures == 1 + 5
    assert page.headings[:2] == ["red.png", "crimson.png"]
    assert str(folder / "cold" / "navy.png") in page.text
    for words in ("mean@1", "mean@2", "16 × 16", "warm", "exact; "):
        assert words in page.text


def test_every_picture_leads_to_its_file(
    vitrail: Vitrail, folder: Path, paint: Callable[..., Path]
) -> None:
    odd = ["a b.png", "50%.png", "ü#?.png", '<script>alert("1")<&>.png', "l\nine.png", "\udcff.png"]
    for number, name in enumerate(odd):
        path = paint("odd.png", (255, 9 * number, 20))
        path.rename(path.parent / name)
    vitrail.index(folder)
    page = Page(make_sheet(vitrail, folder, "--k", 20))
    assert all(link.startswith("file:///") and link.isascii() for link in page.links)
    led = {unquote_to_bytes(link.removeprefix("file://")) for link in page.links}
    expected = {bytes(path) for path in folder.rglob("*.png")}
    assert led == expected
    assert r"l\x0aine.png" in page.headings
    assert r"\xff.png" in page.headings


def test_the_query_picture_leads_to_its_file_too(
    vitrail: Vitrail, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    sheet, navy = tmp_path / "sheet.html", folder / "cold" / "navy.png"
    query = tmp_path / "a query?.png"
    shutil.copy(navy, query)
    monkeypatch.chdir(tmp_path)

    def first_link(*words: object, stdin: bytes = b"") -> str:
        done = vitrail(
            "search", *words, "--html", sheet, "--where", "name <> 'navy.png'", stdin=stdin
        )
        assert done.code == 0, done
        return Page(sheet.read_text("utf-8")).links[0]

    assert first_link(query.name) == query.as_uri(), "given relative to here"
    assert first_link("navy.png") == navy.as_uri(), "an indexed one, named by the end of its path"
    assert first_link("-", stdin=navy.read_bytes()) not in (query.as_uri(), navy.as_uri())


def test_copies_are_listed_and_lead_to_their_files(vitrail: Vitrail, folder: Path) -> None:
    copy = folder / "cold" / "another crimson.png"
    shutil.copy(folder / "warm" / "crimson.png", copy)
    vitrail.index(folder)
    page = Page(make_sheet(vitrail, folder))
    assert {copy.as_uri(), (folder / "warm" / "crimson.png").as_uri()} < set(page.links)
    assert str(copy) in page.text


def test_a_hit_whose_file_is_gone_has_a_card_without_a_link(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    gone = folder / "warm" / "crimson.png"
    gone.unlink()
    page = Page(make_sheet(vitrail, folder))
    assert page.pictures == 5
    assert str(gone) in page.text
    assert "not readable" in page.text
    assert gone.as_uri() not in page.links


def test_what_is_known_of_an_image_is_shown() -> None:
    page = Page(
        answer(
            hit(
                "/photos/a.jpg",
                scores={"cls@12": 0.97, "gem@9": 0.99},
                taken_at=datetime(2023, 7, 14, 12, 30, 5),
                camera="Canon EOS R6",
                label="mill",
                tool="comfyui",
                model="sdxl.safetensors",
                seed=0,
                prompt="a windmill,\n  golden hour",
                keywords=("holiday", "lake"),
                rating=4,
            )
        )
    )
    words = re.sub(r"\s+", " ", page.text)
    for shown in (
        *("id7", "size640 × 480", "date2023-07-14 12:30", "cameraCanon EOS R6", "labelmill"),
        *("toolcomfyui", "modelsdxl.safetensors", "seed0", "a windmill, golden hour", "rating4"),
        *("keywordsholiday, lake", "cls@120.9700", "gem@90.9900", "/photos/a.jpg", "0.9877"),
    ):
        assert shown in words.replace("\u200b", ""), shown
    assert "None" not in Page(answer(hit("/a.jpg", label=None, seed=None, taken_at=None))).text
    assert "no file" not in answer(hit())


def test_a_long_prompt_unfolds() -> None:
    text = answer(hit("/a.jpg", prompt="very " * 100))
    assert text.count("<details") == 1
    assert "<details" not in answer(hit("/a.jpg", prompt="short"))


@settings(max_examples=40)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_text_stays_text_and_its_control_characters_are_seen(
    name: str, words: str, value: str
) -> None:
    path = "/photos/" + name.replace("\0", "").replace("/", "")
    text = answer(hit(path, path + "2", label=words, prompt=words, camera=value, keywords=(value,)))
    text.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    page = Page(text)
    assert page.pictures == 0
    assert page.headings[0] == "file not readable now"
    assert len(page.headings) <= 2, "its name, where there is any, and nothing more"


def test_open_shows_the_sheet_in_the_browser(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    file = folder / "sheet.html"
    vitrail("search", folder / "warm" / "red.png", "--html", file, "--open")
    assert shown == [file.as_uri()]


def test_an_explained_sheet_draws_both_images_of_each_hit_with_what_matches(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder, "--space", "mean@1", "--space", "mean@2")
    plain = Page(make_sheet(vitrail, folder))
    text = make_sheet(vitrail, folder, "--explain")
    assert not FETCHED.search(text)
    page = Page(text)
    assert page.pictures == 1 + 5 * 4, "two images a hit, and a veil over each"
    assert page.headings.count("query") == page.headings.count("hit") == 5
    assert set(plain.links) == set(page.links)
    assert "show what matches" in page.text
    assert "show what matches" not in plain.text
    assert "hit: 100% of it matches" in text, "words for who cannot see it"
    assert re.search(r"mean@1\s*1\.0000, adds 0\.5000", page.text)


def test_a_hit_that_is_away_says_why_it_is_not_explained(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    (folder / "warm" / "crimson.png").unlink()
    page = Page(make_sheet(vitrail, folder, "--explain"))
    assert page.text.count("not explained: its file cannot be read now") == 1
    assert page.pictures == 1 + 4 * 4


def test_only_the_first_eight_hits_are_explained(
    vitrail: Vitrail, folder: Path, paint: Callable[..., Path]
) -> None:
    for number in range(9):
        paint(f"more/{number}.png", (200, 10 * number, 9), (20, 100, 7 * number))
    vitrail.index(folder)
    text = make_sheet(vitrail, folder, "--explain", "--k", 14)
    explained, further = text.partition('<ol class="hits"')[::2]
    assert explained.count("<li>") == 8
    assert further.count("<li>") == 6
    assert 'start="9"' in further
    assert text.count('class="veil"') == 2 * 8
