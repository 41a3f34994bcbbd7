"""A cache of conversions of each test's own, and genuine files that may be spoiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.indexer.encoders.foreign.genuine import FILES


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """A genuine checkpoint that may be spoiled."""

    def copy(name: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(FILES / name, folder)
        (folder / "truth.npz").unlink()
        return folder

    return copy
