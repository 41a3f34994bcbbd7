"""The ``vitrail`` command: parses what was typed, calls operations, renders what they return."""

from vitrail.service.cli.entry import app, main

__all__ = ["app", "main"]
