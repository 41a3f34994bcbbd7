from __future__ import annotations

import os
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail import service
from vitrail.service.cli.text import file_url, near, one_line, readable, shell_word

NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # half surrogates too
HOSTILE = [
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\nb\r\tc\x7f",
    "\u202egnp.exe",
    "\u2028\u2029",
    "\ud800 \udcff",
    'it\'s [bold] $(rm -rf ~) `x` \\ "q" *?',
    "-rf",
    "~root",
    "日本語 ‏🍎.jpg",
]


@given(st.one_of(TEXTS, NAMES, st.sampled_from(HOSTILE)))
def test_no_text_moves_a_terminals_cursor_or_ends_a_line(text: str) -> None:
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    for character in shown:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(character) not in {"RLO", "LRO", "RLE", "LRE", "PDF"}
    assert one_line(shown) == shown, "what was made fit stays as it is"


@given(TEXTS)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    if text.isprintable():
        assert one_line(text) == readable(text) == text


@pytest.mark.skipif(shutil.which("bash") is None, reason="asks bash")
@settings(max_examples=20)
@given(st.lists(st.one_of(NAMES, st.sampled_from(HOSTILE[:5] + HOSTILE[6:])), max_size=20))
def test_a_shell_reads_a_pasted_word_as_the_path(paths: list[str]) -> None:
    paths = [path for path in paths if "\ud800" not in path]
    words = [shell_word(path) for path in paths]
    for word in words:
        assert one_line(word) == word
    script = "printf '%s\\0' " + " ".join(words)
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    read = done.stdout.split(b"\0")[:-1] if paths else []
    expected = [os.fsencode("./" + path if path.startswith("-") else path) for path in paths]
    assert read == expected


def test_plain_words_are_not_quoted() -> None:
    for path in ("/a/b_c-1.jpg", "Ünï/日本.png", "a,b=c+d@e%f:g"):
        assert shell_word(path) == path
    assert shell_word("my photos/a.jpg") == "'my photos/a.jpg'"
    assert shell_word("a\x1b\udcff'.png") == r"$'a\x1b\xff\'.png'"


@given(NAMES.filter(lambda name: name not in (".", "..")))
def test_a_file_url_is_the_paths_own_bytes(name: str) -> None:
    path = "/photos/" + name.strip("/")
    url = file_url(path)
    assert url is not None
    assert url.isascii()
    assert set(url) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%/:")
    assert unquote_to_bytes(url.removeprefix("file://")) == bytes(Path(path))


def test_what_is_no_path_here_has_no_url() -> None:
    assert file_url("C:\\photos\\a.jpg") is None
    assert file_url("relative.jpg") is None


def test_a_path_below_is_as_short_as_it_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(str(tmp_path / "a" / "b.jpg")) == os.path.join("a", "b.jpg")
    assert near(str(tmp_path) + "2/b.jpg") == str(tmp_path) + "2/b.jpg"


def test_no_count_is_printed_with_a_noun_that_is_always_plural() -> None:
    """What is printed goes by ``counted``: "1 findings" was told once."""
    nouns = "images|files|findings|rows|segments|folders|copies|hits|vectors|columns|commits"
    always = re.compile(
        r"\{[^{}]*(len\([^{}]*\)|\.(?!only)[a-z]+|count|\])(:,)?\} (more )?" + f"({nouns})\\b"
    )
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in Path(service.__file__).parent.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if always.search(line)
    ]
    assert not wrong
