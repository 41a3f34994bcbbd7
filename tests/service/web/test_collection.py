"""What the collection holds, and its folders indexed from the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.http.processes import served
from tests.service.web.conftest import PHONE, Open
from tests.service.web.examples import INDEX, KINDS, ROOT, python
from tests.service.web.test_search import IMAGES


@pytest.fixture
def own_home(tmp_path: Path) -> Path:
    """A collection of two images."""
    home, folder = tmp_path / "collection", tmp_path / "more"
    folder.mkdir()
    for name in ("banjo", "bell"):
        shutil.copy(ROOT / "examples" / "music" / f"{name}.webp", folder)
    python("-c", INDEX, str(folder), str(home), "gem@9")
    return home


@pytest.fixture
def own(own_home: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a service of two images, of which a folder has come to hold more since."""
    home, folder = own_home, tmp_path / "more"
    shutil.copy(ROOT / "examples" / "music" / "guitar.webp", folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    words = ("--state", tmp_path / "state", "--root", f"more={folder}")
    with served(home, *words, "--root", f"away={tmp_path / 'away'}") as process:
        yield process.address


def test_it_says_what_it_holds(at: Open) -> None:
    watched = at()
    page = watched.open()
    page.click("nav >> text=Collection")
    page.wait_for_selector(".collection.done")
    assert page.url.endswith("/collection")
    assert page.inner_text(".figures dd >> nth=0") == str(IMAGES)
    assert page.inner_text(".figures div:has(dt:text-is('Generated')) dd") == "1"
    assert [*page.locator(".spaces b").all_inner_texts()] == ["mean@6", "gem@9", "cls@12"]
    assert "All files are there" in page.inner_text(".collection")
    assert len(KINDS) == 5


def test_a_folder_is_indexed_with_its_progress_and_rejects(at: Open, own: str) -> None:
    watched = at()
    watched.base = own
    page = watched.open("/collection")
    page.wait_for_selector(".roots li")
    assert page.is_disabled("[aria-label='Index away']")
    page.click("[aria-label='Index more']")
    page.wait_for_selector(".roots progress, .roots .told-by:has-text('done')")
    page.wait_for_selector(".roots .told-by:has-text('done')")
    page.wait_for_selector(".roots .told-by:has-text('1 new, 1 refused, 2 unchanged')")
    page.wait_for_selector(".rejects li")
    assert "broken.jpg" in page.inner_text(".rejects")
    watched.until("document.querySelector('.figures dd').textContent === '3'")
    page.click("nav >> text=Search")
    watched.settle()
    assert page.inner_text(".bar-told").startswith("3 images")
    page.goto(f"{own}/collection")  # what was done is told to who comes later
    page.wait_for_selector(".roots .told-by:has-text('done')")


@pytest.fixture
def two(collection: Path, own_home: Path, tmp_path: Path) -> Iterator[str]:
    """Address of a service of the examples, and of two images by the name ``few``."""
    with served(collection, f"few={own_home}", "--state", tmp_path / "both") as process:
        yield process.address


def test_every_view_stays_with_the_collection_that_is_looked_at(two: str, at: Open) -> None:
    watched = at()
    watched.base = two
    page = watched.open()
    page.select_option(".collections select", "few")
    watched.settle()
    assert page.inner_text(".bar-told").startswith("2 images")
    for view in ("Make", "Compare", "Duplicates", "Collection", "Search"):
        page.click(f"nav >> text={view}")
        watched.until("location.search.includes('collection=few')")
    watched.settle()
    assert page.inner_text(".bar-told").startswith("2 images")
    first = page.eval_on_selector(".collections option", "option => option.value")
    page.select_option(".collections select", first)
    watched.until(f"document.querySelector('.bar-told').textContent.includes('{IMAGES}')")

    phone = at(PHONE)
    phone.base = two
    for view in ("map", "classify"):  # which is told though the choice leaves little room
        phone.open(f"/{view}")
        phone.until(
            "(() => { const box = (at) => document.querySelector(at)?.getBoundingClientRect();"
            " const nav = box('.collections') && box('.views'), now = box('[aria-current]');"
            " return nav && now.left > nav.left - 1 && now.right < nav.right + 1; })()"
        )
