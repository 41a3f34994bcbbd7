"""The packages that read other frameworks' files, each imported when such a file is met."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from vitrail.indexer.errors import CheckpointError

INSTALL = "pip install 'vitrail[foreign]'"


def check_packages(what: str, *names: str) -> None:
    """Refuse to read a file for which a package is missing.

    Args:
        what: the file, for messages.
        names: of the packages.

    Raises:
        CheckpointError: naming the first that is missing, and how it is installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise CheckpointError(f"{what} is read by {name}, which is not installed: {INSTALL}")
        import_module(name)
