"""Kinds of values that the user's own columns hold: their SQL types, and what people call them."""

from __future__ import annotations

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


def in_words(kind: str) -> str:
    """What people call an SQL type; one that an older version let in is called by its name."""
    return WORDS.get(kind, kind.lower())
