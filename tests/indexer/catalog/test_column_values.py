"""What is read from a column's own memory is what Arrow gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from vitrail.indexer.catalog.column_values import pages_of, presence_of, values_of

KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "small": (pa.int8(), st.integers(-128, 127)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "natural": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "half": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "real": (pa.float64(), st.floats(allow_nan=False)),
    "flag": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(max_size=9)),
    "long text": (pa.large_string(), st.text(max_size=9)),
    "bytes": (pa.binary(), st.binary(max_size=9)),
    "time": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),
    "utc": (pa.timestamp("us", "UTC"), st.none()),
    "texts": (pa.list_(pa.string()), st.lists(st.text(max_size=3), max_size=3)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=examples(25), deadline=None)
def test_values_are_those_that_arrow_gives(kind: str, data: st.DataObject) -> None:
    type_, values = KINDS[kind]
    column = pa.array(data.draw(st.lists(st.none() | values, max_size=20)), type_)
    first = data.draw(st.integers(0, len(column)))
    for one in (column, column[first:], pa.chunked_array([column, column])):
        value, there = values_of(one), presence_of(one)
        got = [value(row) for row in range(len(one))]
        assert [there(row) for row in range(len(one))] == [known is not None for known in got]
        assert got == one.to_pylist()
        assert list(map(type, got)) == list(map(type, one.to_pylist()))
        rows = st.lists(st.integers(0, len(one) - 1), max_size=9) if len(one) else st.just([])
        some = data.draw(rows)
        page = pages_of(one)(np.array(some, np.int64))
        assert page == [got[row] for row in some]
        assert list(map(type, page)) == [type(got[row]) for row in some]


def test_nothing_is_read_after_the_table_is_gone() -> None:
    """The memory is held by what reads it."""
    value = values_of(pa.array([f"{number} " * 1000 for number in range(100)]))
    junk = [pa.array(["x" * 4000] * 100) for _ in range(20)]
    assert [value(row) for row in range(100)] == [f"{number} " * 1000 for number in range(100)]
    assert len(junk) == 20
