"""The command line as a function, over an encoder that can be worked out by hand."""

from __future__ import annotations

import functools
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import typer.main
from PIL import Image

from tests.service.colours import CHECKPOINT, colour_fingerprint, load_colours
from tests.service.kept import Kept
from vitrail.indexer import encoders
from vitrail.service.cli import main

Once = Callable[[str, Callable[[], object]], object]
COLOURS = {
    "red": (255, 0, 0),
    "crimson": (230, 0, 60),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "navy": (0, 0, 140),
}


class Outcome(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def names(self) -> list[str]:
        """File names of the hits, from lines or from JSON."""
        if self.out.startswith("{"):
            return [os.path.basename(hit["paths"][0]) for hit in self.json["hits"]]
        return [os.path.basename(line.split("\t")[-1]) for line in self.out.splitlines()]


class Vitrail:
    """Runs commands of one collection in this process, through the same door as the script."""

    def __init__(
        self,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        kept: Kept,
    ) -> None:
        self.home = home
        self._patch = monkeypatch
        self._capsys = capsys
        self._kept = kept

    def __call__(self, *words: object, stdin: bytes = b"") -> Outcome:
        self._patch.setattr(sys, "argv", ["vitrail", *map(str, words)])
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        captured = self._capsys.readouterr()
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    def at(self, width: int, *words: object, term: str = "dumb") -> Outcome:
        """Run as in a terminal of that many columns; a dumb one gets no colours and no links."""
        with self._patch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", term)
            patch.delenv("NO_COLOR", raising=False)
            for stream in (sys.stdout, sys.stderr):
                patch.setattr(stream, "isatty", lambda: True)
            return self(*words)

    def index(self, *words: object) -> Outcome:
        """Index, or copy what another test has indexed: for tests of what comes afterwards."""
        command = ["index", *map(str, words), "--checkpoint", CHECKPOINT]

        def run() -> Outcome:
            done = self(*command)
            assert done.code == 0, done.err
            return done

        return self.once(command, run)

    def once(self, words: Sequence[str], make: Callable[[], Outcome]) -> Outcome:
        """Make a collection, or copy what the same has made for another test of the same files.

        Args:
            words: what is done, to be told from all else that is.
            make: does it.
        """
        if self.home.exists() or os.environ["VITRAIL_COLLECTION"] != str(self.home):
            return make()
        return self._kept.once(self.home.parent, self.home, words, make)

    def fails(self, *words: object, code: int, says: Iterable[str], stdin: bytes = b"") -> str:
        """Run, and hold the error to one line with this exit code and these words."""
        done = self(*words, stdin=stdin)
        assert done.code == code, done
        assert done.err.startswith("vitrail: ")
        assert done.err.count("\n") == 1, done.err
        for words_ in says:
            assert words_ in done.err
        return done.err


get_command = functools.cache(typer.main.get_command)
"""Typer reads every option of every command anew for each call: as long as many a command takes."""


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder whose path is that of the last test's, so that collections can be copied."""
    place = tmp_path_factory.getbasetemp() / "place"
    if place.exists():
        over = place.rename(tmp_path_factory.mktemp("over") / "place")
        shutil.rmtree(over, ignore_errors=True)
    place.mkdir()
    return place


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Collections that were made for a test, for others that make the same."""
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def once(tmp_path: Path, kept: Kept) -> Once:
    """Makes ``collection`` in the test's folder, or copies what the same words have made there."""
    return lambda what, make: kept.once(tmp_path, tmp_path / "collection", [what], make)


@pytest.fixture
def vitrail(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: Kept,
) -> Vitrail:
    """The command line with a collection of its own, not made yet."""

    def fingerprint(checkpoint: str, spaces: Sequence[str] = ()) -> Any:
        return colour_fingerprint(checkpoint, spaces)

    monkeypatch.setattr(typer.main, "get_command", get_command)
    monkeypatch.setattr(encoders, "read_fingerprint", fingerprint)
    monkeypatch.setattr(encoders, "load_encoder", load_colours)
    monkeypatch.setenv("VITRAIL_COLLECTION", str(tmp_path / "collection"))
    monkeypatch.delenv("VITRAIL_DEBUG", raising=False)
    return Vitrail(tmp_path / "collection", monkeypatch, capsys, kept)


@pytest.fixture
def paint(tmp_path: Path) -> Callable[..., Path]:
    """Writes pictures whose upper and lower halves have a colour each."""

    def write(name: str, upper: tuple[int, ...], lower: tuple[int, ...] | None = None) -> Path:
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[:8], pixels[8:] = upper, lower or upper
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, format="PNG")
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path, paint: Callable[..., Path]) -> Path:
    """Five pictures of one colour each, in folders ``warm`` and ``cold``."""
    for name, colour in COLOURS.items():
        paint(f"{'warm' if colour[0] else 'cold'}/{name}.png", colour)
    return tmp_path / "pictures"
