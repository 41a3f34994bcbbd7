"""Folders that may be indexed: by name, and nothing beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vitrail.indexer.errors import InputError


class UnknownRootError(InputError):
    """No folder of this name may be indexed, or nothing is there."""

    code = "unknown-root"


def resolve_root(roots: Mapping[str, Path], name: str, path: str = "") -> Path:
    """A folder or file of a root.

    Args:
        roots: name -> folder.
        name: of one.
        path: below it, with slashes; empty for the root itself.

    Raises:
        UnknownRootError: there is no such root, or nothing there.
        InputError: the path leads out of the root, by itself or by a link.
    """
    if name not in roots:
        known = ", ".join(roots) or "none"
        raise UnknownRootError(
            f"no folder {name!r:.80} may be indexed here; there are: {known}",
            remedy="name one of these, or start the service with --root NAME=DIR",
        )
    parts = path.split("/")
    if os.path.isabs(path) or ".." in parts or "\0" in path or "\\" in path:
        raise InputError(f"the path {path!r:.200} leads out of {name}; name what is below it")
    root = roots[name]
    found = root.joinpath(*(part for part in parts if part not in ("", ".")))
    real, top = os.path.realpath(found), os.path.realpath(root)
    if real != top and not real.startswith(os.path.join(top, "")):
        raise InputError(
            f"the path {path!r:.200} leads out of {name}, by a link; name what is in it"
        )
    if not os.path.exists(found):
        raise UnknownRootError(f"there is nothing at {path!r:.200} of {name}")
    return found


def place_of(roots: Mapping[str, Path], path: str) -> tuple[str, str] | None:
    """The root that a file lies in, and its path below that, with slashes; ``None`` for none."""
    for name, root in roots.items():
        top = os.path.join(os.path.abspath(root), "")
        if path.startswith(top):
            return name, path[len(top) :].replace(os.sep, "/")
    return None
