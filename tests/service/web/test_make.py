"""Making images from the page: by prompts, from images, within a mask; followed, searched by."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from tests.service.http.processes import served
from tests.service.web.conftest import PHONE, WIDE, Open, Watched
from tests.service.web.examples import HOSTILE
from tests.service.web.test_access import violations
from tests.service.web.test_search import CAT, id_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def own(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of examples to which images may be added."""
    home = tmp_path_factory.mktemp("make")
    shutil.copytree(collection, home / "collection")
    with served(home / "collection", "--state", home / "state") as process:
        yield process.address


def made(watched: Watched, kind: str) -> list[int]:
    """The images of the newest job, which is of a kind, once it is done."""
    watched.page.wait_for_selector(f".queue > li:first-child:has(.soft:text('{kind}'))")
    watched.until("document.querySelector('.made').matches('.is-done')")
    watched.page.wait_for_selector(".made >> nth=0 >> .made-images a")
    found: list[int] = watched.page.eval_on_selector_all(
        ".queue > li:first-child .made-images a", "all => all.map(a => +a.pathname.split('/')[2])"
    )
    return found


def marked(page: Page, parts: tuple[float, float], to: tuple[float, float]) -> None:
    """Draw over the image from one place to another, in shares of it."""
    box = page.locator(".masker canvas").bounding_box()
    assert box is not None
    (x, y), (u, v) = parts, to
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * u, box["y"] + box["height"] * v, steps=4)
    page.mouse.up()


def strokes(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        "document.querySelector('vitrail-masker')._strokes.map(s => ({...s, n: s.points.length}))"
    )
    return found


def test_a_prompt_is_drawn_and_what_comes_of_it_searched_by(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open()
    page.click("nav >> text=Make")
    page.click(".make-go")
    assert "Say what to draw" in page.inner_text("[role=alert]")
    page.fill("#make-prompt", "a red apple")
    page.fill(".make-how label:has-text('Images') input", "2")
    page.fill("#make-seed", "5")
    page.click("text=More options")
    page.fill("label:has-text('Steps') input", "4")
    page.select_option("label:has-text('Sampler') select", "euler")
    page.click(".make-go")
    assert page.inner_text(".make-go") == "Make 2 images"
    ids = made(watched, "Prompt")
    assert len(ids) == 2
    assert page.inner_text(".made .soft >> nth=0") == "Prompt, seeds 5 to 6, 4 steps, euler"
    address = page.url
    page.click("text=Find like these")
    page.wait_for_selector(".asked-part")
    assert page.url.endswith(f"/?like={ids[0]}&like={ids[1]}")
    page.go_back()
    page.wait_for_selector("#make-prompt")
    assert page.url == address
    assert page.input_value("#make-prompt") == "a red apple"
    page.goto(f"{own}/image/{ids[0]}")
    page.wait_for_selector(".one-side.done")
    page.click("text=Make again")
    page.wait_for_selector("#make-prompt")
    assert page.input_value("#make-prompt") == "a red apple"
    assert page.input_value("#make-seed") == "5"


def test_just_what_is_marked_is_repainted(at: Open, own: str) -> None:
    watched = at(theme="dark")
    watched.base = own
    page = watched.open()
    ant = id_of(page, "ant.webp")
    page = watched.open(f"/make?task=inpaint&image={ant}&words=a+red+apple&n=1&steps=4&seed=3")
    watched.until("document.querySelector('vitrail-masker')?._size")
    page.click(".make-go")
    assert "Mark what shall be repainted" in page.inner_text("[role=alert]")
    marked(page, (0.1, 0.1), (0.9, 0.9))
    page.click(".masker button:has-text('Undo')")
    assert strokes(page) == []
    page.click(".masker label:has-text('Box')")
    marked(page, (0.25, 0.25), (0.75, 0.75))
    page.click(".masker label:has-text('Eraser')")
    marked(page, (0.6, 0.6), (0.6, 0.6))
    assert [one["tool"] for one in strokes(page)] == ["box", "eraser"]
    page.click(".make-go")
    [done] = made(watched, "Inpaint")
    before, after = (
        Image.open(io.BytesIO(page.request.get(f"{own}/v1/images/{one}/file").body())).convert(
            "RGB"
        )
        for one in (ant, done)
    )
    width, height = before.size
    changed = ImageChops.difference(before, after).getbbox()
    assert after.size == before.size
    assert changed is not None, "nothing was repainted"
    left, top, right, bottom = changed
    assert left >= width // 4 - 1
    assert top >= height // 4 - 1
    assert right <= width * 3 // 4 + 1
    assert bottom <= height * 3 // 4 + 1


def test_a_mask_is_made_by_keys_and_by_touch(at: Open, own: str) -> None:
    watched = at(PHONE)
    watched.base = own
    ant = id_of(watched.open(), "ant.webp")
    page = watched.open(f"/make?task=inpaint&image={ant}")
    watched.until("document.querySelector('vitrail-masker')?._size")
    page.locator(".masker canvas").tap()
    assert [(one["tool"], one["n"]) for one in strokes(page)] == [("brush", 1)]
    page.focus(".masker canvas")
    for key in ("z", "x", "Space", "ArrowRight", "ArrowDown", "Space", "e", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert [(one["tool"], one["n"]) for one in strokes(page)] == [("box", 2), ("eraser", 1)]
    [[x, y], [u, v]] = strokes(page)[0]["points"]
    assert u > x
    assert v > y
    wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "the page is wider than its window"


def test_long_work_waits_its_turn_and_is_cancelled(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open("/make?n=200")
    for prompt in (HOSTILE, "a blue hat"):
        page.fill("#make-prompt", prompt)
        page.click(".make-go")
        page.wait_for_selector(f".made h3:text-is('{prompt}')" if prompt != HOSTILE else ".made")
    page.wait_for_selector(".made.is-queued:has-text('a blue hat') >> text=before it")
    page.click(".made.is-queued button:has-text('Cancel')")
    page.wait_for_selector(".made.is-cancelled:has-text('a blue hat')")
    assert page.inner_text(".made >> nth=1 >> h3") == HOSTILE
    page.wait_for_selector(".made.is-running progress")
    page.click(".made.is-running button:has-text('Cancel')")
    page.wait_for_selector(".made.is-cancelled >> nth=1")
    assert not page.evaluate("'harmed' in window")


def test_wells_take_what_is_picked_pasted_and_offered(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open("/make?task=style&words=a+cat")
    page.set_input_files("vitrail-well >> nth=0 >> input", CAT)
    page.wait_for_selector("vitrail-well >> nth=0 >> .well-image")
    page.click("vitrail-well >> nth=1 >> .well-offered button >> nth=0")
    page.wait_for_selector("vitrail-well >> nth=1 >> .well-image")
    assert "image=u." in page.url
    assert "&style=" in page.url
    page.reload()
    page.wait_for_selector("vitrail-well >> nth=1 >> .well-image")
    watched.until("[...document.querySelectorAll('.well img')].every((one) => one.naturalWidth)")
    page.click("vitrail-well >> nth=0 >> .well-image button")
    page.click(".make-go")
    assert "Choose the image to begin with" in page.inner_text("[role=alert]")


def test_a_style_by_attention_is_one_image_without_chance(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    ant = id_of(watched.open(), "ant.webp")
    page = watched.open(f"/make?task=style&words=a+cat&steps=2&n=3&image={ant}&style={ant}")
    assert page.inner_text(".make-go") == "Make 3 images"
    page.select_option("label:has-text('What is taken of the style') select", "attention")
    assert "method=attention" in page.url
    assert page.locator("#make-seed").count() == 0
    assert page.input_value("#make-redraw") == "0.8"
    assert page.inner_text(".make-go") == "Make 1 image"
    with page.expect_request("**/v1/style*") as asked:
        page.click(".make-go")
    body = json.loads(asked.value.post_data or "{}")
    assert (body["method"], body["n"], body["content_strength"]) == ("attention", 1, 0.8)
    assert not {"seed", "scheduler"} & body.keys()
    page.wait_for_selector(".made:has-text('a cat')")


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["w", "p"])
def test_everybody_can_make(at: Open, own: str, size: tuple[int, int], theme: str) -> None:
    watched = at(size, theme)
    watched.base = own
    ant = id_of(watched.open(), "ant.webp")
    page = watched.open("/make?task=style&words=a+cat&steps=4")
    page.wait_for_selector(".well-offered")
    assert violations(page) == []
    page = watched.open(f"/make?task=inpaint&image={ant}&words=a+cat")
    watched.until("document.querySelector('vitrail-masker')?._size")
    assert violations(page) == []


part = st.none() | st.fixed_dictionaries({"kind": st.just("image"), "id": st.integers(0, 2**40)})
share = st.integers(0, 20).map(lambda n: n / 20)
orders = st.fixed_dictionaries(
    {
        "collection": st.none() | st.text("abc /&=?", min_size=1),
        "task": st.sampled_from(["generate", "image-to-image", "inpaint", "style"]),
        "prompt": st.text(st.characters(exclude_categories=["Cs"])),
        "negative": st.text(st.characters(exclude_categories=["Cs"])),
        "n": st.integers(1, 256),
        "seed": st.none() | st.integers(0, 2**53 - 1),
        "steps": st.none() | st.integers(1, 1000),
        "guidance": st.none() | share,
        "sampler": st.none() | st.sampled_from(["ddim", "dpm++2m"]),
        "model": st.none() | st.just("embedded"),
        "width": st.none() | st.integers(8, 4096),
        "height": st.none() | st.integers(8, 4096),
        "image": part,
        "style": part,
        "strength": st.none() | share,
        "feather": st.integers(0, 256),
        "look": share,
        "redraw": st.none() | share,
        "method": st.sampled_from(["statistics", "attention"]),
        "guard": st.none() | st.sampled_from(["refuse", "reseed", "mark"]),
        "rate": st.integers(1, 999_999).map(lambda n: n / 1_000_000),
        "retries": st.integers(1, 1000),
        "mark": st.text("abc &=?", min_size=1, max_size=200),
        "against": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    }
)


@pytest.fixture(scope="module")
def bare(browser: Any, base: str) -> Iterator[Page]:
    """A page of the service, and nothing on it."""
    page = browser.new_page()
    page.goto(f"{base}/assets/app.js")
    yield page
    page.close()


@settings(max_examples=20)
@given(asked=st.lists(orders, min_size=5, max_size=20))
def test_an_order_comes_back_from_its_address(bare: Page, asked: list[dict[str, Any]]) -> None:
    read = bare.evaluate(
        "async (all) => { const { hrefOf, readOrder } = await import('/assets/making.js');"
        " return all.map((one) => readOrder(hrefOf(one).slice('/make'.length))); }",
        asked,
    )
    assert read == asked
