"""The Stable Diffusion that comes with the package, for machines that can download none."""

from __future__ import annotations

from pathlib import Path

EMBEDDED = "emoji-diffusion-64"


def embedded_path() -> Path:
    """Return the folder of the embedded checkpoint, in the diffusers layout."""
    return Path(__file__).parent / EMBEDDED
