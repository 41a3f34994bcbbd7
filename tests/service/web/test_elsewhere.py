"""Each view is asked elsewhere as it says: its command, its request and its Python can be used."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import pytest
import typer.main

from tests.service.web.conftest import Open
from tests.service.web.examples import HOSTILE, ROOT
from tests.service.web.painted import doubtful, serving
from vitrail import Collection
from vitrail.indexer.collection.store import CollectionStore
from vitrail.service.cli.application import chosen
from vitrail.service.http.routers.page import VIEWS as SERVED
from vitrail.service.operations import generating, searching

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = "ab" * 32
VIEWS_JS = ROOT / "service" / "web" / "views" / "views.js"
AT = {
    "search": ["/", "/?like=3&unlike=u.abc&where=width+>+2&min=0.5", "/?prompt=a+fox&seeds=2"],
    "image": ["/image/3?like=4"],
    "make": [
        "/make",
        "/make?words=-a+fox&n=2&seed=5&steps=9&guidance=2&sampler=euler&width=64&not=x",
        f"/make?task=image-to-image&words={HOSTILE}&image=3&strength=0.3",
        "/make?task=inpaint&words=it's&image=u.abc&feather=2",
        "/make?task=style&words=a+fox&image=3&style=4&look=0.1",
        "/make?task=style",
        "/make?words=a+fox&guard=refuse",
        "/make?words=a+fox&guard=reseed&rate=0.02&retries=5&against=label+%3D+'it'",
        "/make?words=a+fox&guard=mark&mark=my+copies",
        "/make?task=style&guard=mark",
    ],
    "compare": ["/compare", "/compare?a=3&b=4", f"/compare?a=u.{TOKEN}&b=4"],
    "sets": ["/sets", "/sets?a=label+%3D+'it'&b=not+generated"],
    "duplicates": ["/duplicates", "/duplicates?alike=1&at=3"],
    "map": ["/map", "/map?of=width+>+2&layout=pca&clusters=3&space=mean@1&colour=label"],
    "audit": ["/audit", "/audit?generated=label+%3D+'x'&pixels=0&planted=0"],
    "classify": [
        "/classify",
        "/classify?by=head&where=generated&least=0.4",
        f"/classify?by=probe&image=3&image=u.{TOKEN}",
        "/classify?write=told&labels=stars",
        "/classify?what=report&by=probe&least=0.25&labels=stars",
        "/classify?what=suspects&least=0.25&by=head",
    ],
    "collection": ["/collection"],
}
GIVEN = """async (all) => {
  const { elsewhere } = await import("/assets/elsewhere.js");
  const { readRoute } = await import("/assets/routes.js");
  const nameOf = () => "-a photo.jpg";
  return all.map((address) => {
    const { pathname, search } = new URL(address, location.origin);
    const { view, id } = readRoute(pathname);
    return [view, elsewhere(view, { id, search, origin: location.origin, nameOf })];
  });
}"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a service of a few colours."""
    home = tmp_path_factory.mktemp("elsewhere")
    with serving(home, doubtful(home / "images")) as address:
        yield address


def named() -> list[str]:
    """The views that the page has."""
    return re.findall(r'^    name: "(\w+)"', VIEWS_JS.read_text("utf-8"), re.M)


def parsed(command: str) -> None:
    """Have a command's words read as the command line reads them, and nothing be done."""
    vitrail, *words = shlex.split(command)
    assert vitrail == "vitrail"
    group = typer.main.get_command(chosen(words))
    with group.make_context("vitrail", list(words)) as context:
        name, made, rest = group.resolve_command(context, list(words))  # type: ignore[attr-defined]
        assert made is not None, name
        with made.make_context(name, rest, parent=context):
            pass


def requested(curl: str, document: dict[str, Any]) -> None:
    """Hold a request against what the service says that it takes."""
    words = shlex.split(curl)
    url = urlsplit(words[1])
    body = json.loads(words[3]) if words[2:3] == ["--json"] else None
    path = next(
        path
        for path in document["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", path), url.path)
    )
    operation = document["paths"][path]["get" if body is None else "post"]
    known = {one["name"] for one in operation.get("parameters", ())}
    assert {name for name, _ in parse_qsl(url.query)} <= known
    if body is not None:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate({**schema, "components": document["components"]}, body)


class Opened:
    """What is asked of a collection, held against what can be asked."""

    store = SimpleNamespace(info=CollectionStore.info)

    def __getattr__(self, name: str) -> Any:
        signature = inspect.signature(inspect.getattr_static(Collection, name))
        return lambda *given, **more: signature.bind(self, *given, **more) and [1]


def run(text: str, patch: pytest.MonkeyPatch) -> None:
    """Run a text, as far as a collection is asked for anything."""
    answer = SimpleNamespace(result=None)
    with patch.context() as held:
        held.setattr(Collection, "open", lambda _: Opened())
        for module, name in ((generating, "generate"), (searching, "search")):
            bind = inspect.signature(getattr(module, name)).bind
            held.setattr(module, name, lambda *a, bind=bind, **more: bind(*a, **more) and answer)
        exec(compile(text, "copied", "exec"), {})


def test_every_view_has_an_address_and_is_served() -> None:
    names = named()
    assert len(names) == len({*names}) > 8
    assert {*names} == {*AT}, "a view that is not tried here"
    assert {*names} - {"search", "image"} == {*SERVED}


def test_what_is_copied_can_be_used(
    opening: Open, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opening(own).open("/collection")
    document = page.request.get(f"{own}/v1/openapi.json").json()
    addresses = [one for all_ in AT.values() for one in all_]
    views = set()
    for address, (view, told) in zip(addresses, page.evaluate(GIVEN, addresses), strict=True):
        views.add(view)
        assert address in AT[view]
        parsed(told["cli"])
        requested(told["curl"], document)
        run(told["python"], monkeypatch)
    assert views == {*named()}


def copied(page: Page, kind: str) -> str:
    """What the dialog gives to be copied."""
    page.click(f"#share-{kind}")
    return page.inner_text(".share pre")


def test_each_view_tells_of_itself_and_of_its_keys(opening: Open, own: str) -> None:
    watched = opening(own)
    for view, (address, *_) in AT.items():
        page = watched.open(address)
        watched.until(f"document.querySelector('vitrail-app').session.route.view === '{view}'")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("c")
        assert page.is_visible("dialog.share"), view
        told = dict(page.evaluate(GIVEN, [address]))[view]
        assert copied(page, "cli") == told["cli"], view
        assert copied(page, "curl") == told["curl"]
        assert copied(page, "link").endswith(address)
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.is_visible("dialog.help"), view
        here = page.evaluate(
            "(view) => import('/assets/texts.js').then(({ texts }) => texts.viewKeys[view])", view
        )
        assert (
            page.locator(".help dl >> nth=-1 >> dd").all_inner_texts()[-len(here) :]
            == [does for _, does in here]
            or not here
        ), view
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "field", view
