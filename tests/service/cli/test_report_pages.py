"""What all reports have in common: escaping, a policy that runs nothing, images as data."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2
import pytest

from vitrail.service.cli.report_pages import Card, card_of, render_report

HOSTILE = "</style><script>alert(1)</script>\x1b[31m\u202egnp"
PAGE = """{% extends "report.html" %}{% import "report_parts.html" as parts %}
{% block main %}{{ parts.table(["name", "score", "in words"], rows, words=[2]) }}
{{ parts.grid(cards, "found") }}
{{ parts.pairs(pairs, "near", ("ours", "theirs")) }}{% endblock %}"""
Paint = Callable[..., Path]
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Renders a report that uses every part, from a template that is not a file."""
    real = jinja2.PackageLoader

    def load(package: str) -> jinja2.BaseLoader:
        own = jinja2.DictLoader({"own.html": PAGE})
        return jinja2.ChoiceLoader([own, real(package)])

    monkeypatch.setattr(jinja2, "PackageLoader", load)

    def render(cards: Sequence[Card], title: str = "a report") -> str:
        rows = [(title, "1", "a word"), ("interval", ("0.5", "0.4 to 0.6"), title)]
        pairs = [(card, card, [("cosine", "0.9")]) for card in cards]
        values = {"rows": rows, "cards": cards, "pairs": pairs}
        return render_report("own.html", title, [title], values)

    return render


def test_nothing_that_is_shown_can_be_markup(page: Callable[..., str], paint: Paint) -> None:
    card = card_of([str(paint("<b>&.png", (255, 0, 0)))], [(HOSTILE, HOSTILE)])
    text = page([card], HOSTILE)
    assert "<script" not in text
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_a_page_fetches_and_runs_nothing(page: Callable[..., str], paint: Paint) -> None:
    text = page([card_of([str(paint("a.png", (255, 0, 0)))])])
    assert text.lstrip().startswith("<!doctype html>")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert policy[1] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not re.search(r"<script|\son\w+=|javascript:|https?://", text)
    assert re.findall(r'src="(\w+):', text) == ["data"] * 3


def test_an_image_opens_its_file_and_one_that_is_away_says_so(
    page: Callable[..., str], paint: Paint, tmp_path: Path
) -> None:
    there = paint("there.png", (0, 255, 0))
    found = card_of([str(tmp_path / "away.png"), str(there)])
    assert (found.name, found.url) == ("there.png", there.as_uri())
    away = card_of([str(tmp_path / "away.png")], veil="data:,")
    assert (away.name, away.image, away.url, away.veil) == ("away.png", None, None, None)
    assert card_of([], otherwise="image 7").name == "image 7"
    assert page([away]).count("file not readable now") == 3


def test_numbers_stand_right_and_words_left(page: Callable[..., str]) -> None:
    text = page([])
    heads = re.findall(r"<th[^>]*>", text)
    assert [("number" in head) for head in heads] == [False, True, False]
    assert "<small>0.4 to 0.6</small>" in text


def test_what_a_template_lacks_is_an_error(page: Callable[..., str]) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_report("own.html", "t", [], {"cards": []})


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_labels_of_a_matrix_are_whole_and_stay_in_sight_on_a_phone(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    classes = ["photographs", "buildings", "vehicles", *(f"kind {i}" for i in range(12))]
    cell = {"images": 7, "anchor": "a", "told": "seven", "shade": 50}
    values = {"classes": classes, "rows": [[cell] * len(classes)] * len(classes), "table": []}
    page = render_report("confusion.html", "told", [], {**values, "sections": []})
    (tmp_path / "page.html").write_text(page, "utf-8")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": 390, "height": 844})
        shown.set_default_timeout(300_000)  # a busy machine takes its time
        shown.goto((tmp_path / "page.html").as_uri())
        wide, high, scrolled, left = shown.evaluate(
            """() => {
                const box = document.querySelector(".wide");
                const first = document.querySelector("tbody th");
                box.scrollLeft = 400;
                const left = first.getBoundingClientRect().left - box.getBoundingClientRect().left;
                const wide = document.documentElement.scrollWidth;
                return [wide, first.offsetHeight, box.scrollLeft, left];
            }"""
        )
        browser.close()
    assert wide == 390, "the table scrolls, not the page"
    assert high < 45, "a label is on one line"
    assert scrolled > 100
    assert 0 <= left < 5, "labels stay while the table is scrolled"
