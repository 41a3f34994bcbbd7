"""The page below a path, behind a proxy that takes the path away, and behind one that does not."""

from __future__ import annotations

import json
import shlex
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.service.http.processes import SECONDS, served
from tests.service.web.conftest import Open
from vitrail.service.http.listening import listening
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope

PATH = "/gallery/pictures"
FOLLOWED = """async ([path, job]) => {
  const { followJob, isOver } = await import(`${path}/assets/jobs.js`);
  const states = [];
  await new Promise((over) => followJob(job, (now) => {
    states.push(now.state);
    if (isOver(now)) over();
  }));
  return states;
}"""
"""The states of a job, as the page hears them by its stream of events."""


@dataclass
class Proxy:
    """What a proxy in front of a service was asked.

    Attributes:
        address: below which it shows the service.
        stray: what was asked of it beside that.
    """

    address: str = ""
    stray: list[str] = field(default_factory=list)


@contextmanager
def proxied(upstream: str, *, strips: bool) -> Iterator[Proxy]:
    """A small reverse proxy in a thread, which passes on what lies below the path, as it comes."""
    proxy, client = Proxy(), httpx2.AsyncClient(base_url=upstream, timeout=SECONDS)

    async def forward(request: Request) -> Response:
        path = request.url.path
        if not path.startswith(f"{PATH}/"):
            proxy.stray.append(path)
            return PlainTextResponse("another site", 404)
        asked = client.build_request(
            request.method,
            (path.removeprefix(PATH) if strips else path) + f"?{request.url.query}",
            headers=request.headers.raw,
            content=await request.body(),
        )
        answer = await client.send(asked, stream=True)

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in answer.aiter_raw():
                yield piece

        passed = StreamingResponse(
            pieces(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        passed.raw_headers = [(k.lower(), v) for k, v in answer.headers.raw]
        return passed

    methods = ["GET", "POST", "DELETE"]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    routes = [Route("/{path:path}", forward, methods=methods)]
    app = Starlette(routes=routes, lifespan=lifespan)
    with listening("127.0.0.1", 0) as listener:
        proxy.address = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield proxy
        finally:
            server.should_exit = True
            thread.join(SECONDS)


@pytest.mark.parametrize("strips", [True, False], ids=["stripped", "as-asked"])
def test_all_of_the_page_lies_below_its_path(
    at: Open, collection: Path, tmp_path: Path, strips: bool
) -> None:
    state = tmp_path / "state"
    _, key = make_key(state, KeyScope.WRITE)
    bearer = {"Authorization": f"Bearer {key}"}
    shutil.copytree(collection, tmp_path / "c")
    words = ("--state", state, "--with-keys", "--root-path", PATH)
    with (
        served(tmp_path / "c", *words) as process,
        proxied(process.address.removesuffix(PATH), strips=strips) as proxy,
    ):
        assert process.address.endswith(PATH)
        direct = httpx2.get(f"{process.address}/v1/livez", timeout=SECONDS)
        assert direct.json() == {"status": "alive"}
        watched = at()
        watched.base = proxy.address
        page = watched.page
        page.goto(f"{proxy.address}/")
        assert page.url == f"{proxy.address}/login"
        page.fill("#key", key)
        page.click("button")
        watched.settle()
        assert page.url == f"{proxy.address}/"
        (cookie,) = page.context.cookies()
        assert cookie["path"] == PATH
        first = watched.ids()[0]

        page.click(".tile .shot")
        page.wait_for_url(f"{proxy.address}/image/{first}*")
        page.reload()  # deeper than the document's own address
        watched.settle()
        where = {"where": "name = 'cat.jpg'"}
        asked = httpx2.get(f"{proxy.address}/v1/images", params=where, headers=bearer)
        cat = asked.json()["images"][0]["id"]
        page.goto(f"{proxy.address}/?like={cat}")
        watched.settle()
        found = watched.ids()
        page.keyboard.press("c")
        page.click("#share-curl")
        curl = shlex.split(page.inner_text("#share-text code"))
        assert curl[1] == f"{proxy.address}/v1/search"
        body = json.loads(curl[3])
        asked = httpx2.post(curl[1], json=body, headers=bearer, timeout=SECONDS)
        assert [hit["id"] for hit in asked.json()["hits"]][: len(found)] == found
        page.click("#share-link")
        assert page.inner_text("#share-text code").startswith(f"{proxy.address}/?")
        page.keyboard.press("Escape")

        job = httpx2.post(
            f"{proxy.address}/v1/sample", json={"count": 2}, headers=bearer, timeout=SECONDS
        )
        name = job.json()["id"]
        assert job.headers["location"] == f"{PATH}/v1/jobs/{name}"
        assert page.evaluate(FOLLOWED, [PATH, name])[-1] == "done"
        page.goto(f"{proxy.address}/docs")
        page.wait_for_selector(".opblock")
        document = page.request.get(f"{proxy.address}/v1/openapi.json").json()
        assert document["servers"] == [{"url": PATH}]
        assert proxy.stray == []
