"""What a run can be told, and what of it is refused before anything is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from vitrail.indexer.errors import InputError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.indexing.reembedding import ReembedOptions


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"label_from": "grandparent"}, "label_from 'grandparent' is unknown; use parent or none"),
        ({"include": "*.jpg"}, r"include is the text '\*\.jpg'; give a tuple of globs"),
        ({"exclude": "old/**"}, "exclude is the text 'old/.*'; give a tuple of globs"),
        ({"max_pixels": -1}, "max_pixels is -1; give 0 or more"),
        ({"batch_size": 0}, "batch_size is 0; give 1 or more"),
        ({"workers": -2}, "workers is -2; give 1 or more"),
    ],
)
def test_what_no_run_can_follow_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        IndexOptions(**said)


def test_a_list_of_globs_is_what_a_tuple_of_them_is() -> None:
    globs: Any = ["*.gif"]
    assert IndexOptions(exclude=globs) == IndexOptions(exclude=("*.gif",))


def test_embedding_anew_refuses_the_same_numbers() -> None:
    for said in ({"batch_size": 0}, {"workers": 0}, {"max_pixels": 0}):
        with pytest.raises(InputError, match="is 0; give 1 or more"):
            ReembedOptions(**said)  # type: ignore[arg-type]
