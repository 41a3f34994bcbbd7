from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.collection.holdings import (
    FILTERED,
    FINGERPRINT,
    OTHER,
    content,
    file,
    files,
    image,
    images,
    vector,
)
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import (
    CollectionError,
    FingerprintMismatchError,
    InputError,
    UnknownImageError,
)
from vitrail.indexer.records import DEEPEST_RECIPE, Batch, KnownFile, RejectRecord


def test_what_is_committed_is_found_after_reopening(place: str) -> None:
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch(images(range(5)), files(range(5))))
    with CollectionStore.open(place) as opened:
        assert len(opened) == 5
        assert opened.spaces == {"cls@2": 8, "mean@1": 4}
        for space in opened.spaces:
            found = opened.index(space).search(vector(3, space)[None], 1)
            [data] = opened.metadata(found.ids[0].tolist())
            assert data["content_hash"] == content(3)
            assert data["paths"] == ["/pictures/3.jpg"]
            assert found.scores[0, 0] == pytest.approx(1, abs=1e-5)
    assert verify(place).clean


def test_the_same_bytes_at_two_paths_are_one_image(collection: CollectionStore) -> None:
    collection.commit(Batch([image(1)], [file("/b.jpg", 1), file("/a.jpg", 1)]))
    collection.commit(Batch([image(1)], [file("/c.jpg", 1, label="copy")]))
    assert len(collection) == 1
    [data] = collection.metadata([1])
    assert data["paths"] == ["/a.jpg", "/b.jpg", "/c.jpg"]
    assert collection.allowed_ids("paths = 3 and label = 'copy'").tolist() == [1]


def test_a_moved_file_keeps_its_id(collection: CollectionStore) -> None:
    collection.commit(Batch(images([1, 2]), files([1, 2])))
    before = collection.resolve("/pictures/1.jpg")
    collection.commit(Batch([], [file("/elsewhere/1.jpg", 1)], gone=["/pictures/1.jpg"]))
    assert collection.resolve("/elsewhere/1.jpg") == before
    assert len(collection) == 2
    with pytest.raises(InputError, match=r"neither an image id"):
        collection.resolve("/pictures/1.jpg")


def test_the_last_file_takes_its_image_with_it(collection: CollectionStore) -> None:
    collection.commit(Batch([image(1)], [file("/a.jpg", 1), file("/b.jpg", 1)]))
    collection.commit(Batch(gone=["/a.jpg"]))
    assert len(collection) == 1
    collection.commit(Batch(gone=["/b.jpg"]))
    assert len(collection) == 0
    (known,) = collection.known_files().values()
    assert (known.state, known.missing) == ("waiting", True)
    assert len(collection.index("cls@2").ids()) == 0


def test_a_missing_file_may_keep_its_image(collection: CollectionStore) -> None:
    collection.commit(Batch(images([1]), files([1])))
    collection.commit(Batch(missing=["/pictures/1.jpg"]))
    assert len(collection) == 1
    assert collection.metadata([1])[0]["missing"]
    known = collection.known_files()["/pictures/1.jpg"]
    assert (known.state, known.missing) == ("live", True)
    collection.commit(Batch([], files([1])))
    assert not collection.metadata([1])[0]["missing"]


def test_a_changed_file_is_another_image(collection: CollectionStore) -> None:
    collection.commit(Batch(images([1]), [file("/a.jpg", 1)]))
    collection.commit(Batch(images([2]), [file("/a.jpg", 2)]))
    assert collection.content_hashes() == {content(2)}
    assert collection.resolve("/a.jpg") == 2


def test_content_that_left_comes_back_without_being_embedded_again(
    collection: CollectionStore,
) -> None:
    collection.commit(Batch(images([1, 2]), files([1, 2])))
    collection.commit(Batch(gone=["/pictures/1.jpg"]))
    collection.commit(Batch([], [file("/back.jpg", 1)]))
    back = collection.resolve("/back.jpg")
    assert back == 1
    assert np.array_equal(collection.vectors([back], "cls@2")[0], vector(1, "cls@2"))
    assert verify(collection.directory).clean


def test_rejects_are_known_and_leave_when_the_file_is_well(collection: CollectionStore) -> None:
    bad = RejectRecord("/bad.jpg", 3, 4, "truncated", "it ends too early")
    collection.commit(Batch(rejects=[bad]))
    assert collection.rejects() == [bad]
    assert collection.known_files() == {"/bad.jpg": KnownFile(3, 4, None, None, "rejected")}
    collection.commit(Batch(images([1]), [file("/bad.jpg", 1)]))
    assert collection.rejects() == []
    collection.commit(Batch(rejects=[bad]))
    assert len(collection) == 0


def test_known_files_keeps_to_the_folder(collection: CollectionStore) -> None:
    odd = os.fsdecode(b"/pictures/caf\xe9.jpg")
    collection.commit(
        Batch(images([1, 2, 3]), [file(odd, 1), file("/pictures2/a.jpg", 2), file("/a_b", 3)])
    )
    assert set(collection.known_files("/pictures")) == {odd}
    assert set(collection.known_files("/a_b")) == {"/a_b"}
    assert len(collection.known_files("/")) == 3
    [data] = collection.metadata([collection.resolve(odd)])
    assert data["paths"] == [odd]
    assert data["path"] == "/pictures/caf\\xe9.jpg"
    assert data["name"] == "caf\\xe9.jpg"


def test_removed_images_are_gone_from_the_next_search(collection: CollectionStore) -> None:
    collection.commit(Batch(images([1, 2]), files([1, 2])))
    index = collection.index("cls@2")
    assert index.search(vector(1, "cls@2")[None], 1).ids[0, 0] == 1
    collection.remove([1])
    assert collection.index("cls@2").search(vector(1, "cls@2")[None], 2).ids.tolist() == [[2, -1]]
    with pytest.raises(InputError, match="no image with id 1"):
        collection.remove([2, 1])
    assert len(collection) == 1
    # Its file is unchanged, so that the next run does not bring it back.
    assert "/pictures/1.jpg" in collection.known_files()


def test_resolve_reads_ids_paths_and_hashes(collection: CollectionStore) -> None:
    collection.commit(Batch(images([1]), files([1])))
    for text in ("1", "/pictures/1.jpg", content(1)[:6], content(1).upper()):
        assert collection.resolve(text) == 1
    for text in ("2", content(1)[:5], "nothing.jpg", "٣"):
        with pytest.raises(InputError):
            collection.resolve(text)


def test_resolve_reads_the_last_parts_of_one_path(collection: CollectionStore) -> None:
    odd = os.fsdecode(b"/b/\xff.jpg")
    paths = ["/a/x/1.jpg", "/a/y/2.jpg", "/b/y/2.jpg", odd, "/b/\\xff.jpg"]
    found = [file(path, n) for n, path in enumerate(paths, 1)]
    found.append(file("/copy/of/1.jpg", 1))
    collection.commit(Batch(images(range(1, 6)), found))
    for text, image_id in (
        ("1.jpg", 1),  # two paths, one image
        ("x/1.jpg", 1),
        ("./x//1.jpg", 1),
        ("a/y/2.jpg", 2),
        (os.fsdecode(b"\xff.jpg"), 4),
        ("\\xff.jpg", 5),
    ):
        assert collection.resolve(text) == image_id, text
    for text in ("jpg", "/1.jpg", "of", "", ".", "..", "../1.jpg", "\0", "2.JPG"):
        with pytest.raises(UnknownImageError):
            collection.resolve(text)
    with pytest.raises(InputError, match=r"2 images: /a/y/2\.jpg, /b/y/2\.jpg; give more"):
        collection.resolve("2.jpg")
    collection.remove([2])
    assert collection.resolve("2.jpg") == 3, "a removed image's path is nobody's"


def test_of_many_images_some_are_listed(collection: CollectionStore) -> None:
    found = [file(f"/{n}/same.jpg", n) for n in range(1, 9)]
    collection.commit(Batch(images(range(1, 9)), found))
    with pytest.raises(InputError, match=r"8 images: /1/same\.jpg,.*/5/same\.jpg and 3 more; give"):
        collection.resolve("same.jpg")


def test_another_encoder_is_refused_by_name(collection: CollectionStore) -> None:
    collection.check(replace(FINGERPRINT, checkpoint="/a/copy/of/it"))
    with pytest.raises(FingerprintMismatchError, match=r"tiny-vit .*other-vit .*"):
        collection.check(OTHER)


def test_vectors_must_be_of_the_spaces(collection: CollectionStore) -> None:
    for bad in (
        {"cls@2": vector(1, "cls@2")},
        {"cls@2": vector(1, "mean@1"), "mean@1": vector(1, "mean@1")},
        {"cls@2": np.full(8, np.nan, np.float32), "mean@1": vector(1, "mean@1")},
    ):
        with pytest.raises(InputError, match="finite numbers in space"):
            collection.commit(Batch([replace(image(1), vectors=bad)], files([1])))
    with pytest.raises(InputError, match="not in this collection, which has cls@2, mean@1"):
        collection.index("gem@6")
    assert len(collection) == 0


def test_places_that_hold_no_collection(tmp_path: Path, place: str) -> None:
    with pytest.raises(CollectionError, match=r"there is no collection at .*vitrail index"):
        CollectionStore.open(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CollectionError, match=r"such as 'notes.txt'"):
        CollectionStore.create(tmp_path, FINGERPRINT)
    CollectionStore.create(place, FINGERPRINT).close()
    with pytest.raises(CollectionError, match="is a collection already"):
        CollectionStore.create(place, FINGERPRINT)


def test_long_runs_tidy_as_they_go(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrail.indexer.collection.maintenance.TIDY_IMAGES", 10)
    monkeypatch.setattr("vitrail.indexer.vectors.indexes._TAIL_ROWS", 1)
    CollectionStore.create(place, FINGERPRINT).close()
    seen = []
    for start in range(0, 40, 5):
        with CollectionStore.open(place, writable=True) as writer:
            numbers = range(start, start + 5)
            writer.commit(Batch(images(numbers), files(numbers)))
            seen.append(writer.info().spaces["cls@2"].indexed)
            writer.forget_changes()  # as a kill would
    # Once 10 images are in no saved index, and later once half of all are, whoever added them.
    assert seen == [0, 10, 10, 20, 20, 20, 20, 40]
    with CollectionStore.open(place) as reader:
        assert len(reader.index("cls@2")) == 40


def test_index_files_are_saved_when_it_pays_and_caught_up_otherwise(place: str) -> None:
    with CollectionStore.create(place, FINGERPRINT) as writer:
        writer.commit(Batch(images(range(20)), files(range(20))))
    saved = sorted(os.listdir(os.path.join(place, "indexes")))
    with CollectionStore.open(place, writable=True) as writer:
        writer.commit(Batch(images([20]), files([20])))
    assert sorted(os.listdir(os.path.join(place, "indexes"))) == saved
    with CollectionStore.open(place) as reader:
        assert len(reader.index("cls@2").ids()) == 21
        told = reader.info().to_dict()["spaces"]["cls@2"]
        assert told.pop("bytes") > 20 * 8 * 4
        assert told == {
            **{"base": None, "fitted_rows": 0, "share": 0.5},
            **{"dim": 8, "index": "exact", "indexed": 20, "checks": "at load", "checked": 1.0},
        }


def test_info_counts(collection: CollectionStore) -> None:
    collection.commit(Batch(FILTERED, files([1, 2, 3])))
    collection.remove([1])
    info = collection.info()
    assert (info.images, info.deleted, info.files, info.generated) == (2, 1, 2, 1)
    assert info.bytes["total"] > info.bytes["catalog.duckdb"] > 0
    assert info.encoder == FINGERPRINT.describe()


def test_a_recipe_that_is_nested_without_end_is_cut_short(collection: CollectionStore) -> None:
    deep: dict[str, object] = {"prompt": "an apple"}
    level: Any = deep
    for _ in range(5000):
        level["in"] = [{}]
        level = level["in"][0]
    round_: dict[str, object] = {"prompt": "a pear"}
    round_["self"] = round_
    made = [image(50, recipe=deep), image(51, recipe=round_)]
    collection.commit(Batch(made, files([50, 51])))
    assert len(collection.allowed_ids("prompt in ('an apple', 'a pear')")) == 2
    ids = [collection.resolve(f"/pictures/{n}.jpg") for n in (50, 51)]
    for row in collection.metadata(ids):
        levels, inner = 0, row["recipe"]
        while isinstance(inner, dict | list):
            inner = inner[-1] if isinstance(inner, list) else inner.get("in", inner.get("self"))
            levels += 1
        assert levels == DEEPEST_RECIPE
