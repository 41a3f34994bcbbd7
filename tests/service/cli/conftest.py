"""Folders for the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Paint = Callable[..., Path]


@pytest.fixture
def many(paint: Paint, tmp_path: Path) -> Path:
    """Twenty-four pictures in three folders."""
    for number in range(24):
        paint(f"{'abc'[number % 3]}/{number}.png", (10 * number, 5, 250 - 10 * number))
    return tmp_path / "pictures"
