"""Lists over anything that reads metadata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.search.fakes import BruteIndex, FakeCollection, reader, unit
from vitrail.indexer.errors import InputError
from vitrail.search.listing import ListOptions, count_images, list_images


def test_a_list_needs_no_more_than_a_reader_of_metadata() -> None:
    rows = unit(np.eye(3, dtype=np.float32))
    commit = reader(FakeCollection(a=BruteIndex([4, 6, 9], rows)))
    listed = [(one.id, one.path) for one in list_images(commit, ListOptions(limit=2))]
    assert listed == [(4, "/pictures/4.png"), (6, "/pictures/6.png")]
    drawn = list_images(commit, ListOptions(where="4,6,9", sample=2, seed=1))
    assert {one.id for one in drawn} < {4, 6, 9}
    assert count_images(commit, where="4,9") == 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"only": "reel"}, "only 'reel' is unknown; use all or generated or real"),
        ({"sample": 0}, "0 images are to be drawn"),
        ({"sample": 3, "seed": -1}, "the seed of the draw is -1"),
    ],
)
def test_what_nothing_can_be_listed_by_is_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ListOptions(**asked)
