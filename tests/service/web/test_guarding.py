"""The guard on the page: copies refused, other seeds tried, copies marked, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.cli.test_guard import LEARNT, learnt  # noqa: F401 - a fixture
from tests.service.conftest import Vitrail
from tests.service.http.processes import answering
from tests.service.web.conftest import PHONE, Open, Watched, expected
from tests.service.web.test_access import violations
from vitrail.service.http.options import ServiceOptions

if TYPE_CHECKING:
    from playwright.sync_api import Page

ORDER = "/make?words=red+apple&n=3&seed=0"


@pytest.fixture
def copying(
    learnt: Vitrail,  # noqa: F811 - that one
    tmp_path: Path,
) -> Iterator[str]:
    """Address of a service whose generator gives back what it has learnt, of even seeds."""
    options = ServiceOptions({"a": learnt.home}, tmp_path / "state", warm=False)
    with answering(options) as port:
        yield f"http://127.0.0.1:{port}"


def make(watched: Watched, prompt: str) -> Page:
    """Have what is asked for made, and wait for it."""
    page = watched.page
    page.fill("#make-prompt", prompt)
    page.click(".make-go")
    page.wait_for_selector(f".queue > li:first-child:has(h3:text-is('{prompt}'))")
    watched.until("document.querySelector('.made').matches('.is-done')")
    page.wait_for_selector(".made >> nth=0 >> .made-guard")
    return page


def test_copies_are_refused_or_marked(opening: Open, copying: str) -> None:
    watched = opening(copying)
    page = watched.open("/make?words=red+apple&n=2&seed=0")
    page.click("text=More options")
    assert page.locator("#make-rate").count() == 0
    page.select_option("#make-guard", "reseed")
    page.fill("#make-rate", "2")
    page.fill("#make-retries", "1")
    page.keyboard.press("Tab")
    assert page.url.endswith("&guard=reseed&rate=0.02&retries=1")
    page = make(watched, "red apple")
    told = page.inner_text(".made-guard")
    assert "2 images refused, 1 image lacking in the end" in told
    assert f"told by {LEARNT} innocent images" in told
    assert [one.split("\n") for one in page.locator(".made-refused li").all_inner_texts()] == [
        ["seed 0", "copies 100% of image 1", "another seed was tried"],
        ["seed 2", "copies 100% of image 3", "none is tried in its place"],
    ]
    assert page.locator(".made-images li").count() == 1
    assert "copies guarded at 2%" in page.inner_text(".made .soft >> nth=0")
    assert violations(page) == []
    assert (page.get_attribute(".made-refused a >> nth=0", "href") or "").startswith("/image/1")
    page.reload()
    page.wait_for_selector("#make-retries")
    assert page.input_value("#make-retries") == "1"  # the address is the view

    page.select_option("#make-guard", "mark")
    page.fill("#make-mark", "copied")
    page = make(watched, "blue apple")
    assert "No image was refused." in page.inner_text(".made-guard >> nth=0")
    assert page.locator(".made >> nth=0 >> .made-images li").count() == 2
    [mark] = page.locator(".made >> nth=0 >> .made-mark").all_inner_texts()
    assert mark.split("\n")[0] == "copies 100% of image 1"
    job = page.get_attribute(".made >> nth=0", "data-job")
    found = page.request.get(f"{copying}/v1/jobs/{job}/result").json()["images"]
    assert [(one["seed"], one["copies"]) for one in found] == [(0, 1), (1, None)]
    listed = page.request.get(f"{copying}/v1/images?where=copied<0.02").json()["images"]
    assert [one["id"] for one in listed] == [found[0]["id"]]
    both = page.get_attribute(".made >> nth=0 >> .made-mark a", "href")
    assert both == f"/compare?a={found[0]['id']}&b=1"
    page.click(".made >> nth=0 >> text=Same settings")
    assert "guard=mark" in page.url
    assert page.input_value("#make-rate") == "2"


def test_what_cannot_be_guarded_is_said(opening: Open, copying: str) -> None:
    watched = opening(copying, PHONE, "dark")
    page = watched.open(f"{ORDER}&guard=refuse&rate=0.001")
    assert page.input_value("#make-rate") == "0.1"
    with expected(watched, "422"):
        page.click(".make-go")
        page.wait_for_selector("[role=alert]")
    assert "999 innocent images" in page.inner_text("[role=alert]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page = watched.open("/make?task=image-to-image&guard=refuse")
    assert page.locator("#make-guard").count() == 0  # what is drawn from an image is near it
