"""Columns of the user's own, set from the page on one image and on several, and taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.http.processes import served
from tests.service.web.conftest import PHONE, Open, Watched, expected
from tests.service.web.examples import HOSTILE
from tests.service.web.test_access import violations
from tests.service.web.test_map import chosen, drawn
from tests.service.web.test_safety import unharmed
from tests.service.web.test_search import id_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def own(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of examples that may be labelled."""
    home = tmp_path_factory.mktemp("labels")
    shutil.copytree(collection, home / "collection")
    with served(home / "collection", "--state", home / "state") as process:
        yield process.address


def held(page: Page, image: int, column: str) -> Any:
    """What an image has in a column, as the service tells it."""
    base = page.url.split("/", 3)
    told = page.request.get(f"{base[0]}//{base[2]}/v1/images/{image}").json()["metadata"]
    return told.get(column, told.get("own", {}).get(column))


def label(watched: Watched, within: str, column: str, value: str) -> str:
    """Set a column by the form; what was said."""
    page = watched.page
    page.fill(f"{within} [name=column]", column)
    page.fill(f"{within} [name=value]", value)
    page.click(f"{within} .labels-form >> text=Set")
    said = page.locator(f"{within} .labels-told")
    said.filter(has_text=f"{column}: {value}, set on").wait_for()
    return said.inner_text()


def undo(watched: Watched, within: str) -> None:
    """Take the last change back, and wait until that is done."""
    labels = f"document.querySelector('{within} vitrail-labels')"
    left = watched.page.evaluate(f"{labels}._changes.length") - 1
    watched.page.click(f"{within} .labels-told >> text=Undo")
    watched.until(f"{labels}._changes.length === {left} && !{labels}._busy")
    assert "as it was before" in watched.page.inner_text(f"{within} .labels-told")


def test_one_image_is_labelled_changed_cleared_and_all_of_it_is_undone(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open()
    cat = id_of(page, "cat.jpg")
    page.goto(f"{own}/image/{cat}")
    page.wait_for_selector(".one-side.done .labels-acts button:not(:disabled)")
    page.keyboard.press("l")
    assert page.evaluate("document.activeElement.name") == "column"
    side = ".one-side"
    assert "set on 1 image." in label(watched, side, "mood", HOSTILE)
    assert held(page, cat, "mood") == HOSTILE
    page.wait_for_selector(".facts div:has(dt:text('Mood'))")
    label(watched, side, "mood", "calm")
    page.click(".labels .chip:has-text('mood: calm')")
    page.wait_for_selector(".labels-told:has-text('cleared')")
    assert held(page, cat, "mood") is None
    undo(watched, side)
    watched.until("document.querySelector('.labels .chip')?.textContent.includes('calm')")
    undo(watched, side)
    assert held(page, cat, "mood") == HOSTILE
    undo(watched, side)
    assert held(page, cat, "mood") is None
    assert page.locator(".labels-told button").count() == 0
    unharmed(watched)


def test_undo_leaves_what_another_page_has_set_since(at: Open, own: str) -> None:
    mine, theirs = at(), at()
    mine.base = theirs.base = own
    cat = id_of(mine.open(), "cat.jpg")
    for one in (mine, theirs):
        one.page.goto(f"{own}/image/{cat}")
        one.page.wait_for_selector(".one-side.done .labels-acts button:not(:disabled)")
    side = ".one-side"
    label(mine, side, "Shelf", "first")
    label(theirs, side, "shelf", "second")  # of which that page knew nothing when it was opened
    mine.page.click(".labels-told >> text=Undo")
    mine.page.wait_for_selector(".labels-told:has-text('changed elsewhere on 1 image')")
    assert mine.page.locator(".labels-told button").count() == 0
    assert held(mine.page, cat, "Shelf") == "second"
    undo(theirs, side)
    assert held(mine.page, cat, "Shelf") == "first"


def test_images_that_are_marked_are_labelled_together(at: Open, own: str) -> None:
    watched = at(theme="dark")
    watched.base = own
    page = watched.open()
    ids = watched.ids()[:3]
    page.request.post(f"{own}/v1/annotations", data={"ids": ids[:1], "columns": {"stars": 2}})
    page.reload()
    watched.settle()
    page.focus(f"[data-id='{ids[0]}'] a")
    for _ in range(2):
        page.keyboard.press("x")
        page.keyboard.press("ArrowRight")
    page.hover(f"[data-id='{ids[2]}']")
    page.click(f"[data-id='{ids[2]}'] .mark")
    assert page.inner_text(".marked b") == "3 images marked"
    page.click(".marked >> text=Copy as a filter")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("l")
    assert "3 images" in label(watched, ".marked", "stars", "5")
    assert [held(page, one, "stars") for one in ids] == [5, 5, 5], "numbers, as the column holds"
    assert violations(page) == []
    undo(watched, ".marked")
    assert [held(page, one, "stars") for one in ids] == [2, None, None]
    page.fill(".marked [name=column]", "width")
    page.fill(".marked [name=value]", "7")
    with expected(watched, "422", "400"):
        page.click(".marked .labels-form >> text=Set")
        page.wait_for_selector(".marked [role=alert]")
    assert "'width'" in page.inner_text(".marked [role=alert]")
    page.click("text=Unmark")
    watched.until("!document.querySelector('.marked')")


def test_a_finger_that_rests_marks(at: Open, own: str) -> None:
    watched = at(PHONE)
    watched.base = own
    page = watched.open()
    first, second = watched.ids()[:2]
    page.eval_on_selector(
        f"[data-id='{first}'] a",
        "a => a.dispatchEvent(new PointerEvent('contextmenu',"
        " { pointerType: 'touch', bubbles: true, cancelable: true }))",
    )
    page.wait_for_selector(".marked")
    page.tap(f"[data-id='{second}'] .mark")
    assert page.inner_text(".marked b") == "2 images marked"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    page.click("text=Search like these")
    page.wait_for_selector(".asked-part")
    asked = page.evaluate("new URLSearchParams(location.search).getAll('like').map(Number)")
    assert asked == [first, second]


def test_what_is_chosen_on_a_map_is_labelled_and_coloured_by_it(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = drawn(watched)
    page.click(".map-legend button >> nth=0")
    within = chosen(watched)
    page.keyboard.press("l")
    label(watched, ".map-chosen", "place", "here")
    page.select_option(".map-by select", "place")
    page.wait_for_selector(".map-legend span:text-is('here')")
    row = page.inner_text(".map-legend button:has(span:text-is('here'))")
    assert int(row.rsplit("\n", 1)[1]) == len(within)
    page.click(".map-legend button:has(span:text-is('here'))")
    assert chosen(watched) == within
    page.keyboard.press("l")
    label(watched, ".map-chosen", "place", "there")  # and the colours follow
    page.wait_for_selector(".map-legend span:text-is('there')")
    assert page.locator(".map-legend span:text-is('here')").count() == 0
    undo(watched, ".map-chosen")  # of the images that were labelled, whatever they are called now
    page.wait_for_selector(".map-legend span:text-is('here')")
    assert chosen(watched) == within


def test_whoever_may_only_read_is_told_why_nothing_can_be_labelled(
    at: Open, collection: Path, tmp_path: Path
) -> None:
    watched = at()
    with served(collection, "--state", tmp_path / "state", "--read-only") as process:
        watched.base = process.address
        page = watched.open()
        page.goto(f"{process.address}/image/{watched.ids()[0]}")
        page.wait_for_selector(".labels-refused")
        assert "--read-only" in page.inner_text(".labels-refused")
        assert page.locator(".labels-form").count() == 0
        told = {"needs_key": True, "scope": "read", "name": "guest", "read_only": False}
        page.route("**/v1/session", lambda route: route.fulfill(json=told))
        page.reload()
        page.wait_for_selector(".labels-refused")
        assert "scope write" in page.inner_text(".labels-refused")
        page.goto("about:blank")  # so that nothing is asked of a service that has ended


def test_what_was_taken_out_meanwhile_is_not_said_to_be_labelled(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open()
    image = watched.ids()[-1]
    page.goto(f"{own}/image/{image}")
    page.wait_for_selector(".one-side.done .labels-acts button:not(:disabled)")
    page.request.delete(f"{own}/v1/images/{image}")
    page.fill("[name=column]", "mood")
    page.fill("[name=value]", "calm")
    with expected(watched, "404"):
        page.click(".labels-form >> text=Set")
        told = page.locator(".labels [role=alert]")
        told.filter(has_text="taken out of the collection meanwhile; nothing was set").wait_for()
        assert page.inner_text(".labels-told") == ""
        page.click("text=More like this")
        page.wait_for_selector(".state:has-text('There is no image with id')")
        page.click("text=Show all images")
        page.wait_for_selector(".tile")
