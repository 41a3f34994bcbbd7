"""The Stable Diffusion that comes with the package, for machines that can download none."""

from __future__ import annotations

from pathlib import Path

from vitrail.indexer.errors import CheckpointError

ALIAS = "embedded"
"""What users call it."""
NAME = "emoji-diffusion-64"
"""What recipes call it, and its folder beside this file."""


def embedded_path() -> Path:
    """The folder of the embedded checkpoint, in the diffusers layout.

    Raises:
        CheckpointError: it was left out of this installation.
    """
    folder = Path(__file__).parent / NAME
    if not folder.is_dir():
        raise CheckpointError(
            "this installation lacks the embedded model: install vitrail again, or give another "
            "checkpoint"
        )
    return folder
