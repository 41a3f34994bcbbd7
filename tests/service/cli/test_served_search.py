"""``vitrail search --server``: what a service answers, printed as the same search here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Vitrail
from tests.service.http.processes import answering
from vitrail.service.http.options import ServiceOptions
from vitrail.service.http.security.keys import make_key
from vitrail.service.http.security.scopes import KeyScope

WORDS: tuple[tuple[object, ...], ...] = (
    (3,),
    (3, 4, "--negative", 5, "--k", 4),
    (3, "--where", "name like '1%'", "--group-by", "label"),
    (3, "--sort", "-name", "--k", 5, "--exact"),
    (3, "--space", "mean@1", "--min-score", "0.9"),
    (3, "--where", "width > 99999"),
)


@pytest.fixture
def served(vitrail: Vitrail, many: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service of the collection, which tells where files lie."""
    vitrail.index(many)
    options = ServiceOptions({"colours": vitrail.home}, tmp_path / "state", warm=False, paths=True)
    with answering(options) as port:
        yield f"http://127.0.0.1:{port}"


def document(text: str) -> Any:
    return {name: told for name, told in json.loads(text).items() if name not in ("seconds",)}


def test_the_same_is_printed_as_here(vitrail: Vitrail, served: str, many: Path) -> None:
    photo = many / "a" / "3.png"
    for words in (*WORDS, (photo,), (photo, "--box", "0%,0%,100%,50%")):
        here, there = vitrail("search", *words), vitrail("search", *words, "--server", served)
        assert there == here, words
        assert there.code == 0
        here = vitrail("search", *words, "--json")
        there = vitrail("search", *words, "--json", "--server", f"colours={served}")
        told, known = document(there.out), document(here.out)
        assert told.pop("query")
        assert known.pop("query")
        assert told == known
    here, there = vitrail.at(80, "search", 3), vitrail.at(80, "search", 3, "--server", served)
    assert there == here
    piped = vitrail("search", "-", "--server", served, stdin=photo.read_bytes())
    assert piped.out == vitrail("search", photo).out


def test_a_name_stands_where_no_places_are_told(
    vitrail: Vitrail, many: Path, tmp_path: Path
) -> None:
    vitrail.index(many)
    options = ServiceOptions({"colours": vitrail.home}, tmp_path / "state", warm=False)
    with answering(options) as port:
        words = ("search", many / "a" / "3.png", "--k", 1, "--server", f"http://127.0.0.1:{port}")
        assert vitrail(*words).out.endswith("\t3.png\n")
        shown = vitrail.at(80, *words, term="xterm-256color")
    assert "3.png" in shown.out
    assert "no file" not in shown.out
    assert "file://" not in shown.out  # of a file that need not be here


def test_what_is_done_here_alone_is_refused(
    vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9"
    for words in (
        ("--html", tmp_path / "hits.html"),
        ("--explain",),
        ("--open",),
        ("--runtime", "torch"),
        ("--collection", tmp_path / "other"),
    ):
        says = (str(words[0]), "--server")
        vitrail.fails("search", 3, *words, "--server", url, code=2, says=says)
    says = ("--random", "--server")
    vitrail.fails("search", "--random", "--server", url, code=2, says=says)
    assert not [*tmp_path.glob("*.html")]
    vitrail.fails("search", "gone.png", "--server", url, code=2, says=["'gone.png'", "id"])
    vitrail.fails("search", 3, "--server", "here", code=2, says=["'here'", "address"])
    monkeypatch.setattr("vitrail.service.client.transport._PAUSE", 0.0)
    vitrail.fails("search", 3, "--server", url, code=1, says=[url, "vitrail serve"])


def test_a_service_may_be_named_by_the_environment(
    vitrail: Vitrail, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = vitrail("search", 3)
    monkeypatch.setenv("VITRAIL_COLLECTION", "/no/such/collection")
    monkeypatch.setenv("VITRAIL_SERVER", served)
    assert vitrail("search", 3) == here
    vitrail.fails("search", 3, "--explain", code=2, says=["--explain", "VITRAIL_SERVER"])


def test_problems_of_a_service_are_lines(vitrail: Vitrail, served: str) -> None:
    says = ["99"]
    vitrail.fails("search", 99, "--server", served, code=2, says=says)
    vitrail.fails("search", 3, "--where", "no = 1", "--server", served, code=2, says=["no"])
    vitrail.fails("search", 3, "--space", "cls@9", "--server", served, code=2, says=["cls@9"])
    other = f"other={served}"
    vitrail.fails("search", 3, "--server", other, code=1, says=["other", "colours"])


def test_a_key_is_taken_from_the_environment(
    vitrail: Vitrail, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(many)
    options = ServiceOptions({"colours": vitrail.home}, tmp_path / "state", warm=False, keys=True)
    _, secret = make_key(tmp_path / "state", KeyScope.READ)
    with answering(options) as port:
        url = f"http://127.0.0.1:{port}"
        vitrail.fails("search", 3, "--server", url, code=1, says=["key"])
        monkeypatch.setenv("VITRAIL_KEY", secret)
        assert vitrail("search", 3, "--server", url).code == 0
