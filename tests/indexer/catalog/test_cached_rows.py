"""Rows are found by their keys, with and without gaps between them, in whatever order they lie."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from vitrail.indexer.catalog.cached_rows import Table

GAPLESS = st.builds(lambda first, count: [*range(first, first + count)], *[st.integers(0, 20)] * 2)
KEYS = GAPLESS | st.lists(st.integers(0, 30), max_size=20)


@given(keys=KEYS, shuffled=st.randoms(), wanted=st.lists(st.integers(-3, 60), max_size=9))
@settings(max_examples=examples(200), deadline=None)
def test_rows_are_those_of_their_key(keys: list[int], shuffled: object, wanted: list[int]) -> None:
    shuffled.shuffle(keys)  # type: ignore[attr-defined]
    texts = [f"{key} at {number}" if key % 3 else None for number, key in enumerate(keys)]
    kinds = pa.schema([("key", pa.int64()), ("text", pa.string()), ("none", pa.string())])
    columns = {"key": keys, "text": texts, "none": [None] * len(keys)}
    table = Table(pa.table(columns, kinds), "key")
    starts, ends = table.places(wanted)
    there = table.has_value("text")
    for key, start, end in zip(wanted, starts, ends, strict=True):
        own = [text for text, other in zip(texts, keys, strict=True) if other == key]
        expected = [{"key": key} | ({"text": text} if any(texts) else {}) for text in own]
        assert table.rows(start, end) == table.rows_of(key) == expected
        assert [table.value("text", place) for place in range(start, end)] == own
        assert [table.value("none", place) for place in range(start, end)] == [None] * len(own)
        if there is not None:
            told = [there(place) for place in range(start, end)]
            assert told == [text is not None for text in own]
    assert table.has_value("none") is None
    assert (there is None) == (not any(texts))


@pytest.mark.parametrize("keys", [[4, 5, 6, 7], [4, 5, 7], [4, 4, 5], []])
def test_what_is_in_no_row_is_found_nowhere(keys: list[int]) -> None:
    table = Table(pa.table({"key": pa.array(keys, pa.int64())}), "key")
    starts, ends = table.places([3, 8, -(2**62), 2**62])
    assert starts == ends


@pytest.mark.parametrize(
    ("keys", "alike"),
    [([4, 5, 6], True), ([6, 4, 5], True), ([4, 5], False), ([5, 6, 7], False), ([4, 5, 7], False),
     ([4, 5, 5], False), ([], False)],
)  # fmt: skip
def test_tables_are_alike_where_every_key_is_at_the_same_place(
    keys: list[int], alike: bool
) -> None:
    one, other = (Table(pa.table({"k": pa.array(k, pa.int64())}), "k") for k in ([4, 5, 6], keys))
    assert one.alike(other) == other.alike(one) == alike
    if alike:
        assert one.places([3, 4, 6, 7]) == other.places([3, 4, 6, 7])
