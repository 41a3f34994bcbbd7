"""What the command line exits with, by the kind of error."""

from __future__ import annotations

from vitrail.indexer.errors import VitrailError

EXITS = {"bad-input": 2, "locked": 3, "cancelled": 130}
"""Code of an error -> exit code, also of the kinds of errors below it; 1 for all others."""


def exit_code(error: VitrailError | type[VitrailError]) -> int:
    """The exit code for an error, or for the nearest kind above it that has one."""
    kind = error if isinstance(error, type) else type(error)
    codes = (above.code for above in kind.__mro__ if issubclass(above, VitrailError))
    return next((EXITS[code] for code in codes if code in EXITS), 1)
