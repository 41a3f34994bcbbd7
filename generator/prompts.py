"""Prompt files: one prompt a line."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from vitrail.generator.checks import MAX_PROMPT
from vitrail.indexer.errors import InputError


class PromptLine(NamedTuple):
    """A prompt and where it stands.

    Attributes:
        number: of its line, from 1.
        text: the prompt, without spaces around it.
    """

    number: int
    text: str


def read_prompts(path: str | os.PathLike[str]) -> list[PromptLine]:
    """Read a UTF-8 file (``-`` is standard input): blank lines and those that start with # skipped.

    Raises:
        InputError: unreadable, empty of prompts, or a bad line, by its number.
    """
    name = os.fspath(path)
    try:
        if name == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(name, "rb") as file:
                data = file.read()
    except OSError as error:
        raise InputError(f"prompt file {name!r} cannot be read: {error.strerror}") from error
    found = parse_prompts(data, name)
    if not found:
        raise InputError(f"prompt file {name!r} holds no prompt: write one a line")
    return found


def parse_prompts(data: bytes, name: str) -> list[PromptLine]:
    """The prompts of a file's bytes.

    Raises:
        InputError: a bad line, by its number.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    read = (PromptLine(i, _decode(line, name, i).strip()) for i, line in enumerate(lines, 1))
    return [line for line in read if line.text and not line.text.startswith("#")]


def _decode(line: bytes, name: str, number: int) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{name}, line {number}: not UTF-8 text; save the file as UTF-8") from None
    if "\0" in text:
        raise InputError(f"{name}, line {number}: holds a NUL byte; give a plain text file")
    if len(text) > MAX_PROMPT:
        raise InputError(
            f"{name}, line {number}: has {len(text):,} characters, more than {MAX_PROMPT:,}; "
            f"shorten it"
        )
    return text
