"""Every command of the guide to labels runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.service.conftest import Vitrail
from tests.service.operations.painted import paint

PAGE = Path(__file__).parents[3] / "docs" / "labels.md"


def test_every_command_of_the_guide_runs(
    vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "Pictures")
    (tmp_path / "New").mkdir()
    told = PngInfo()
    told.add_text("parameters", "a red thing\nSteps: 20, Sampler: Euler, Seed: 5, Version: v1")
    for number, name in enumerate(("one", "two")):
        pixels = np.full((16, 16, 3), (200 + number, 30, 40), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "New" / f"{name}.png", pnginfo=told)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 9
    vitrail.index(tmp_path / "Pictures")
    for line in lines:
        program, *words = shlex.split(line, comments=True)
        assert program == "vitrail"
        done = vitrail(*(word.replace("~", str(tmp_path)) for word in words))
        assert done.code == 0, f"{line}: {done.err}"
    assert done.out.count("\n") == 2, "what the probe told of the generated images is found"
    assert (tmp_path / "confusion.html").exists()
    assert (tmp_path / "suspects.html").exists()
