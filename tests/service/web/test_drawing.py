"""The images of a prompt are seen while they are made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.service.http.colours import painting, png
from tests.service.http.processes import SECONDS, answering
from tests.service.web.conftest import Open
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations.searching import QueryImage


class Drawing:
    """Draws a prompt half, as often as somebody wants to see it, and the rest once it may."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, _: object, query: Any, __: object, preview: Any) -> tuple[QueryImage, ...]:
        while not self.go_on.wait(0.02):
            if preview.wants():
                preview.show(Image.new("RGB", (16, 16), (200, 40, 40)))
        return tuple(
            QueryImage(png((200 + seed, 9, 9)), f"seed {seed}", f"{seed}.png", made=True)
            for seed in range(query.seeds)
        )


@pytest.fixture
def drawing() -> Drawing:
    return Drawing()


@pytest.fixture
def own(
    drawing: Drawing, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Address of a service that draws so."""
    home = tmp_path_factory.mktemp("drawing")
    with painting(home, jobs=True) as collection:
        monkeypatch.setattr("vitrail.service.operations.prompting._draw", drawing)
        with answering(ServiceOptions({"c": collection}, home / "state")) as port:
            yield f"http://127.0.0.1:{port}"
            drawing.go_on.set()


def test_a_prompt_is_seen_half_made_before_its_hits(
    opening: Open, own: str, drawing: Drawing
) -> None:
    watched = opening(own)
    page = watched.page
    page.goto(f"{own}/?prompt=a+red+apple&seeds=2")
    page.wait_for_selector(".asked-made.is-half img", timeout=1000 * SECONDS)
    watched.until("document.querySelector('.is-half img').naturalWidth === 16")
    assert page.get_attribute(".is-half img", "alt") == "The image that is being made"
    drawing.go_on.set()
    watched.settle()
    watched.until("document.querySelectorAll('.asked-made img').length === 2")
    assert page.locator(".is-half").count() == 0
    assert watched.ids()
