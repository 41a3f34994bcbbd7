"""A filter is true of an image if any of its files fulfils it as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.indexer.collection.holdings import FINGERPRINT, file, image, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch, FileRecord

FILES = [
    file("/apples/red.jpg", 1, label="apples"),
    file("/backup/red.jpg", 1, label="backup"),
    file("/backup/old/red.jpg", 1),
    file("/backup/blue.jpg", 2, label="backup"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("filtering") / "c"
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch([image(1, width=100), image(2, width=900)], FILES))
    return place


@pytest.fixture(params=["reader", "warm", "writer"])
def collection(made: Path, request: pytest.FixtureRequest) -> Iterator[CollectionStore]:
    """One that has answered nothing yet."""
    with CollectionStore.open(made, writable=request.param == "writer") as opened:
        if request.param == "warm":
            opened.warm()
        yield opened


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("folder = '/apples'", {1: "/apples/red.jpg"}),
        ("folder = '/backup'", {1: "/backup/red.jpg", 2: "/backup/blue.jpg"}),
        ("label = 'backup' and name = 'red.jpg'", {1: "/backup/red.jpg"}),
        ("path like '%/old/%'", {1: "/backup/old/red.jpg"}),
        # no single file is in apples and labelled backup
        ("folder = '/apples' and label = 'backup'", {}),
        # some file whose label is not apples; NULL is neither
        ("not label = 'apples'", {1: "/backup/red.jpg", 2: "/backup/blue.jpg"}),
        ("label is null", {1: "/backup/old/red.jpg"}),
        ("label = 'backup' and width > 500", {2: "/backup/blue.jpg"}),
        ("paths = 3", {1: "/apples/red.jpg"}),
        (
            "added_at > '2020-01-01' and label = 'backup'",
            {1: "/backup/red.jpg", 2: "/backup/blue.jpg"},
        ),
    ],
)
def test_the_file_that_fulfils_the_filter_is_shown(
    collection: CollectionStore, where: str, expected: dict[int, str]
) -> None:
    ids = collection.allowed_ids(where).tolist()
    assert ids == sorted(expected)
    rows = collection.metadata(ids, where)
    assert {row["id"]: row["path"] for row in rows} == expected
    for row in rows:
        assert row["paths"][0] == row["path"]
        assert row["path"] == f"{row['folder']}/{row['name']}"
        (own,) = [one for one in FILES if one.path == row["path"]]
        assert row["label"] == own.label


def test_without_a_filter_the_first_path_is_shown_with_its_own_label(
    collection: CollectionStore,
) -> None:
    [row] = collection.metadata([1])
    assert row["paths"] == ["/apples/red.jpg", "/backup/old/red.jpg", "/backup/red.jpg"]
    assert row["label"] == "apples"


def test_missing_files_fulfil_filters_but_are_shown_last(made: Path, tmp_path: Path) -> None:
    place = shutil.copytree(made, tmp_path / "c")
    with CollectionStore.open(place, writable=True) as collection:
        collection.commit(Batch(missing=["/apples/red.jpg"]))
        assert collection.allowed_ids("folder = '/apples'").tolist() == [1]
        [row] = collection.metadata([1], "folder = '/apples'")
        assert (row["path"], row["missing"]) == ("/apples/red.jpg", True)
        assert collection.allowed_ids("folder = '/apples' and not missing").tolist() == []
        assert collection.allowed_ids("missing").tolist() == [1]
        [row] = collection.metadata([1])
        assert (row["path"], row["missing"]) == ("/backup/old/red.jpg", False)


PLACES = st.sampled_from(["/a/x.jpg", "/a/y.jpg", "/b/x.jpg", "/b/y.jpg", "/c/z.jpg"])
HELD = st.dictionaries(PLACES, st.tuples(st.integers(1, 3), st.sampled_from(["cat", "dog", None])))
CONDITIONS: dict[str, Callable[[FileRecord], Any]] = {
    "folder = '/a'": lambda f: f.path.startswith("/a/"),
    "name = 'x.jpg'": lambda f: f.path.endswith("/x.jpg"),
    "label = 'cat'": lambda f: f.label == "cat",
    "label is null": lambda f: f.label is None,
    "not coalesce(label = 'cat', false)": lambda f: f.label != "cat",
    "bytes > 1001": lambda f: f.size > 1001,
}


@settings(max_examples=examples(30))
@given(held=HELD, chosen=st.lists(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=3))
def test_any_set_of_files_agrees_with_looking_at_each(
    tmp_path_factory: pytest.TempPathFactory,
    held: dict[str, tuple[int, str | None]],
    chosen: list[str],
) -> None:
    files = [file(path, number, label=label) for path, (number, label) in held.items()]
    where = " and ".join(chosen)
    fulfilling = [f for f in files if all(CONDITIONS[one](f) for one in chosen)]
    place = tmp_path_factory.mktemp("held") / "c"
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images({number for number, _ in held.values()}), files))
        writer.forget_changes()
        rows = writer.metadata(writer.allowed_ids(where).tolist(), where)
        shown = {row["content_hash"]: row["path"] for row in rows}
    expected: dict[str, str] = {}
    for one in sorted(fulfilling, key=lambda f: f.path):
        expected.setdefault(one.content_hash, one.path)
    assert shown == expected
