"""A map on the page: drawn as a job, coloured, and images chosen in it by mouse, touch and keys."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import HOSTILE, KINDS, run
from tests.service.web.test_access import violations
from tests.service.web.test_safety import unharmed
from tests.service.web.test_search import IMAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Points = Sequence[tuple[float, float]]
PLANE = "document.querySelector('vitrail-map-plane')"


def drawn(watched: Watched, more: str = "") -> Page:
    """A map of all examples, drawn by whoever was first."""
    page = watched.open(f"/map?layout=pca&clusters=5{more}")
    if not page.locator(".map.done, .map-progress").count():
        page.click("text=Draw the map")
    page.wait_for_selector(".map.done")
    watched.until(f"{PLANE}?._plane?.wide")
    return page


def places(page: Page) -> dict[int, tuple[float, float]]:
    """Where each image is on the screen."""
    found: list[tuple[int, float, float]] = page.evaluate(
        f"(() => {{ const one = {PLANE}, box = one.querySelector('canvas').getBoundingClientRect();"
        " return one.map.places.map(({ id }, i) => { const [x, y] = one._plane.place(i);"
        " return [id, x + box.left, y + box.top]; }); })()"
    )
    return {image: (x, y) for image, x, y in found}


def chosen(watched: Watched) -> set[int]:
    """The images that are listed as chosen."""
    watched.page.wait_for_selector(".map-chosen .tile")
    found: list[int] = watched.page.evaluate("document.querySelector('vitrail-lot').ids")
    return {*found}


def by_mouse(page: Page, ring: Points) -> None:
    page.mouse.move(*ring[0])
    page.mouse.down()
    for x, y in (*ring[1:], ring[0]):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def by_finger(page: Page, ring: Points) -> None:
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", ring[0])
    for one, other in zip(ring, (*ring[1:], ring[0]), strict=True):
        for step in range(1, 7):
            x, y = (a + (b - a) * step / 6 for a, b in zip(one, other, strict=True))
            touch("touchMove", (x, y))
    touch("touchEnd")


def half(page: Page) -> tuple[Points, set[int]]:
    """A ring round about half of the images, and which these are; none lies on the line."""
    there = places(page)
    box = page.locator(".map-plane canvas").bounding_box()
    assert box is not None
    across = sorted(x for x, _ in there.values())
    gaps = [(b - a, (a + b) / 2) for a, b in pairwise(across)]
    _, middle = max(gaps[len(gaps) // 4 : 3 * len(gaps) // 4])
    top, bottom = box["y"] + 3, box["y"] + box["height"] - 3
    ring = [(box["x"] + 3, top), (middle, top), (middle, bottom), (box["x"] + 3, bottom)]
    return ring, {image for image, (x, _) in there.items() if x < middle}


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["mouse", "finger"])
def test_a_lasso_leads_to_the_images_within(at: Open, size: tuple[int, int]) -> None:
    watched = at(size)
    page = drawn(watched)
    page.locator(".map-plane").scroll_into_view_if_needed()
    page.click(".map-lasso")
    ring, within = half(page)
    (by_mouse if size == WIDE else by_finger)(page, ring)
    assert chosen(watched) == within
    assert page.inner_text(".map-chosen h2") == f"{len(within)} images chosen"
    assert "&ring=" in page.url
    page.goto(page.url)  # a link is the view
    assert chosen(watched) == within
    page.click("text=See them")
    if size == PHONE:
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("text=/Search like \\d of these/")
    page.wait_for_selector(".asked-part")
    asked = page.evaluate("new URLSearchParams(location.search).getAll('like').map(Number)")
    assert len(asked) == 8
    assert within.issuperset(asked)


def test_keys_alone_move_choose_and_open(at: Open) -> None:
    watched = at(theme="dark")
    page = drawn(watched)
    page.focus(".map-plane canvas")
    for key in ("ArrowLeft", "+", "-"):
        page.keyboard.press(key)
    page.wait_for_selector(".map-tip img")
    watched.until("location.search.includes('&at=')")
    page.keyboard.press("0")
    watched.until("!location.search.includes('&at=')")
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    first = page.evaluate(f"{PLANE}._plane.view.at")
    page.keyboard.press("Space")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    last = page.evaluate(f"{PLANE}._plane.view.at")
    page.keyboard.press("Space")
    west, east = sorted((first[0], last[0]))
    north, south = sorted((first[1], last[1]))
    lie: list[list[float]] = page.evaluate(f"{PLANE}.map.places.map((p) => [p.id, p.x, 1 - p.y])")
    within = {int(i) for i, x, y in lie if west < x < east and north < y < south}
    assert chosen(watched) == within
    page.keyboard.press("Escape")
    watched.until("!document.querySelector('.map-chosen')")
    assert "ring" not in page.url
    page.keyboard.press("ArrowUp")
    told = page.inner_text(".map-tip b")
    page.keyboard.press("Enter")
    page.wait_for_selector(".one-side.done")
    assert page.inner_text("h1") == told
    page.go_back()
    page.wait_for_selector(".map.done")


def test_colours_are_a_list_that_chooses(at: Open, collection: Path) -> None:
    watched = at()
    page = drawn(watched)
    page.select_option(".map-by select", "label")
    page.wait_for_selector(".map-legend span:text-is('vehicles')")
    rows = page.locator(".map-legend button")
    counts = dict(row.rsplit("\n", 1) for row in rows.all_inner_texts())
    assert {kind: int(counts[kind]) for kind in KINDS} == KINDS | {"photographs": 10}
    page.click(".map-legend button:has-text('food')")
    assert len(chosen(watched)) == KINDS["food"]
    assert page.url.endswith("&value=food")
    page.reload()
    assert len(chosen(watched)) == KINDS["food"]
    for kind, needle in (
        ("cli", "--color label"),
        ("curl", '"columns":["label"]'),
        ("python", 'pictures.map(layout="pca", clusters=5, columns=["label"])'),
    ):
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("c")
        page.click(f"#share-{kind}")
        text = page.inner_text("#share-text code")
        assert needle in text
        page.keyboard.press("Escape")
        if kind == "cli":
            told = run(*shlex.split(text)[1:-2], "--json", "--collection", str(collection))
    sizes = [cluster["size"] for cluster in json.loads(told)["clusters"]]
    page.select_option(".map-by select", "")
    watched.until("!location.search.includes('colour')")
    assert [int(row.rsplit("\n", 1)[1]) for row in rows.all_inner_texts()] == sizes
    page.select_option(".map-by select", "width")
    page.wait_for_selector(".map-scale")
    ends = page.locator(".map-scale span").all_inner_texts()
    assert [int(one.replace(",", "")) for one in ends] == [128, 512]


def test_what_is_zoomed_is_a_link(at: Open) -> None:
    watched = at()
    page = drawn(watched)
    box = page.locator(".map-plane canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.wheel(0, -700)
    watched.until("location.search.includes('&at=')")
    view: dict[str, Any] = page.evaluate(f"{PLANE}._plane.view")
    assert view["scale"] > 2
    page.reload()
    page.wait_for_selector(".map.done")
    watched.until(f"{PLANE}?._plane?.wide")
    again = page.evaluate(f"{PLANE}._plane.view")
    assert again["at"] == pytest.approx(view["at"], abs=1e-3)
    assert again["scale"] == pytest.approx(view["scale"], abs=1e-3)
    there = places(page)
    inside = {
        image: (x, y)
        for image, (x, y) in there.items()
        if box["x"] + 60 < x < box["x"] + box["width"] - 60
        and box["y"] + 60 < y < box["y"] + box["height"] - 60
    }
    image, (x, y) = next(iter(inside.items()))
    page.mouse.move(x, y)
    page.wait_for_selector(".map-tip img")
    page.mouse.click(x, y)
    page.wait_for_selector(".one-side.done")
    near = {i for i, (a, b) in there.items() if abs(a - x) + abs(b - y) < 10}
    assert watched.page.evaluate("Number(location.pathname.split('/').pop())") in near | {image}


def test_what_cannot_be_drawn_says_why(at: Open) -> None:
    watched = at()
    page = watched.open("/map?of=label+=+'plants'")
    page.click("text=Draw the map")
    page.wait_for_selector("[role=alert]")
    assert "6 images" in page.inner_text("[role=alert]")
    with expected(watched, "404"):
        page = watched.open("/map?job=0123456789abcdef&layout=pca")
        page.wait_for_selector("[role=alert]")
    assert "no longer kept" in page.inner_text("[role=alert]")
    assert page.input_value(".map-form select >> nth=2") == "pca"


def test_it_shows_how_far_it_is_and_is_cancelled(at: Open) -> None:
    watched = at()
    page = watched.page
    progress = {"stage": "comparing images", "done": 30, "total": 40, "unit": "images"}
    job: dict[str, Any] = {"id": "f" * 16, "kind": "map", "state": "running", "parameters": {}}
    job |= {"progress": progress, "notes": [], "problem": None, "result": False}

    def cancel(route: Route) -> None:
        assert route.request.method == "DELETE"
        job["state"] = "cancelled"
        route.fulfill(status=202, json=job)

    def events(route: Route) -> None:
        body = f"retry: 100\nevent: job\ndata: {json.dumps(job)}\n\n"
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/v1/map", lambda route: route.fulfill(status=202, json=job))
    page.route(f"**/v1/jobs/{job['id']}", cancel)
    page.route(f"**/v1/jobs/{job['id']}/events", events)
    watched.open("/map?clusters=3")
    page.click("text=Draw the map")
    page.wait_for_selector(".map-progress progress[max]")
    assert page.inner_text(".map-progress p") == "comparing images"
    assert page.evaluate("document.querySelector('.map-progress progress').value") == 0.75
    page.click(".map-progress >> text=Cancel")
    page.wait_for_selector(".map .state")
    assert page.locator("[role=alert], .map-progress").count() == 0


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.slow),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_everybody_can_read_it(at: Open, size: tuple[int, int], theme: str) -> None:
    watched = at(size, theme)
    page = drawn(watched, "&colour=label")
    label = page.locator(f".map-legend button:has-text('{HOSTILE[:8]}')")
    label.wait_for()
    assert violations(page) == []
    label.click()
    assert len(chosen(watched)) == 1
    page.click("text=Label these")
    page.focus(".map-plane canvas")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".map-tip img")
    assert violations(page) == []
    page.click("text=Another map")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert f"of {IMAGES} images" in (page.get_attribute(".map-plane canvas", "aria-label") or "")
    unharmed(watched)
