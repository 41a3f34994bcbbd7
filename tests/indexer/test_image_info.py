"""What users get to know of an image."""

from __future__ import annotations

import copy
import json
import operator
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, fields, replace
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest

from tests.search.fakes import described
from vitrail.indexer.image_info import NO_COLUMNS, NOTHING, ImageInfo

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


class Columns:
    """Images 7 and 8, and what was read of them."""

    def __init__(self) -> None:
        self.read: list[tuple[str, int]] = []

    def paths(self, number: int, image_id: int) -> tuple[str, ...]:
        self.read.append(("paths", image_id))
        return known(image_id).paths

    def known(self, number: int) -> tuple[list[str], list[Any]]:
        image_id = number + 7
        self.read.append(("all", image_id))
        held = {one.name: getattr(known(image_id), one.name) for one in fields(ImageInfo)}
        given = [name for name, value in held.items() if value != NOTHING[name]]
        return given, [held[name] for name in given]


def known(number: int) -> ImageInfo:
    return described(number, f"/{number}.jpg", f"/b/{number}.jpg", keywords=("sea",), stars=3)


def test_an_image_is_read_when_it_is_first_looked_at() -> None:
    columns = Columns()
    first, second = (ImageInfo.unread(number, columns, number - 7) for number in (7, 8))
    assert (first.id, first.paths, second.id) == (7, ("/7.jpg", "/b/7.jpg"), 8)
    assert columns.read == [("paths", 7)]
    assert (first.keywords, first.format, first["stars"]) == (("sea",), "PNG", 3)
    assert first == known(7)
    assert second != first
    assert second == known(8)
    assert columns.read == [("paths", 7), ("all", 7), ("all", 8)]


@pytest.mark.parametrize(
    "look",
    [
        repr,
        asdict,
        ImageInfo.to_dict,
        copy.copy,
        copy.deepcopy,
        lambda one: replace(one, label="a"),
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: (one.name, one.folder, one.top_label, one.labels),
    ],
)
def test_nobody_can_tell_an_image_that_was_not_read(look: Any) -> None:
    unread = ImageInfo.unread(7, Columns(), 0)
    assert look(unread) == look(known(7))
    assert unread == known(7)


def test_an_unread_image_has_no_other_fields_and_stays_as_it_is() -> None:
    unread = ImageInfo.unread(7, Columns(), 0)
    for other in ("colour", "_known", "__dict__"):
        assert not hasattr(unread, other)
        with pytest.raises(AttributeError, match=f"'ImageInfo' object has no attribute '{other}'"):
            getattr(unread, other)
    with pytest.raises(FrozenInstanceError):
        unread.label = "a"  # type: ignore[misc]


def test_what_nothing_is_known_of_is_empty_whichever_is_looked_at_first() -> None:
    for name in NOTHING:
        columns = Columns()
        unread = ImageInfo.unread(7, columns, 0)
        assert getattr(unread, name) == getattr(known(7), name)
        assert (unread.rating, unread.missing, unread.predictions) == (None, False, ())
        assert unread == known(7)
        assert columns.read in ([("all", 7)], [("paths", 7), ("all", 7)])


def test_that_there_are_no_own_columns_is_all_that_anybody_can_say() -> None:
    for change in (
        lambda own: own.update(stars=3),
        lambda own: own.setdefault("stars", 3),
        lambda own: operator.setitem(own, "stars", 3),
        lambda own: operator.ior(own, {"stars": 3}),  # type: ignore[no-untyped-call]
    ):
        with pytest.raises(TypeError, match="annotate the collection's"):
            change(NO_COLUMNS)
    assert NO_COLUMNS == {} == json.loads(json.dumps(NO_COLUMNS))
    assert copy.deepcopy(NO_COLUMNS) == pickle.loads(pickle.dumps(NO_COLUMNS)) == {}
    assert NO_COLUMNS | {"stars": 3} == {"stars": 3}  # type: ignore[operator]


def test_threads_may_look_at_once() -> None:
    for _ in range(50):
        unread, start = ImageInfo.unread(7, Columns(), 0), Barrier(4)

        def look(name: str, one: ImageInfo = unread, start: Barrier = start) -> Any:
            start.wait()
            return getattr(one, name)

        names = ("paths", "keywords", "label", "paths")
        with ThreadPoolExecutor(4) as threads:
            assert [*threads.map(look, names)] == [getattr(known(7), name) for name in names]
