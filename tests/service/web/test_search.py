"""Looking for images: by example, by upload, by clipboard, by words; found, refined and shared."""

from __future__ import annotations

import base64
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import KINDS, ROOT, SPACES, run

if TYPE_CHECKING:
    from playwright.sync_api import Page

CAT = ROOT / "examples" / "photographs" / "cat.jpg"
IMAGES = sum(KINDS.values()) + 3
BOTH = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])


def id_of(page: Page, name: str) -> int:
    """The id of an image of the collection, by the name of its file."""
    found: int = page.evaluate(
        "async (name) => (await (await fetch(`/v1/images?where=${encodeURIComponent("
        "`name = '${name}'`)}`)).json()).images[0].id",
        name,
    )
    return found


def send(watched: Watched, kind: str, path: Path) -> None:
    """Paste an image, or drop it."""
    watched.page.evaluate(
        """([kind, name, data]) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], name, { type: "image/jpeg" }));
            const may = { bubbles: true, cancelable: true };
            const event = kind === "paste"
              ? new ClipboardEvent("paste", { clipboardData: files, ...may })
              : new DragEvent("drop", { dataTransfer: files, ...may });
            document.body.dispatchEvent(event);
        }""",
        [kind, path.name, base64.b64encode(path.read_bytes()).decode()],
    )


@BOTH
def test_all_images_are_there_at_first_the_newest_before(at: Open, size: tuple[int, int]) -> None:
    watched = at(size)
    page = watched.open()
    assert page.inner_text(".bar-told") == f"{IMAGES} images, last added first"
    ids = watched.ids()
    assert ids == sorted(ids, reverse=True)
    assert 8 < len(ids) <= IMAGES
    wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "the page is wider than its window"
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_selector(f".tile[data-at='{IMAGES - 1}']")
    watched.until("[...document.images].every((one) => one.complete && one.naturalWidth)")


@BOTH
@pytest.mark.parametrize("way", ["pick", "paste", "drop"])
def test_an_image_from_elsewhere_finds_its_copies(
    at: Open, size: tuple[int, int], way: str
) -> None:
    if way == "drop" and size == PHONE:
        pytest.skip("nothing is dropped on a phone")
    watched = at(size)
    page = watched.open()
    if way == "pick":
        page.set_input_files(".ask-pick input", CAT)
    else:
        send(watched, way, CAT)
    page.wait_for_selector(".asked-shot img")
    page.wait_for_selector(".tile .word.copy")
    watched.settle()
    assert "like=u." in page.url
    assert watched.ids()[0] == id_of(page, "cat.jpg")
    assert page.inner_text(".receipt summary") == "exact"
    page.click(".receipt summary")
    assert f"{IMAGES * len(SPACES)} vectors compared" in page.inner_text(".receipt")
    page.reload()  # the address is enough, for an hour
    page.wait_for_selector(".tile .word.copy")
    watched.until("document.querySelector('.asked-shot img').naturalWidth > 0")


def test_more_and_less_of_an_image_until_nothing_is_asked(at: Open) -> None:
    watched = at()
    page = watched.open()
    page.hover(".tile >> nth=3")
    page.click(".tile >> nth=3 >> .act >> nth=0")
    page.wait_for_selector(".asked-part")
    watched.settle()
    first, second = watched.ids()[:2]
    page.hover(f"[data-id='{first}']")
    page.click(f"[data-id='{first}'] >> .act >> nth=1")
    watched.until("document.querySelectorAll('.asked-part').length === 2")
    watched.settle()
    assert first not in watched.ids()
    page.hover(f"[data-id='{second}']")
    page.click(f"[data-id='{second}'] >> .act >> nth=2")
    page.wait_for_selector(".asked-part.unlike")
    watched.settle()
    assert page.url.endswith(f"&like={first}&unlike={second}")
    assert second not in watched.ids()
    page.click(".unlike >> [aria-label='Look for this instead']")
    watched.until("document.querySelectorAll('.asked-part:not(.unlike)').length === 3")
    for left in (2, 1, 0):
        page.click("[aria-label='Remove from the question'] >> nth=0")
        watched.until(f"document.querySelectorAll('.asked-part').length === {left}")
    watched.settle()
    assert page.inner_text(".bar-told").startswith(f"{IMAGES} images")
    for _ in range(3):
        page.go_back()
    watched.until("document.querySelectorAll('.asked-part').length === 3")


def test_a_part_of_an_image_is_asked_with(at: Open) -> None:
    watched = at()
    cat = id_of(watched.open(), "cat.jpg")
    page = watched.open(f"/?like={cat}")
    whole = watched.ids()
    page.click("[aria-label='Search by a part of this image']")
    page.wait_for_selector("cropper-selection")
    watched.until("document.querySelector('cropper-selection').width > 100")
    page.focus("cropper-selection")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    frame = page.locator("cropper-selection").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] / 2 + 40, frame["y"] + frame["height"] / 2)
    page.mouse.up()
    page.click(".crop .main")
    page.wait_for_selector(".asked-box")
    watched.settle()
    found = page.evaluate("new URLSearchParams(location.search).get('like')")
    x, y, width, height = map(float, found.partition("@")[2].split(","))
    assert width == pytest.approx(48, abs=0.5)
    assert x > 20
    assert (y, height) == pytest.approx((20, 60), abs=0.5)
    assert watched.ids() != whole
    page.click("[aria-label='Search by a part of this image']")
    page.click(".crop button:has-text('Whole image')")
    page.wait_for_selector(".asked-box", state="detached")


def test_words_are_refused_with_the_reason_and_a_number_is_an_image(at: Open) -> None:
    watched = at()
    page = watched.open()
    page.keyboard.press("/")
    page.keyboard.type("a red apple")
    page.wait_for_selector(".ask-refused")
    assert "dinov2-small-focus reads no words" in page.inner_text(".ask-refused")
    page.fill("#field", "#3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".asked-part")
    assert page.url.endswith("?like=3")
    watched.settle()
    with expected(watched, "404"):
        page.goto(f"{watched.base}/?like=999")
        page.wait_for_selector(".state")
    assert "999" in page.inner_text(".state h2")
    with expected(watched, "422"):
        page.goto(f"{watched.base}/?text=fox")
        page.wait_for_selector(".state")
    assert "fox" in page.inner_text(".asked")


def test_the_view_is_the_same_question_elsewhere(at: Open, collection: Path) -> None:
    watched = at()
    page = watched.open()
    cat, ant = id_of(page, "cat.jpg"), id_of(page, "ant.webp")
    condition = json.dumps(["label", "in", ["photographs", "food"]])
    page.goto(f"{watched.base}/?like={cat}&unlike={ant}&f={condition}&spaces=gem@9:0.7,cls@12:0.3")
    watched.settle()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    ids = watched.ids()
    told = {}
    page.keyboard.press("c")
    for kind in ("link", "cli", "curl", "python"):
        page.click(f"#share-{kind}")
        told[kind] = page.inner_text("#share-text code")
    page.keyboard.press("Escape")
    words = shlex.split(told["cli"])
    assert words[0] == "vitrail"
    answer = json.loads(run(*words[1:], "--collection", str(collection), "--json"))
    assert [hit["id"] for hit in answer["hits"]][: len(ids)] == ids
    assert shlex.split(told["curl"])[1] == f"{watched.base}/v1/search"
    body = json.loads(shlex.split(told["curl"])[3])
    reply = page.request.post(f"{watched.base}/v1/search", data=body)
    assert [hit["id"] for hit in reply.json()["hits"]][: len(ids)] == ids
    script = told["python"].replace('"my-pictures"', repr(str(collection)))
    found: dict[str, object] = {}
    exec(compile(script, "copied", "exec"), found)
    assert [hit.id for hit in found["result"].hits][: len(ids)] == ids  # type: ignore[attr-defined]
    found["pictures"].close()  # type: ignore[attr-defined]
    page.goto(told["link"])
    watched.settle()
    assert watched.ids()[: len(ids)] == ids[: len(watched.ids())]


def test_everything_is_reached_by_keys(at: Open) -> None:
    watched = at()
    page = watched.open()
    page.keyboard.press("?")
    page.wait_for_selector(".help dialog[open], dialog.help[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    at_ = page.evaluate("+document.activeElement.closest('[data-at]').dataset.at")
    assert at_ > 3
    chosen = page.evaluate("+document.activeElement.closest('[data-id]').dataset.id")
    page.keyboard.press("m")
    page.wait_for_selector(".asked-part")
    watched.settle()
    assert page.url.endswith(f"?like={chosen}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    assert page.evaluate("+document.activeElement.closest('[data-at]').dataset.at") == IMAGES - 2
    page.keyboard.press("-")
    page.wait_for_selector(".asked-part.unlike")
    watched.settle()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".one-side.done")
    page.keyboard.press("ArrowRight")
    watched.until("location.pathname !== '/image/0'")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tile:visible")
    theme = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != theme


@pytest.mark.slow
def test_a_prompt_is_drawn_and_its_images_are_shown_before_the_hits(at: Open) -> None:
    pytest.importorskip("diffusers")
    watched = at()
    page = watched.open()
    page.fill("#field", "a red apple")
    page.click("text=Draw “a red apple”")
    page.wait_for_selector("text=/Drawing image . of 4/")
    page.wait_for_selector(".asked-made img")
    watched.settle()
    assert page.locator(".asked-made img").count() == 4
    assert "unrelated prompts" in page.inner_text(".asked-trust")
    assert os.path.basename(page.url) == "?prompt=a+red+apple"


@pytest.mark.slow
def test_a_prompt_that_is_left_is_not_drawn_any_further(at: Open) -> None:
    pytest.importorskip("diffusers")
    watched = at()
    page = watched.open()
    page.fill("#field", "a violet hippopotamus")
    page.click(".ask-way")
    page.wait_for_selector("text=/Drawing image . of 4/")
    page.click(".bar-told >> text=Cancel")
    watched.settle()
    assert page.inner_text(".bar-told").startswith(f"{IMAGES} images")
    watched.until(
        "fetch('/v1/jobs?kind=prompt-search').then((reply) => reply.json())"
        ".then(({ jobs }) => jobs[0].state === 'cancelled')"
    )


def test_a_page_of_320_pixels_hides_nothing(at: Open) -> None:
    watched = at((320, 640))
    page = watched.open("/?like=5")
    told = page.locator(".bar-told").bounding_box()
    assert told is not None
    assert told["width"] > 240  # on a line of its own
    page = watched.open("/classify")
    assert page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.segments, .segments span')]"
        ".every(one => one.scrollWidth <= one.clientWidth)"
    )
