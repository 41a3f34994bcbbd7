"""One image: large, with what is known of it, why it was found, and zoomed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, expected
from tests.service.web.examples import HOSTILE, SPACES
from tests.service.web.test_search import id_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = ".pswp__item[aria-hidden=false] img"
BOTH = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])


def fact(page: Page, name: str) -> str:
    return page.inner_text(f".facts > div:has(dt:text-is('{name}')) dd")


@BOTH
def test_an_image_is_opened_from_an_answer_and_left_to_it(at: Open, size: tuple[int, int]) -> None:
    watched = at(size)
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    page.evaluate("scrollTo(0, 300)")
    place = page.evaluate("scrollY")
    found = watched.ids()[0]
    page.evaluate(f"document.querySelector('[data-id=\"{found}\"] a').click()")
    page.wait_for_selector(".one-side.done")
    assert page.url.endswith(f"/image/{found}?like={cat}")
    assert "cat-" in page.inner_text("h1")
    assert fact(page, "Label") == "photographs"
    assert "×" in fact(page, "Dimensions")
    page.click("text=Show what matches")
    page.wait_for_selector(".shares")
    assert page.locator(".shares li").count() == len(SPACES)
    shares = [float(text) for text in page.locator(".shares li span:last-child").all_inner_texts()]
    score = page.evaluate("document.querySelector('vitrail-image').hit.score")
    assert sum(shares) == pytest.approx(score, abs=0.002)
    assert page.locator(".why-image .veil").count() == 2
    page.click("[aria-label='Next image']")
    watched.until(f"location.pathname !== '/image/{found}'")
    page.wait_for_selector(".one-side.done")
    page.go_back()
    watched.until("!document.querySelector('.search').closest('[hidden]')")
    watched.until(f"Math.abs(scrollY - {place}) <= 4")


def test_keys_of_the_browser_stay_the_browsers(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    page.click(f"[data-id='{watched.ids()[1]}'] a")
    page.wait_for_selector(".one-side.done")
    before = page.url
    for key in ("Control+l", "Alt+ArrowRight", "Meta+ArrowRight", "Control+m"):
        page.keyboard.press(key)
    assert page.url == before
    assert page.evaluate("document.activeElement.name") != "column"
    page.keyboard.press("ArrowRight")
    watched.until(f"location.href !== '{before}'")


def test_it_is_zoomed_among_the_others(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    first, second = watched.ids()[:2]
    page.goto(f"{watched.base}/image/{first}?like={cat}")
    page.wait_for_selector(".one-side.done")
    page.click(".one-shot")
    page.wait_for_selector(".pswp--open .pswp__img")
    watched.until(f"document.querySelector('{SHOWN}').naturalWidth > 0")
    page.keyboard.press("ArrowRight")
    watched.until(f"document.querySelector('{SHOWN}').src.includes('/images/{second}/')")
    page.keyboard.press("Escape")
    page.wait_for_selector(".pswp", state="detached")
    watched.until(f"location.pathname === '/image/{second}'")
    page.click("text=More like this")
    page.wait_for_selector(".asked-part")
    assert page.url.endswith(f"/?like={second}")


def test_a_recipe_is_shown_and_copied(at: Open) -> None:
    watched = at()
    watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = watched.open("/?only=generated")
    page.evaluate("document.querySelector('.tile a').click()")
    page.wait_for_selector(".recipe-prompt")
    assert page.inner_text(".recipe-prompt") == HOSTILE
    assert fact(page, "Seed") == "7"
    assert fact(page, "Steps") == "20"
    page.click(".one-part:has(.recipe-prompt) button:has-text('Copy')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(HOSTILE)
    assert "Steps: 20, Sampler: Euler, Seed: 7" in copied


def test_an_image_that_is_not_there_is_said(at: Open) -> None:
    watched = at()
    watched.open()
    with expected(watched, "404"):
        watched.page.goto(f"{watched.base}/image/999")
        watched.page.wait_for_selector(".state h2")
    assert "999" in watched.page.inner_text(".state h2")
    watched.page.click(".state a")
    watched.page.wait_for_selector(".tile")


def test_an_address_that_names_no_image_is_said(at: Open) -> None:
    page = at().open("/image/abc")
    assert "The address names no image" in page.inner_text("[role=alert]")
    page.click("text=Back to the images")
    page.wait_for_selector(".tile")


def test_lineage_is_a_graph_that_leads_to_relatives(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.page
    relative = {"content_hash": "0" * 64, "name": None, "prompt": None}
    told = {
        "parents": [
            {"id": 1, "role": "init", **relative},
            {"id": None, "role": "style", **relative},
        ],
        "children": [{"id": 2, "role": "init", **relative}, {"id": 3, "role": "init", **relative}],
    }
    page.route("**/lineage", lambda route: route.fulfill(json=told))
    page.goto(f"{watched.base}/image/{cat}")
    page.wait_for_selector(".lineage")
    assert page.locator(".rank.before a.node").count() == 1
    assert page.inner_text(".rank.before span.node") == "file not readable"
    assert page.locator(".rank.before small").all_inner_texts() == ["init", "style"]
    assert page.locator(".lineage path").count() == 4
    page.click(".rank.after a.node >> nth=1")
    watched.until("location.pathname === '/image/3'")
    page.go_back()
    watched.until(f"location.pathname === '/image/{cat}'")
