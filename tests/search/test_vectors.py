from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.indexer.errors import InputError
from vitrail.search.vectors import background_rows, query_rows

DIMS = {"a": 3, "b": 2}
E1 = np.array([1, 0, 0], np.float32)


def test_a_vector_and_an_array_of_them_become_rows() -> None:
    assert query_rows({"a": E1}, DIMS)["a"].shape == (1, 3)
    rows = query_rows({"a": np.stack([E1, E1]), "b": [[0.0, 1.0]] * 2}, DIMS)
    assert (rows["a"].shape, rows["b"].shape) == ((2, 3), (2, 2))
    assert rows["b"].dtype == np.float32
    assert query_rows(E1, {"a": 3})["a"].tolist() == [[1, 0, 0]]
    assert query_rows(E1, DIMS, {"a": 1.0})["a"].tolist() == [[1, 0, 0]]


def test_a_background_is_held_to_the_same() -> None:
    dims = {"a": 2, "b": 3}
    assert background_rows(None, dims) is None
    rows = background_rows({"a": np.eye(2)}, dims)
    assert rows is not None
    assert rows["a"].dtype == np.float32
    for wrong, said in (
        ({"a": np.eye(3)}, r"of the background, .* space a has shape \(3, 3\), where \(2,\)"),
        ({"c": np.eye(2)}, "of the background, vectors are given for the space 'c'"),
        ({"b": 2 * np.eye(3)}, "of the background, row 0 for space b has length 2"),
    ):
        with pytest.raises(InputError, match=said):
            background_rows(wrong, dims)


@given(
    st.lists(st.floats(-1, 1, width=16), min_size=3, max_size=3).filter(
        lambda row: np.linalg.norm(row) > 0.1
    ),
    st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_every_float_type_is_taken_and_comes_out_as_unit_float32(
    row: list[float], kind: type[np.floating[Any]]
) -> None:
    given_row = (np.array(row) / np.linalg.norm(row)).astype(kind)
    (made,) = query_rows({"a": given_row}, DIMS)["a"]
    assert np.linalg.norm(made) == pytest.approx(1, abs=1e-6)
    assert np.dot(made, given_row) == pytest.approx(1, abs=1e-3)


REFUSED: list[tuple[Any, list[str]]] = [
    ({"a": 5 * E1}, ["row 0 for space a has length 5", "normalise it: divide it by its length"]),
    ({"a": np.stack([E1, 0.99 * E1])}, ["row 1", "length 0.99"]),
    ({"a": 0 * E1}, ["length 0", "points nowhere"]),
    ({"a": E1 * np.nan}, ["row 0 for space a holds NaN or infinite numbers"]),
    ({"a": np.array([1, np.inf, 0])}, ["NaN or infinite"]),
    ({"a": np.ones(4, np.float32)}, ["space a has shape (4,)", "(3,) or (m, 3) is expected"]),
    ({"a": np.ones((1, 1, 3), np.float32)}, ["shape (1, 1, 3)"]),
    ({"a": np.float32(1)}, ["shape ()"]),
    ({"a": np.array([1, 0, 0])}, ["holds int64", "float32"]),
    ({"a": "query.jpg"}, ["holds <U9"]),
    ({"a": None}, ["holds object"]),
    ({"a": [[1.0], [1.0, 2.0]]}, ["makes no array"]),
    ({"c": E1}, ["the space 'c'", "has a, b"]),
    (E1, ["does not say which space", "a, b", "dict"]),
]


@pytest.mark.parametrize(("given_", "says"), REFUSED, ids=[says[0] for _, says in REFUSED])
def test_what_cannot_be_asked_with_is_refused_in_one_line(given_: Any, says: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        query_rows(given_, DIMS)
    assert "\n" not in str(refused.value)
    for words in says:
        assert words in str(refused.value)
