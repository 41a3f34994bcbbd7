"""Hidden rows that come back: in an index, and in one that is brought up to a commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexer.collection.holdings import DIM, FINGERPRINT, files, images, vector
from tests.indexer.vectors.vector_sets import clustered, reference
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.records import Batch
from vitrail.indexer.segments.segment_file import Segment
from vitrail.indexer.vectors.catching_up import Visibility, caught_up
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex

IDS = np.arange(40, dtype=np.int64) * 3
ROWS = clustered(len(IDS), 16)
SOME = st.lists(st.sampled_from(IDS.tolist()), max_size=12).map(lambda ids: np.array(ids, np.int64))
STEPS = st.lists(st.tuples(st.sampled_from(["hide", "reveal", "build"]), SOME), max_size=12)


@given(built=st.integers(0, len(IDS)), steps=STEPS)
@settings(max_examples=100)
def test_hidden_rows_come_back_and_those_that_cannot_are_named(
    built: int, steps: list[tuple[str, np.ndarray]]
) -> None:
    index = VectorIndex.create(16)
    index = index.with_rows(IDS[:built], ROWS[:built])
    index = index.built()
    index = index.with_rows(IDS[built:], ROWS[built:])
    visible = set(IDS.tolist())
    for step, ids in steps:
        if step == "hide":
            index = index.without(ids)
            visible -= set(ids.tolist())
        elif step == "reveal":
            index, lacking = index.restored(ids)
            assert not set(lacking.tolist()) & visible
            index = index.with_rows(lacking, ROWS[lacking // 3])
            visible |= set(ids.tolist())
        else:
            index = index.built()
        assert len(index) == len(visible)
    keep = np.isin(IDS, sorted(visible))
    np.testing.assert_array_equal(index.ids(), IDS[keep])
    np.testing.assert_array_equal(index.vectors(IDS[keep]), ROWS[keep])
    if visible:
        true = reference(IDS[keep], ROWS[keep], ROWS[:5], 3)
        np.testing.assert_array_equal(index.search(ROWS[:5], 3).ids[:, : true.shape[1]], true)


def test_ids_that_never_were_are_named_in_order() -> None:
    index = VectorIndex.create(16)
    index = index.with_rows(IDS, ROWS)
    assert index.restored(np.array([500, 3, 4, 4]))[1].tolist() == [4, 500]


def test_the_newer_row_of_an_id_comes_back() -> None:
    index = VectorIndex.create(16)
    index = index.with_rows(IDS, ROWS)
    index = index.built()
    index = index.without(IDS[:1])
    index = index.with_rows(IDS[:1], ROWS[1:2])
    index = index.without(IDS[:1])
    index, lacking = index.restored(IDS[:1])
    assert not len(lacking)
    np.testing.assert_array_equal(index.vectors(IDS[:1]), ROWS[1:2])
    assert len(index) == len(IDS)


def test_an_index_that_dropped_rows_reads_those_that_came_back_from_the_segments(
    tmp_path: Path,
) -> None:
    with CollectionStore.create(tmp_path / "c", FINGERPRINT) as made:
        made.commit(Batch(images(range(6)), files(range(6))))
        made.commit(Batch(images(range(6, 12)), files(range(6, 12))))
        index_files, state = made.index_files("cls@2"), made.state
    loaded = LoadedIndex(VectorIndex.create(DIM), frozenset(), 0)
    hidden: set[int] = set()
    place = str(tmp_path / "c" / "segments")
    none = np.empty(0, np.int64)
    gone = np.array([2, 5, 9], np.int64)

    def bring(seq: int, deleted: np.ndarray, revived: np.ndarray) -> list[int]:
        nonlocal loaded
        hidden.difference_update(revived.tolist())
        hidden.update(deleted.tolist())
        changes = Visibility(deleted, revived, lambda *_: np.array(sorted(hidden), np.int64))
        loaded = caught_up(loaded, index_files, place, state.segments, seq, changes)
        return [int(image_id) for image_id in loaded.index.ids()]

    everything = list(range(1, 13))
    assert bring(3, gone, none) == [i for i in everything if i not in gone]
    loaded = replace(loaded, index=loaded.index.built())
    assert bring(4, gone[:1], gone) == [i for i in everything if i != 2], "deleted once more"
    assert bring(5, none, gone[:1]) == everything
    for image_id in everything:  # ids count from 1, numbers from 0
        found = loaded.index.search(vector(image_id - 1, "cls@2")[None], 1)
        assert found.ids[0, 0] == image_id


def test_a_file_that_lacks_many_rows_that_came_back_is_worth_replacing(tmp_path: Path) -> None:
    index_files = IndexFiles(str(tmp_path), "cls@2", DIM, "d", "i")
    index = VectorIndex.create(DIM)
    index = index.with_rows(
        np.arange(1, 3, dtype=np.int64), np.stack([vector(n, "cls@2") for n in range(2)])
    )
    index_files.save(LoadedIndex(index, frozenset(["a"]), 7))
    segments = [Segment("a", 5000, 1, "", 1, 5000)]
    assert not index_files.worth_saving(5000, segments, lambda _: 0)
    assert index_files.worth_saving(5000, segments, lambda _: 0, lambda _: 4998)
    later = [*segments, Segment("b", 4998, 1, "", 3, 4999)]
    assert index_files.worth_saving(5000, later, lambda _: 0), "whatever its ids are"
