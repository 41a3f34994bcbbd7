"""Labels from the page: told, reported on, doubted and decided about; kept, undone, shared."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import HOSTILE
from tests.service.web.painted import doubtful, serving
from tests.service.web.test_access import violations
from tests.service.web.test_safety import unharmed

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

STREAM = re.compile(r"/v1/jobs/\w+/events$")
JOB = re.compile(r"/v1/jobs/\w+$")
COUNTS = {"red": 13, "green": 12, "blue": 13, HOSTILE: 7}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of colours, three of which lie in the folder of another."""
    home = tmp_path_factory.mktemp("classify")
    with serving(home, doubtful(home / "images")) as address:
        yield address


def looked(watched: Watched, what: str) -> Page:
    """The view with an answer, found by whoever was first."""
    page = watched.open(f"/classify?what={what}")
    if not page.locator(".classify.done, .classify .working").count():
        page.click(".classify-go")
    page.wait_for_selector(".classify.done")
    return page


def result(page: Page, own: str, kind: str) -> Any:
    """What the newest job of a kind came to."""
    job = page.request.get(f"{own}/v1/jobs?kind={kind}").json()["jobs"][0]
    return page.request.get(f"{own}/v1/jobs/{job['id']}/result").json()


def decided(page: Page, own: str) -> dict[str, str]:
    """What the collection has of the images about which was decided."""
    asked: dict[str, str | float | bool] = {
        "where": "label_checked is not null",
        "fields": "name,label_checked",
    }
    told = page.request.get(f"{own}/v1/images", params=asked).json()["images"]
    return {one["metadata"]["name"]: one["metadata"]["label_checked"] for one in told}


def test_labels_are_told_withheld_and_kept(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open()
    page.click("nav >> text=Classify")
    page.wait_for_selector(".classify-form")
    page.fill("input[list=classify-offered]", "label = 'red'")
    page.fill("#classify-least", "0.5")
    page.fill("label:has-text('Keep them') input", "told_as")
    page.click(".classify-go")
    page.wait_for_selector(".classify.done")
    found = result(page, own, "classify")
    assert (found["written"], len(found["images"])) == (13, 13)
    assert page.locator(".labelled").count() == 13
    sums = {
        label: sum(one["label"] == label for one in found["images"])
        for label in ("red", "blue", None)
    }
    assert sums["red"] >= 10
    chips = page.locator(".told-sum").all_inner_texts()
    assert chips[0].split() == ["red", str(sums["red"])]
    if sums[None]:
        assert chips[-1].split()[-1] == str(sums[None])
        assert "not sure enough" in chips[-1]
    best = found["images"][0]["guesses"][0]["probability"]
    assert f"{best:.0%}" in page.inner_text(".labelled >> nth=0")
    address = page.url
    page.click(".told-sum >> nth=0")
    watched.settle()
    assert page.inner_text(".bar-told").startswith(f"{sums['red']} images")
    page.go_back()
    page.wait_for_selector(".classify.done")
    assert page.url == address
    assert page.input_value("label:has-text('Keep them') input") == "told_as"


def test_images_from_elsewhere_are_told(opening: Open, own: str) -> None:
    watched = opening(own, PHONE)
    page = watched.open("/classify?image=1")
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (30, 205, 45)).save(buffer, "PNG")
    file: FilePayload = {
        "name": "leaf.png",
        "mimeType": "image/png",
        "buffer": buffer.getvalue(),
    }
    page.set_input_files("vitrail-well input", files=file)
    watched.until("document.querySelectorAll('.classify-given li').length === 2")
    page.click(".classify-go")
    page.wait_for_selector(".classify.done")
    assert page.locator(".labelled b").all_inner_texts()[1] == "green"
    assert page.url.count("image=") == 2
    watched.until(
        "[...document.querySelectorAll('.labelled img')].every((one) => one.naturalWidth)"
    )


def test_what_cannot_be_told_is_refused_with_a_remedy(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open("/classify?write=label")
    page.click(".classify-go")
    page.wait_for_selector("[role=alert]")
    assert "rename it" in page.inner_text("[role=alert]")


def test_work_is_asked_for_once(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open("/classify?where=label+%3D+'green'&least=0.07")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.method == "POST" else None)
    page.dblclick(".classify-go")
    page.wait_for_selector(".classify.done")
    assert len([url for url in asked if url.endswith("/v1/classify")]) == 1


def test_work_is_followed_on_where_others_have_answered_for_the_service(
    opening: Open, own: str
) -> None:
    watched = opening(own)
    page = watched.open("/classify?where=label+%3D+'green'&least=0.11")
    # as a proxy does while the service behind it is started anew
    page.route(STREAM, lambda route: route.fulfill(status=502), times=2)
    page.route(JOB, lambda route: route.fulfill(status=502), times=1)
    with expected(watched, "502", "EventSource"):
        page.click(".classify-go")
        page.wait_for_selector(".classify.done")


def test_work_that_can_be_followed_no_longer_is_told_as_that(opening: Open, own: str) -> None:
    watched = opening(own)
    page = watched.open("/classify?where=label+%3D+'green'&least=0.13")
    page.route(STREAM, lambda route: route.fulfill(status=401))
    told = {"code": "no-key", "detail": "this needs a key", "remedy": "sign in"}
    page.route(JOB, lambda route: route.fulfill(status=401, json=told))
    with expected(watched, "401", "EventSource"):
        page.click(".classify-go")
        page.wait_for_selector("[role=alert]:has-text('this needs a key; sign in')")
    assert page.locator(".signed-out a[href^='/login']").is_visible()
    assert page.is_enabled(".classify-go")


def test_a_report_opens_the_images_of_each_cell(opening: Open, own: str) -> None:
    watched = opening(own)
    page = looked(watched, "report")
    found = result(page, own, "labels")
    names = [row["label"] for row in found["classes"]]
    assert {row["label"]: row["images"] for row in found["classes"]} == COUNTS
    rows = page.locator(".matrix tbody tr").all()
    assert [row.locator("th").inner_text() for row in rows] == names
    for row, counts in zip(rows, found["confusion"], strict=True):
        told = [int(one or 0) for one in row.locator("td").all_inner_texts()]
        assert told == counts
    mistakes = page.locator(".matrix td.wrong a")
    assert mistakes.count() >= 2
    table = page.inner_text(f".told-table tr:has(th:text-is('{names[0]}'))")
    assert table.split("\t")[1] == str(COUNTS[names[0]])
    label = mistakes.nth(0).get_attribute("aria-label") or ""
    mistakes.nth(0).click()
    watched.settle()
    count = label.rsplit(": ", 1)[1]
    assert page.inner_text(".bar-told").startswith(count)
    cell = next(
        one
        for one in found["cells"]
        if label.startswith(f"{one['label']} told to be {one['told']}:")
    )
    assert sorted(watched.ids()) == sorted(cell["ids"])


def test_doubts_are_decided_by_keys_kept_and_undone(opening: Open, own: str) -> None:
    watched = opening(own, theme="dark")
    page = looked(watched, "suspects")
    found = result(page, own, "labels")["suspects"]
    by_name = {one["name"]: one for one in found}
    assert by_name["odd.png"]["likely"] == "blue"
    odd = [one["name"] for one in found].index("odd.png")
    page.evaluate("document.activeElement.blur()")
    for _ in range(odd):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.wait_for_selector(f"[data-suspect='{odd}'] .badge:text('is blue')")
    other = 1 - odd if odd < 2 else 0
    name, label = found[other]["name"], found[other]["label"]
    page.click(f"[data-suspect='{other}'] button:has-text('Keep')")
    page.wait_for_selector(f"[data-suspect='{other}'].is-decided")
    assert decided(page, own) == {"odd.png": "blue", name: label}
    page.reload()
    page.wait_for_selector(f"[data-suspect='{odd}'].is-decided")
    watched.until("document.querySelectorAll('.is-decided').length === 2")
    page.click("text=All that were decided")
    watched.settle()
    assert page.inner_text(".bar-told").startswith("2 images")
    page.go_back()
    page.wait_for_selector(f"[data-suspect='{odd}'].is-decided")
    page.click(f"[data-suspect='{odd}'] button:has-text('Undo')")
    page.wait_for_selector(f"[data-suspect='{odd}']:not(.is-decided)")
    page.keyboard.press("k")
    page.wait_for_selector(f"[data-suspect='{odd}'] .badge:text('is red')")
    page.keyboard.press("u")
    page.wait_for_selector(f"[data-suspect='{odd}']:not(.is-decided)")
    page.click(f"[data-suspect='{other}'] button:has-text('Undo')")
    watched.until("!document.querySelector('.is-decided')")
    assert decided(page, own) == {}


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="wide-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.slow),
        pytest.param(PHONE, "light", id="phone-light", marks=pytest.mark.slow),
    ],
)
def test_everybody_can_label(opening: Open, own: str, size: tuple[int, int], theme: str) -> None:
    watched = opening(own, size, theme)
    for what in ("tell", "report", "suspects"):
        page = looked(watched, what)
        assert HOSTILE in page.inner_text("main"), what
        unharmed(watched)
        assert violations(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
