"""Filters as JSON against an evaluator of SQL's logic, and against what hostile clients send."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.fakes import ColourEncoder
from tests.sources import ROOT
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import FilterError
from vitrail.service.operations.annotating import annotate_images
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.json_filters import DEEPEST, MOST_PARTS, join_filters, to_sql

TEXTS = ["cat", "it's", 'say "x"', "50%", "a_b", "", "; DROP TABLE images --", "日本", "\\", None]
NUMBERS = [None, -3, 0, 7, 7, 2**40, 12, 5, 6, -1]
SHARES = [0.5, None, -1.5, 1e300, 0.0, 2.25, None, 1e-9, 3.0, 0.1]
ROWS = [
    {"text": text, "number": number, "share": share}
    for text, number, share in zip(TEXTS, NUMBERS, SHARES, strict=True)
]
Logic = bool | None
"""True, false, or not known, as SQL has it of what is missing."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectionStore]:
    home = tmp_path_factory.mktemp("filters")
    for number in range(len(ROWS)):
        Image.new("RGB", (8 + number, 8), (number * 20, 9, 9)).save(home / f"{number:02}.png")
    CollectionStore.create(home / "c", ColourEncoder().fingerprint).close()
    with Collection.open(home / "c", encoder=ColourEncoder()) as collection:
        collection.index(home)
        ids = [image.id for image in collection.select(sort=["name"])]
        columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
        annotate_images(home / "c", ids, columns)
    with CollectionStore.open(home / "c") as opened:
        yield opened


def found(store: CollectionStore, where: str) -> list[int]:
    """Numbers of the rows that pass."""
    ids = store.allowed_ids(where).tolist()
    return sorted(int(str(image.name)[:2]) for image in store.metadata(ids))


def both(values: list[Logic]) -> Logic:
    return False if False in values else None if None in values else True


def turned(value: Logic) -> Logic:
    return None if value is None else not value


def like(value: str, pattern: str) -> bool:
    parts = [".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "above": operator.gt,
    "below": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
    "like": like,
    "in": lambda value, values: value in values,
}


def holds(row: Mapping[str, Any], given_: Mapping[str, Any]) -> Logic:
    """What SQL would say of a row, worked out by its rules."""
    if "all" in given_:
        return both([holds(row, one) for one in given_["all"]])
    if "any" in given_:
        return turned(both([turned(holds(row, one)) for one in given_["any"]]))
    if "not" in given_:
        return turned(holds(row, given_["not"]))
    value = row[given_["column"]]
    said = [(word, other) for word, other in given_.items() if word != "column"]
    return both([compared(value, word, other) for word, other in said])


def compared(value: Any, word: str, other: Any) -> Logic:
    if word == "missing":
        return (value is None) is bool(other)
    if word == "in" and not other:
        return False
    return None if value is None else COMPARED[word](value, other)


texts = st.sampled_from([text for text in TEXTS if text is not None])
numbers = st.one_of(st.sampled_from([n for n in NUMBERS if n is not None]), st.integers(-9, 9))
shares = st.floats(allow_nan=False, allow_infinity=False, width=32)
ORDER = ("is", "above", "below", "at_least", "at_most")


def conditions_of(column: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(ORDER, values)
    words |= {"in": st.lists(values, max_size=3), "missing": st.booleans()}
    if column == "text":
        words["like"] = st.one_of(texts, st.sampled_from(["%", "_", "%a%", "c_t", "%'%"]))
    said = st.fixed_dictionaries({}, optional=words)
    return said.filter(bool).map(lambda given_: {"column": column, **given_})


conditions = st.one_of(
    conditions_of("text", texts), conditions_of("number", numbers), conditions_of("share", shares)
)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(filters)
def test_it_lets_through_what_sql_would(store: CollectionStore, given_: dict[str, Any]) -> None:
    expected = [number for number, row in enumerate(ROWS) if holds(row, given_) is True]
    assert found(store, to_sql(given_)) == expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_no_text_is_more_than_a_value(store: CollectionStore, text: str) -> None:
    try:
        where = to_sql({"any": [{"column": "text", "is": text}, {"column": "number", "is": 12}]})
    except FilterError:
        return  # no text at all
    expected = [n for n, row in enumerate(ROWS) if row["text"] == text or row["number"] == 12]
    assert found(store, where) == expected


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=20))
def test_no_column_is_more_than_a_name(store: CollectionStore, name: str) -> None:
    with pytest.raises(FilterError):
        found(store, to_sql({"column": f"{name}; none", "is": 1}))


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["all", "any", "not", "column", "is", "in", "has", "missing", "x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["all", "any", "not", "column", "in", "like"]), plain))
def test_whatever_comes_is_a_filter_or_a_line(given_: dict[str, Any]) -> None:
    told = ""
    try:
        assert to_sql(given_)
    except FilterError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 400


def test_what_is_too_much_is_refused() -> None:
    deep: dict[str, Any] = {"column": "a", "is": 1}
    for _ in range(DEEPEST + 1):
        deep = {"not": deep}
    with pytest.raises(FilterError, match="nested"):
        to_sql(deep)
    with pytest.raises(FilterError, match="more than 1,000"):
        to_sql({"column": "a", "in": list(range(MOST_PARTS + 1))})


def test_lists_that_have_a_value(store: CollectionStore) -> None:
    assert found(store, to_sql({"column": "keywords", "has": "x"})) == []
    everything = {"not": {"column": "keywords", "has": "x"}}
    assert len(found(store, to_sql(everything))) == len(ROWS)


def test_both_filters_have_to_hold(store: CollectionStore) -> None:
    joined = join_filters("width < 12 -- a remark", {"column": "width", "above": 9})
    assert found(store, str(joined)) == [2, 3]
    assert join_filters("width < 12", None) == "width < 12"
    assert join_filters(None, None) is None
    with pytest.raises(FilterError, match="empty"):
        join_filters(" ", {"column": "width", "above": 9})


def test_the_documented_filter_means_what_is_said(store: CollectionStore) -> None:
    page = (ROOT / "docs/service.md").read_text("utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    where = to_sql(json.loads(block))
    assert where == (
        "((\"width\" >= 512) AND ((\"label\" IN ('cat', 'dog')) OR (\"prompt\" LIKE '%fox%')) AND "
        '(NOT ("taken_at" IS NULL)))'
    )
    assert found(store, where) == []
