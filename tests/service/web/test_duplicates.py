"""Copies looked through from the page: judged, decided by keys alone, undone, remembered."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.http.processes import served
from tests.service.web.conftest import PHONE, WIDE, Open, Watched
from tests.service.web.test_access import violations
from tests.service.web.test_search import id_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def own(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of examples about which may be decided."""
    home = tmp_path_factory.mktemp("duplicates")
    shutil.copytree(collection, home / "collection")
    with served(home / "collection", "--state", home / "state") as process:
        yield process.address


def looked(watched: Watched, base: str) -> Page:
    """The view, with copies found by whoever was first."""
    watched.base = base
    page = watched.open("/duplicates")
    if not page.locator(".duplicates.done, .duplicates-progress").count():
        page.click("text=Look for copies")
    page.wait_for_selector(".duplicates.done")
    return page


def decided(page: Page) -> list[tuple[str, list[int]]]:
    """The decisions that hold, as the service tells them."""
    told = page.request.get(page.url.split("/duplicates")[0] + "/v1/duplicates/decisions").json()
    return [(one["kind"], sorted(one["images"])) for one in told["decisions"] if not one["undone"]]


def test_copies_are_judged_beside_what_would_be_kept(at: Open, own: str) -> None:
    page = looked(at(), own)
    assert page.inner_text(".duplicates-head [role=status]") == "2 copies of 1 image"
    assert page.inner_text(".keeper .twin-name") == "cat.jpg"
    small = page.locator(f"[data-copy='{id_of(page, 'cat-small.jpg')}']")
    assert "resized to 50%" in small.inner_text()
    assert small.locator(".worse").all_inner_texts()[0].startswith("226 × 150")
    grey = page.locator(f"[data-copy='{id_of(page, 'cat-grey.jpg')}']")
    assert "recoloured" in grey.inner_text()
    assert grey.locator(".twin-facts .equal").inner_text() == "451 × 300"


def test_keys_alone_decide_and_undo(at: Open, own: str) -> None:
    watched = at(theme="dark")
    page = looked(watched, own)
    cat, small, grey = (id_of(page, f"cat{end}.jpg") for end in ("", "-small", "-grey"))
    order = [
        int(one)
        for one in page.eval_on_selector_all(".twin[data-copy]", "a => a.map(x => x.dataset.copy)")
    ]
    assert sorted(order) == sorted([small, grey])
    page.keyboard.press("n")
    page.wait_for_selector(f"[data-copy='{order[0]}'] .badge:text('not duplicates')")
    page.wait_for_selector(f".is-chosen[data-copy='{order[1]}']")
    page.keyboard.press("k")
    page.wait_for_selector(f"[data-copy='{order[1]}'] .badge:text('kept')")
    held = [("not-duplicates", sorted([cat, order[0]])), ("keep", [order[1]])]
    assert decided(page) == held
    page.reload()
    page.wait_for_selector(f"[data-copy='{order[0]}'] .badge")
    assert page.locator(".is-decided").count() == 2
    page.keyboard.press("u")
    page.wait_for_selector(f"[data-copy='{order[1]}']:not(.is-decided)")
    assert decided(page) == held[:1]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('[data-copy]').dataset.copy") == str(
        order[1]
    )
    assert page.url.endswith(f"/duplicates?at={order[1]}")
    page.click("text=Look again")  # what was said to be no copy is none from then on
    watched.until("document.querySelectorAll('.twin[data-copy]').length === 1")
    page.click(".decisions summary")
    page.click(".decisions button")
    watched.until("!document.querySelector('.decisions')")
    assert decided(page) == []
    page.click("text=Look again")
    watched.until("document.querySelectorAll('.twin[data-copy]').length === 2")
    page.keyboard.press("Shift+S")
    watched.until("document.querySelectorAll('.is-decided').length === 2")
    assert decided(page) == [("same", sorted([cat, small, grey]))]
    page.keyboard.press("u")
    watched.until("!document.querySelector('.is-decided')")


def test_haste_does_no_harm(at: Open, own: str) -> None:
    """A double click looks once; keys that are pressed at once decide about one copy each."""
    watched = at()
    page = looked(watched, own)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.method == "POST" else None)
    with page.expect_response(lambda reply: reply.url.endswith("/v1/duplicates")):
        page.dblclick("text=Look again")
    watched.settle()
    watched.until("document.querySelectorAll('.twin[data-copy]').length === 2")
    assert [url.removeprefix(own) for url in asked] == ["/v1/duplicates"]
    for key in "nn":
        page.keyboard.press(key)
    watched.until("document.querySelectorAll('.is-decided').length === 2")
    for key in "uu":
        page.keyboard.press(key)
    watched.until("!document.querySelector('.is-decided')")
    assert decided(page) == []


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["w", "p"])
def test_everybody_can_decide(at: Open, own: str, size: tuple[int, int], theme: str) -> None:
    watched = at(size, theme)
    page = looked(watched, own)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("[data-copy] button:has-text('Same') >> nth=0")
    page.wait_for_selector(".is-decided")
    assert violations(page) == []
    page.click(".is-decided button:has-text('Undo')")
    watched.until("!document.querySelector('.is-decided')")
