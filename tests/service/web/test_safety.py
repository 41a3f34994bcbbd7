"""Names, labels and prompts that are written to harm stay texts, in every view."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.service.web.conftest import PHONE, WIDE, Open, Watched, expected
from tests.service.web.examples import HOSTILE
from tests.service.web.test_access import violations


def unharmed(watched: Watched) -> None:
    assert not watched.page.evaluate("'harmed' in window")
    assert watched.page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_they_stay_texts(at: Open, size: tuple[int, int]) -> None:
    watched = at(size)
    page = watched.open("/?only=generated")
    image = watched.ids()[0]
    name = f"{HOSTILE}.png"
    label = page.get_attribute(".shot", "aria-label")
    assert name in (label or "")
    watched.refine()
    page.wait_for_selector(".facet, .refine-part")
    unharmed(watched)
    page = watched.open(f"/?like={image}")
    assert page.inner_text(".asked-name") == name
    assert name in page.title()
    watched.refine()
    page.wait_for_selector(f".facet-value:has-text('{HOSTILE[:6]}')")
    unharmed(watched)
    page = watched.open(f"/image/{image}")
    page.wait_for_selector(".recipe-prompt")
    assert page.inner_text("h1") == name
    assert page.inner_text(".recipe-prompt") == HOSTILE
    unharmed(watched)
    page.goto(f"{watched.base}/collection")
    page.wait_for_selector(".collection.done")
    unharmed(watched)


def test_so_does_what_stands_in_the_address(at: Open) -> None:
    watched = at()
    page = watched.open()
    with expected(watched, "422", "400"):
        page.goto(f"{watched.base}/?where={HOSTILE}&sort={HOSTILE}&text={HOSTILE}")
        page.wait_for_selector(".state")
    assert HOSTILE in page.inner_text(".asked")
    assert HOSTILE in page.inner_text(".chips")
    page.keyboard.press("c")
    for kind in ("link", "cli", "curl", "python"):
        page.click(f"#share-{kind}")
        unharmed(watched)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type(HOSTILE)
    page.wait_for_selector(".ask-way")
    unharmed(watched)


def test_who_is_not_let_in_any_longer_is_led_to_where_a_key_is_given(at: Open) -> None:
    watched = at()
    page = watched.open()
    told = {"code": "no-key", "detail": "this needs a key", "remedy": "make one"}
    page.route("**/v1/images?*", lambda route: route.fulfill(status=401, json=told))
    with expected(watched, "401"):
        page.keyboard.press("r")
        page.select_option("#sort", "random")
        page.wait_for_selector(".state")
    assert page.inner_text(".state h2").lower() == "this needs a key"
    to = urlsplit(page.get_attribute(".state a", "href") or "")
    assert (to.path, parse_qs(to.query)["to"]) == ("/login", [page.url.removeprefix(watched.base)])
    assert page.inner_text(".state a") == "Sign in with a key"


def test_every_view_leads_there(at: Open) -> None:
    watched = at(PHONE)
    page = watched.page
    told = {"code": "no-key", "detail": "this needs a key", "remedy": "make one"}
    page.route("**/v1/jobs?*", lambda route: route.fulfill(status=401, json=told))
    with expected(watched, "401"):
        page.goto(f"{watched.base}/classify?what=report")
        page.wait_for_selector(".signed-out")
    link = page.get_attribute(".signed-out a", "href") or ""
    assert parse_qs(urlsplit(link).query)["to"] == ["/classify?what=report"]
    assert violations(page) == []
