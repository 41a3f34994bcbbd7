"""What users get to know of an image."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from tests.search.fakes import described

# Documents of the command line have held these, in this order, since there were any.
IN_DOCUMENTS = re.findall(
    r"\w+",
    """
id content_hash width height format bytes taken_at camera latitude longitude rating keywords
generated recipe task prompt negative_prompt model seed sampler steps guidance lora tool path paths
name folder label missing added_at top_label top_score labels predictions
""",
)


def test_a_document_of_it_is_as_it_ever_was() -> None:
    info = described(7, "/a/b.jpg", "/c.jpg", keywords=("sea",), stars=3, Note=None)
    document = info.to_dict()
    assert list(document) == [*IN_DOCUMENTS, "stars", "Note"]
    told = json.loads(json.dumps(document))
    assert told["paths"] == ["/a/b.jpg", "/c.jpg"]
    assert (told["name"], told["folder"], told["keywords"]) == ("b.jpg", "/a", ["sea"])
    assert (told["labels"], told["top_label"], told["top_score"]) == ([], None, None)


def test_columns_are_attributes_and_have_names() -> None:
    taken = datetime(2024, 5, 1)
    info = described(7, taken_at=taken, predictions=(("cat", 0.75), ("dog", 0.25)), stars=3)
    assert info.taken_at == info["taken_at"] == taken
    assert (info.top_label, info.top_score, info.labels) == ("cat", 0.75, ("cat", "dog"))
    assert info["labels"] == ["cat", "dog"]
    assert (info.name, info.folder, info.paths) == (None, None, ())
    assert info["stars"] == info.own["stars"] == 3
    for unknown in ("colour", "own", "to_dict", "__class__"):
        with pytest.raises(KeyError, match=unknown):
            info[unknown]
