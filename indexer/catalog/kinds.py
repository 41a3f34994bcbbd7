"""Kinds of values that the user's own columns hold: their SQL types, and what people call them."""

from __future__ import annotations

import re

WORDS = {
    "BIGINT": "number",
    "DOUBLE": "number",
    "VARCHAR": "text",
    "BOOLEAN": "yes/no",
    "DATE": "date",
    "TIMESTAMP": "time",
    "VARCHAR[]": "list of texts",
    "BIGINT[]": "list of numbers",
    "DOUBLE[]": "list of numbers",
}

# What texts of each kind look like, in the order in which they are tried.
PATTERNS = {
    "BIGINT": r"^\s*[+-]?(0|[1-9][0-9]{0,17})\s*$",  # 007 is a name, no number
    "DOUBLE": (
        r"^\s*([+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[nN][aA][nN])\s*$"
    ),
    "BOOLEAN": r"^\s*([tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\s*$",
    "DATE": r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$",
    "TIMESTAMP": (
        r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s*$"
    ),
}

# What the database calls types in its errors; what stands in quotes there is the user's own.
_NAMES = {
    "number": (
        r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?(_LITERAL|\d+)?|DOUBLE|FLOAT|DECIMAL(\(\d+,\d+\))?"
    ),
    "text": r"VARCHAR|STRING_LITERAL",
    "yes/no": r"BOOL(EAN)?",
    "time": r"TIMESTAMP(_\w+| WITH TIME ZONE)?",
    "date": r"DATE",
}
_NAMED = re.compile(r"'[^']*'|\b(type )?(?P<name>" + "|".join(_NAMES.values()) + r")(?!\w)")


def in_words(kind: str) -> str:
    """What people call an SQL type; one that an older version let in is called by its name."""
    return WORDS.get(kind, kind.lower())


def error_in_words(line: str) -> str:
    """A line of the database's about types that do not fit, without its names for them."""

    def word(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]
        return next(word for word, names in _NAMES.items() if re.fullmatch(names, found["name"]))

    return _NAMED.sub(word, re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", line))
