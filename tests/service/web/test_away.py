"""Images that do not come: because there is no file, or because nobody answers, for now."""

from __future__ import annotations

from tests.service.web.conftest import Open, expected
from tests.service.web.test_map import PLANE, drawn

AWAY = ".tile .shot.is-away"
GONE = ".tile .shot.is-gone"


def test_they_come_once_the_service_answers_again(at: Open) -> None:
    watched = at()
    page = watched.page
    small = "**/v1/images/*/thumbnail*"
    page.route(small, lambda route: route.abort("connectionrefused"))
    with expected(watched, "Failed to load resource", "ERR_CONNECTION_REFUSED"):
        watched.open("/?where=width > 10")
        watched.until(f"document.querySelectorAll('{AWAY}').length > 5")
        assert page.inner_text(f"{AWAY} .away") == "no answer from the service"
        assert page.is_hidden(f"{AWAY} .gone")
        assert page.locator(GONE).count() == 0
        page.wait_for_timeout(300)
        page.unroute(small)
        watched.until(f"!document.querySelector('{AWAY}')")  # by itself
    watched.until("[...document.querySelectorAll('.tile img')].every(one => one.naturalWidth)")


def test_a_network_that_is_back_is_noticed_at_once(at: Open) -> None:
    watched = at()
    page = watched.page
    small = "**/v1/images/*/thumbnail*"
    page.route(small, lambda route: route.fulfill(status=503))
    with expected(watched, "503"):
        watched.open("/?where=width > 11")
        watched.until(f"document.querySelectorAll('{AWAY}').length > 5")
        page.unroute(small)
        page.evaluate("dispatchEvent(new Event('online'))")
        watched.until(f"!document.querySelector('{AWAY}')")


def test_a_map_asks_again_for_what_nobody_answered_for(at: Open) -> None:
    watched = at()
    page = watched.page
    small = "**/v1/images/*/thumbnail*"
    page.route(small, lambda route: route.abort())
    known = f"{PLANE}._pictures._known"
    with expected(watched, "Failed to load resource"):
        drawn(watched)
        watched.until(f"{PLANE}._pictures._away.size > 0")
        assert page.evaluate(f"{known}.size") == 0  # nothing is held to be without an image
        with page.expect_request(small):  # nobody answers still, and so they go on waiting
            page.evaluate("dispatchEvent(new Event('online'))")
        watched.until(f"{PLANE}._pictures._away.size > 0")
        page.unroute(small)
        watched.until(f"[...{known}.values()].filter(Boolean).length > 5")  # by itself
    assert page.evaluate(f"[...{known}.values()].every(Boolean)")


def test_a_map_remembers_which_images_have_none(at: Open) -> None:
    watched = at()
    page = watched.page
    page.route("**/v1/images/*/thumbnail*", lambda route: route.fulfill(status=404))
    with expected(watched, "404"):
        drawn(watched)
        watched.until(f"{PLANE}._pictures._known.size > 5")
        none = f"[...{PLANE}._pictures._known.values()].every((one) => one === null)"
        assert page.evaluate(none)
        assert page.evaluate(f"{PLANE}._pictures._away.size") == 0
        page.goto("about:blank")  # which asks for no more of them


def test_a_file_that_is_not_there_is_told_as_that(at: Open) -> None:
    watched = at()
    page = watched.page
    page.route("**/v1/images/*/thumbnail*", lambda route: route.fulfill(status=404))
    with expected(watched, "404"):
        watched.open("/?where=width > 12")
        watched.until(f"document.querySelectorAll('{GONE}').length > 5")
        assert page.inner_text(f"{GONE} .gone") == "file not readable"
        assert page.locator(AWAY).count() == 0
