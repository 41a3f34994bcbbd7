"""What does not fit of a request, in words: what was given, and what was expected in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic_core import ErrorDetails

from vitrail.indexer.wording import counted

MOST_TOLD = 20
"""Places of one request that are told."""
_SHOWN = 60  # characters of a value, or of a place
_WORDS: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number from -1.8e308 to 1.8e308",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "string_unicode": "a text of Unicode",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "none_required": "null",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "a text that fits {pattern}",
    "string_too_short": "at least {min_length} of them",
    "string_too_long": "at most {max_length} of them",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}
"""Pydantic's name of an error -> what was expected."""
_NO_FILE = "a field without a file name was given, and a file was expected"
_HERE_ALONE: Mapping[str, str] = {
    **{name: name for name in ("calibrate", "distil", "export-encoder", "reembed", "reproduce")},
    **{name: name for name in ("train-encoder", "tune-spaces", "verify", "whiten")},
    "convert-pickle": "index --convert-pickle",
}
"""What is no job of the service -> the command that does it, on the machine that serves."""
_KINDS = frozenset(name for name in _WORDS if name.endswith("_type"))
_LENGTHS = frozenset(name for name, words in _WORDS.items() if words.endswith("of them"))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # what ends a line, or moves a cursor


def misfits(errors: Iterable[ErrorDetails], given: object = None) -> list[dict[str, str]]:
    """What does not fit, each place once.

    Args:
        errors: as pydantic tells them.
        given: the body or the arguments, by which places are told from names of alternatives.

    Returns:
        of each place ``at``, where it is, and ``problem``, a line; the first ``MOST_TOLD`` of them.
    """
    found: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for error in errors:
        found.setdefault(_place(error, given), []).append(error)
    inner = {place[:end] for place in found for end in range(len(place))}
    told = [
        place
        for place, those in found.items()
        # Something else could stand here, and what does is looked at further inside.
        if place not in inner or not all(one["type"] in _KINDS for one in those)
    ]
    return [
        {"at": as_text(".".join(place)), "problem": as_text(_problem(found[place]))}
        for place in told[:MOST_TOLD]
    ]


def in_a_line(told: Sequence[Mapping[str, str]]) -> str:
    """The first thing that does not fit, and how many more there are."""
    first, *more = told
    line = f"{first['at']}: {first['problem']}" if first["at"] else first["problem"]
    return f"{line}, and {len(more)} more" if more else line


def as_text(text: str) -> str:
    """A text of one line that UTF-8 can hold, of whatever JSON's escapes may say."""
    in_line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return in_line.encode("utf-8", "backslashreplace").decode()


def _place(error: ErrorDetails, given: object) -> tuple[str, ...]:
    """Where an error is: what it was given by, and the way from there, without alternatives."""
    first, rest = error["loc"][:1], error["loc"][1:]
    if first and first[0] in ("path", "query", "header", "cookie"):
        return tuple(str(one)[:_SHOWN] for one in error["loc"])
    if error["type"] == "json_invalid":
        return ("body",)
    if first != ("body",):
        first, rest = (), error["loc"]
    way: list[str] = []
    for number, part in enumerate(rest):
        lacking = error["type"] == "missing" and number == len(rest) - 1
        inner = _member(given, part)
        if inner is not _NONE or lacking:
            way.append(str(part)[:_SHOWN])
            given = inner
    return (*map(str, first), *way)


_NONE = object()


def _member(value: object, name: int | str) -> object:
    if isinstance(value, Mapping):
        return value.get(name, _NONE)
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return value[name]
    return _NONE


def _problem(errors: Sequence[ErrorDetails]) -> str:
    error = errors[0]
    if error["type"] == "missing":
        return "it is needed, and was not given"
    if error["type"] == "extra_forbidden":
        return "there is no such member; leave it out"
    if error["type"] == "json_invalid":
        return f"it is no JSON: {error['ctx']['error']}, at character {error['loc'][-1]}"
    if error["type"].startswith("union_tag"):
        return _of_no_kind(error)
    if any(one["type"] not in _WORDS for one in errors):
        said = error["msg"].removeprefix("Value error, ")
        return _NO_FILE if said.startswith("Expected UploadFile") else said
    expected = dict.fromkeys(map(_expected, errors))
    shown = _shown(error["input"], counts=error["type"] in _LENGTHS)
    return f"{shown} was given, and {' or '.join(expected)} was expected"


def _of_no_kind(error: ErrorDetails) -> str:
    """An object does not say what it is, or says something else than it may be."""
    context = error["ctx"]
    member = context["discriminator"].strip("'")
    if error["type"] == "union_tag_not_found":
        return f"{member} says what it is; it is needed, and was not given"
    if (command := _HERE_ALONE.get(context["tag"])) is not None:
        return f"{context['tag']} is no job: run `vitrail {command}` on the machine that serves"
    given = _shown(context["tag"], counts=False)
    return f"{member} is {given}, and one of {context['expected_tags']} was expected"


def _expected(error: ErrorDetails) -> str:
    told = error.get("ctx", {})
    plain = {name: f"{one:g}" if isinstance(one, float) else one for name, one in told.items()}
    return _WORDS[error["type"]].format(**plain)


def _shown(value: object, *, counts: bool) -> str:
    """What was given, as JSON writes it where that is short."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {counted(len(value), 'entry', 'entries')}"
    if isinstance(value, str) and (counts or len(value) > _SHOWN):
        return f"a text of {counted(len(value), 'character')}"
    return json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN]
