"""Images that do not come: because there is no file, or because nobody answers, for now."""

from __future__ import annotations

from tests.service.web.conftest import Open, expected

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


def test_a_file_that_is_not_there_is_told_as_that(at: Open) -> None:
    watched = at()
    page = watched.page
    page.route("**/v1/images/*/thumbnail*", lambda route: route.fulfill(status=404))
    with expected(watched, "404"):
        watched.open("/?where=width > 12")
        watched.until(f"document.querySelectorAll('{GONE}').length > 5")
        assert page.inner_text(f"{GONE} .gone") == "file not readable"
        assert page.locator(AWAY).count() == 0
