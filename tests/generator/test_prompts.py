from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from vitrail.generator.prompts import PromptLine, read_prompts
from vitrail.indexer.errors import InputError


def test_blank_lines_and_comments_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes("\ufeffa red apple\r\n\n  # not this\n  früh, am Morgen \n".encode())
    assert read_prompts(file) == [PromptLine(1, "a red apple"), PromptLine(4, "früh, am Morgen")]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"one\ntwo")))
    assert [line.text for line in read_prompts("-")] == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fine\n\xff\xfe\n", "line 2: not UTF-8 text"),
        (b"a\nb\nc\0d", "line 3: holds a NUL byte"),
        (b"a\n" + b"x" * 30_000, "line 2: has 30,000 characters"),
        (b"", "holds no prompt"),
        (b"# only\n\n", "holds no prompt"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "prompts.txt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)):
        read_prompts(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_prompts(tmp_path / "missing.txt")
