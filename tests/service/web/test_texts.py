"""All that the page says stands in one file, and nothing stands there that is not said."""

from __future__ import annotations

import re

from tests.service.web.examples import ROOT

WEB = ROOT / "service" / "web"


def test_each_text_is_said_and_each_that_is_said_is_there() -> None:
    known = {*re.findall(r"^  (\w+):", (WEB / "texts.js").read_text("utf-8"), re.M)}
    ours = [
        path
        for folder in (WEB, WEB / "parts", WEB / "views")
        for path in folder.glob("*.js")
        if path.name != "texts.js"
    ]
    said = {
        name
        for path in ours
        for name in re.findall(r"\btexts\.(?!js\b)(\w+)", path.read_text("utf-8"))
    }
    assert len(known) > 100
    assert said == known
