"""A service that is away for a while under an open page: a view says so, and goes on by itself."""

from __future__ import annotations

import shutil
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.http.processes import served
from tests.service.web.conftest import Open, Watched, expected

if TYPE_CHECKING:
    from playwright.sync_api import Route

SILENT = "The server does not answer"
REFUSED = ("Failed to load resource", "ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION")
VIEWS = {
    "/?where=width > 13": ".tile",
    "/image/3": ".one-side.done",
    "/make": ".make-out .soft",
    "/compare?a=1&b=2": ".compare.done",
    "/sets?a=width+%3E+10": ".sets-form .main:not([disabled])",
    "/duplicates": ".duplicates-acts button:not([disabled])",
    "/map": ".map-form, .map.done",
    "/audit": ".audit .state, .audit.done",
    "/classify": ".sets-form, .labels-form, .classify",
    "/collection": ".roots li",
}
"""A view -> what is there once it is all read."""


def go(watched: Watched, view: str) -> None:
    """Follow a link within the page, which loads nothing anew."""
    watched.page.evaluate("to => document.querySelector('vitrail-app').session.open(to)", view)


def says(watched: Watched) -> str:
    return f"document.querySelector('main').innerText.includes({SILENT!r})"


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_nobody_answered_is_read_once_somebody_does(at: Open, view: str) -> None:
    watched = at()
    page = watched.open("/?where=width > 10")
    with expected(watched, *REFUSED):
        page.context.set_offline(True)
        go(watched, view)
        watched.until(says(watched))
        assert "goes on by itself" in page.inner_text("main")
        page.context.set_offline(False)
        watched.until(f"!{says(watched)}")
        page.wait_for_selector(f"main > div:not([hidden]) :is({VIEWS[view]})")
        watched.settle()
    assert page.locator("main > div:not([hidden]) [role=alert]").count() == 0


def test_an_answer_that_ends_halfway_is_no_answer(at: Open) -> None:
    watched = at()
    page = watched.open()

    def gateway(route: Route) -> None:
        route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")

    for answer in (gateway, lambda route: route.abort("connectionreset")):
        page.route("**/v1/images?**", answer)
        with expected(watched, "Failed to load resource", "502"):
            go(watched, f"/?where=width > {14 + len(watched.messages)}")
            watched.until(says(watched))
            page.unroute("**/v1/images?**")
            watched.until(f"!{says(watched)}")  # the service itself answers all the time
        go(watched, "/")
        watched.settle()


@pytest.mark.slow  # torch is loaded twice
def test_a_job_is_followed_through_a_restart(
    opening: Open, collection: Path, tmp_path: Path
) -> None:
    """Killed while it draws, and started anew, under a page that nobody touches meanwhile."""
    shutil.copytree(collection, tmp_path / "c")
    words = (tmp_path / "c", "--state", tmp_path / "state")
    with ExitStack() as services:
        first = services.enter_context(served(*words))
        watched = opening(first.address)
        page = watched.open("/make?words=a+red+apple&n=2&steps=30&seed=5")
        page.click(".make-go")
        page.wait_for_selector(".made.is-running")
        with expected(watched, *REFUSED):
            first.end(signal.SIGKILL)
            services.enter_context(served(*words, port=first.port))
            watched.until("document.querySelector('.made')?.matches('.is-done')")
            watched.until("document.querySelectorAll('.made-images a').length === 2")
        page.context.close()
