"""The ``vitrail`` command: parses what was typed, calls operations, renders what they return."""

from typing import Any

from vitrail.service.cli.entry import main

__all__ = ["main"]


def __getattr__(name: str) -> Any:
    """``app`` is the application of all commands, made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vitrail.service.cli.application import whole

    return whole()
