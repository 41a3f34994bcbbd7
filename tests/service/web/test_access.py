"""Every view is for everybody: axe-core finds nothing serious, in either theme."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open
from tests.service.web.test_search import id_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What is serious or critical, a line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.slow),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_nothing_serious_is_found(at: Open, size: tuple[int, int], theme: str) -> None:
    watched = at(size, theme)
    page = watched.open()
    cat, ant = id_of(page, "cat.jpg"), id_of(page, "ant.webp")
    assert violations(page) == [], "browsing"
    page = watched.open(f"/?like={cat}&unlike={ant}&f=[%22label%22,%22is%22,%22photographs%22]")
    watched.refine()
    page.wait_for_selector("#ladder")
    page.wait_for_selector(".facet")
    page.click("text=Each layer by itself")
    assert violations(page) == [], "refining"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert violations(page) == [], "help"
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    assert violations(page) == [], "copying"
    page.keyboard.press("Escape")
    page.fill("#field", "a red apple")
    page.wait_for_selector(".ask-way")
    assert violations(page) == [], "asking"
    page = watched.open(f"/image/{ant}?like={cat}")
    page.wait_for_selector(".one-side.done")
    page.click("text=Show what matches")
    page.wait_for_selector(".shares")
    assert violations(page) == [], "an image"
    page.goto(f"{watched.base}/collection")
    page.wait_for_selector(".roots")
    assert violations(page) == [], "the collection"
