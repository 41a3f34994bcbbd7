"""Two images compared on the page: seen together in four ways, and told how alike they are."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageStat

from tests.service.web.conftest import PHONE, WIDE, Open, Watched
from tests.service.web.examples import HOSTILE
from tests.service.web.test_access import violations
from tests.service.web.test_safety import unharmed
from tests.service.web.test_search import CAT, id_of


def compared(watched: Watched, first: str, second: str, more: str = "") -> tuple[int, int]:
    """The view of two images, by the names of their files; their ids."""
    page = watched.open()
    a, b = id_of(page, first), id_of(page, second)
    page.goto(f"{watched.base}/compare?a={a}&b={b}{more}")
    page.wait_for_selector(".compare.done")
    watched.until(
        "[...document.querySelectorAll('.pair-view img')].every((one) => one.naturalWidth)"
    )
    return a, b


def shown(watched: Watched) -> Image.Image:
    """What is seen on the stage, but for its rounded corners."""
    stage = Image.open(io.BytesIO(watched.page.locator(".pair-stage").screenshot())).convert("RGB")
    return stage.crop((8, 8, stage.width - 8, stage.height - 8))


def colour(part: Image.Image) -> float:
    """How far from grey a part is, on average."""
    red, _, blue = ImageStat.Stat(part).mean
    return abs(red - blue)


def test_they_are_seen_together_in_four_ways(at: Open) -> None:
    watched = at()
    page = watched.page
    compared(watched, "cat.jpg", "cat-grey.jpg")
    page.fill(".pair-slide", "50")
    seen = shown(watched)
    width, height = seen.size
    assert colour(seen.crop((0, 0, width // 2 - 20, height))) > 10
    assert colour(seen.crop((width // 2 + 20, 0, width, height))) < 2
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    page.wait_for_selector(".is-flicker")
    assert page.url.endswith("&how=flicker")
    first = colour(shown(watched))
    page.keyboard.press("Space")
    page.wait_for_selector(".pair-name:text('cat-grey.jpg')")
    assert colour(shown(watched)) < 6 < first  # the name of the image is on it
    page.click(".pair-view label:has-text('Difference')")
    page.wait_for_selector(".is-difference")
    grey = sum(ImageStat.Stat(shown(watched)).mean)
    page.click("text=Exchange")
    page.wait_for_selector(".compare.done")
    assert abs(sum(ImageStat.Stat(shown(watched)).mean) - grey) < 2
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("3")
    for key in ("+", "+", "ArrowLeft"):
        page.keyboard.press(key)
    moved = "[...document.querySelectorAll('.pair-pane img')].map((one) => one.style.transform)"
    watched.until(f"({moved})[0] === ({moved})[1] && ({moved})[0].includes('scale(2.25)')")
    page.keyboard.press("0")
    watched.until(f"({moved})[0].includes('scale(1)')")


def test_the_difference_of_an_image_and_itself_is_black(at: Open) -> None:
    watched = at()
    compared(watched, "cat.jpg", "cat.jpg", "&how=difference")
    assert shown(watched).getbbox() is None, "not black all over"
    assert "byte for byte" in watched.page.inner_text(".likeness-part")


def test_it_is_told_how_alike_they_are(at: Open) -> None:
    watched = at(theme="dark")
    a, b = compared(watched, "cat.jpg", "cat-small.jpg")
    page = watched.page
    told = page.request.get(f"{watched.base}/v1/compare-images?a={a}&b={b}").json()
    assert page.inner_text(".facts div:has(dt:text('SSIM')) dd") == f"{told['ssim']:.3f}"
    assert "451 × 300, 226 × 150" in page.inner_text(".likeness-part .facts")
    assert page.locator(".layer-list li").count() == len(told["layers"])
    first = page.locator(".layer-list li >> nth=0")
    assert f"{told['layers'][0]['cosine']:.3f}" in first.inner_text()


def test_an_image_from_elsewhere_is_compared(at: Open) -> None:
    watched = at(PHONE)
    page = watched.open()
    ant = id_of(page, "ant.webp")
    page.goto(f"{watched.base}/compare?a={ant}")
    page.set_input_files("vitrail-well >> nth=1 >> input", CAT)
    page.wait_for_selector(".compare.done")
    assert "&b=u." in page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_two_sets_are_compared(at: Open) -> None:
    watched = at()
    page = watched.open("/compare")
    page.click(".compare-tabs >> text=Two sets")
    page.wait_for_selector(".sets-form")
    page.fill(".sets-form input >> nth=0", "label = 'plants'")
    page.click(".sets-form button")
    assert "6 images are too few" in page.inner_text("[role=alert]")
    page.fill(".sets-form input >> nth=0", "label IN ('animals', 'food')")
    page.click(".sets-form button")
    page.wait_for_selector(".sets.done")
    assert "16 images" in page.inner_text(".sets-sizes")
    kernel = page.inner_text(".sets-table tr:has-text('Kernel distance')")
    assert "needs 30 images" in kernel
    assert page.locator(".sets-pairs li").count() == 12
    address = page.url
    page.click(".sets-pairs >> text=Look closer >> nth=0")
    page.wait_for_selector(".compare.done")
    page.go_back()
    page.wait_for_selector(".sets.done")
    assert page.url == address
    jobs = page.request.get(f"{watched.base}/v1/jobs?kind=compare").json()["jobs"]
    assert [one["state"] for one in jobs] == ["done", "failed"], "compared once more"
    assert violations(page) == []


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["w", "p"])
def test_everybody_can_compare(at: Open, size: tuple[int, int], theme: str) -> None:
    watched = at(size, theme)
    compared(watched, "cat.jpg", f"{HOSTILE}.png")
    assert violations(watched.page) == []
    unharmed(watched)
    for way in ("Flicker", "Side by side"):
        watched.page.click(f".pair-view label:has-text('{way}')")
        assert violations(watched.page) == [], way
