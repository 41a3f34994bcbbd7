"""The page on which a browser gives its key."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.fakes import ColourEncoder
from tests.service.http.processes import answering
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.http.app import create_app
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope

HERE = "http://127.0.0.1:8000"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def options(tmp_path: Path) -> ServiceOptions:
    CollectionStore.create(tmp_path / "colours", ColourEncoder().fingerprint).close()
    return ServiceOptions({"colours": tmp_path / "colours"}, tmp_path / "state", keys=True)


@pytest.fixture
def client(options: ServiceOptions) -> Iterator[TestClient]:
    with TestClient(create_app(options), base_url=HERE, follow_redirects=False) as client:
        yield client


def test_a_key_leads_to_the_page_and_nothing_else_does(
    client: TestClient, options: ServiceOptions
) -> None:
    _, key = make_key(options.state, KeyScope.READ)
    client.app.state.ring.refresh()  # type: ignore[attr-defined]
    asked = client.get("/login")
    assert (asked.status_code, "script" in asked.text) == (200, False)
    for address in re.findall(r'(?:src|href)="([^"]+)"', asked.text):
        assert client.get(f"/{address}").status_code == 200, address
    for wrong in ("", "vitrail_0a1b2c3d_x", "<script>alert(1)</script>"):
        refused = client.post("/login", data={"key": wrong})
        assert refused.status_code == 401
        assert "not known" in refused.text
        assert "alert(1)" not in refused.text
    let_in = client.post("/login", data={"key": f" {key}\n"})
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/")
    assert client.get("/").status_code == 200
    assert client.get("/login").headers["location"] == "/"


@pytest.mark.parametrize(
    "view", ["/map?colour=label&at=0.5_0.5_2", "/image/17?like=3", "/?where=name+%3D+%27%22%3E%27"]
)
def test_a_link_leads_to_its_view_over_the_login(
    client: TestClient, options: ServiceOptions, view: str
) -> None:
    _, key = make_key(options.state, KeyScope.READ)
    client.app.state.ring.refresh()  # type: ignore[attr-defined]
    asked = client.get(client.get(view).headers["location"])
    [told] = re.findall(r'name="to" value="([^"]+)"', asked.text)
    assert html.unescape(told) == view
    refused = client.post("/login", data={"key": "x", "to": view})
    assert f'value="{told}"' in refused.text
    let_in = client.post("/login", data={"key": key, "to": view})
    assert let_in.headers["location"] == view
    assert client.get(f"/login?to={quote(view, safe='')}").headers["location"] == view


@pytest.mark.parametrize(
    "elsewhere",
    [
        *("//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"),
        *("/image/../../evil", "/map\n", "/v1/images", "/login", "map", "", "/map?a\r\nb: c"),
    ],
)
def test_a_login_leads_nowhere_else(
    client: TestClient, options: ServiceOptions, elsewhere: str
) -> None:
    _, key = make_key(options.state, KeyScope.READ)
    client.app.state.ring.refresh()  # type: ignore[attr-defined]
    assert 'name="to"' not in client.get("/login", params={"to": elsewhere}).text
    let_in = client.post("/login", data={"key": key, "to": elsewhere})
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/")
    assert client.get("/login", params={"to": elsewhere}).headers["location"] == "/"


def test_keys_are_tried_slowly_here_too(client: TestClient) -> None:
    seen = [client.post("/login", data={"key": str(n)}).status_code for n in range(22)]
    assert seen == [401] * 20 + [429] * 2


def test_a_form_of_anothers_page_is_refused(client: TestClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/login", data={"key": "x"}, headers=headers).status_code == 403


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_a_browser_signs_in(options: ServiceOptions) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    _, key = make_key(options.state, KeyScope.READ)
    said: list[str] = []
    with answering(options) as port, playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(300_000)  # a busy machine takes its time
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{port}/")
        assert page.url.endswith("/login")
        page.get_by_label("Key").fill("vitrail_0a1b2c3d_x")
        page.get_by_role("button").click()
        page.get_by_role("alert").wait_for()
        assert len(said) == 1  # the browser's own word on the status 401
        page.get_by_label("Key").fill(key)
        page.get_by_role("button").click()
        page.wait_for_url(f"http://127.0.0.1:{port}/")
        cookies = page.context.cookies()
        browser.close()
    assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Strict")]
