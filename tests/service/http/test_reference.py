"""The page of the API's documentation: all of it from here, and nothing that its policy refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.fakes import ColourEncoder
from tests.service.http.processes import answering
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.http.options import ServiceOptions

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def empty(tmp_path: Path) -> ServiceOptions:
    CollectionStore.create(tmp_path / "colours", ColourEncoder().fingerprint).close()
    return ServiceOptions({"colours": tmp_path / "colours"}, tmp_path / "state")


def test_it_asks_for_what_is_there_and_for_nothing_else(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(wanted) == 5
    for address in wanted:
        assert not re.match(r"[a-z]+:|//", address)
        assert client.get(f"/{address}").status_code == 200, address
    assert not re.search(r"<style|<script>|\bstyle=|\bon[a-z]+=", page.text)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_browser_shows_it_without_a_word(empty: ServiceOptions) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    said: list[str] = []
    asked: list[str] = []
    with answering(empty) as port, playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(300_000)  # a busy machine takes its time
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{port}/docs")
        page.wait_for_selector(".opblock-summary")
        page.locator("#operations-search-search_images .opblock-summary").click()
        page.get_by_text("Several positives are one question").wait_for()
        browser.close()
    assert not said
    assert asked
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in asked)
