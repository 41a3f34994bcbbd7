"""Genuine files of other frameworks, and what is kept of their conversions."""

from __future__ import annotations

import json
from pathlib import Path

FILES = Path(__file__).parent / "files"


def kept(tmp_path: Path) -> list[str]:
    """What is in the cache of conversions."""
    folder = tmp_path / "cache" / "checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
