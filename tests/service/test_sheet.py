from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail

FETCHED = re.compile(r"""(?:src|href|action)\s*=\s*(?!["']?data:)|url\(|@import|<script|<link""")


def make_sheet(vitrail: Vitrail, folder: Path, *words: object) -> str:
    file = folder.parent / "sheet.html"
    done = vitrail("search", folder / "warm" / "red.png", "--html", file, *words)
    assert done.code == 0, done
    assert f"contact sheet: {file}" in done.err
    return file.read_text("utf-8").replace("<wbr>", "")


def test_a_sheet_holds_query_and_hits_and_fetches_nothing(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--label-from", "parent", "--space", "mean@1", "--space", "mean@2")
    page = make_sheet(vitrail, folder)
    assert not FETCHED.search(page)
    assert "http:" not in page
    assert "https:" not in page
    assert page.count('src="data:image/webp;base64,') == 1 + 5
    for name in ("red", "crimson", "green", "blue", "navy"):
        assert f"{name}.png" in page
    assert str(folder / "cold" / "navy.png") in page
    assert "mean@1" in page
    assert "mean@2" in page
    assert "exact; " in page


def test_hostile_names_and_filters_are_text(
    vitrail: Vitrail, folder: Path, paint: Callable[..., Path]
) -> None:
    paint('<script>alert("1")<&>.png', (255, 0, 20))
    vitrail.index(folder)
    page = make_sheet(vitrail, folder)
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;&amp;&gt;.png" in page


def test_a_hit_whose_file_is_gone_has_a_card_all_the_same(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    (folder / "warm" / "crimson.png").unlink()
    page = make_sheet(vitrail, folder)
    assert page.count("data:image/webp") == 5
    assert "crimson.png" in page
    assert "not readable" in page


def test_open_shows_the_sheet_in_the_browser(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    file = folder / "sheet.html"
    vitrail("search", folder / "warm" / "red.png", "--html", file, "--open")
    assert shown == [file.as_uri()]
