"""Texts without the places of files: what somebody far away need not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vitrail.service.http.options import ServiceOptions

_ADDRESSES = ("/v1", "/docs", "/login", "/assets")
# what begins with a slash (or a drive) at the start of a word, up to the last slash
_PLACE = re.compile(r"(?<![\w./~:>\\-])(?:[A-Za-z]:\\|/)(?:[^\s'\"`,;:|<>/\\]+[/\\])*")


def as_told(text: str, options: ServiceOptions) -> str:
    """A text as replies tell it: without the places of files, unless these are shown.

    Args:
        text: such as the message of an error.
        options: whether they are, and where what is the service's lies.
    """
    if options.paths:
        return text
    places = {**options.roots, **options.collections, "state": options.state, "~": Path.home()}
    return hide(text, places)


def hide(text: str, places: Mapping[str, Path]) -> str:
    """A text in which files are called by their names alone.

    Args:
        text: such as the message of an error.
        places: what a directory is called -> where it lies; the longest that fits is taken.
    """
    known = sorted(places.items(), key=lambda one: len(str(one[1])), reverse=True)
    for name, place in known:
        if len(str(place)) > 1:  # the root itself says nothing
            text = re.sub(rf"{re.escape(str(place))}(?![\w.-])", name, text)
    return _PLACE.sub(_without, text)


def _without(found: re.Match[str]) -> str:
    rest = found.string[found.start() :]
    # a slash alone hides no folder: it divides, or begins a comment, in a filter that is told back
    return found[0] if rest.startswith(_ADDRESSES) or found[0] == "/" else ""
