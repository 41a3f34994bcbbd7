"""The graph beside inverted lists, forced by a policy at sizes where exact answers are quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexer.vectors.vector_sets import Ids, clustered, recall, reference
from vitrail.indexer.errors import CollectionError, DamagedIndexError
from vitrail.indexer.segments.segment_file import Segment
from vitrail.indexer.vectors import index_file, index_layout, parts_file
from vitrail.indexer.vectors.graph import NeighbourGraph
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.index_file import read_index_file
from vitrail.indexer.vectors.indexes import IndexFiles, LoadedIndex
from vitrail.indexer.vectors.plans import trials
from vitrail.indexer.vectors.policy import IndexPolicy

POLICY = IndexPolicy(exact_floats=0, cold_floats=0, gather_rows=150, samples=60)
SIZE, DIM = 6000, 32
IDS = np.arange(SIZE, dtype=np.int64) * 2 + 7
ROWS, QUERIES = np.split(clustered(SIZE + 60, DIM), [SIZE])


def built(ids: Ids, rows: np.ndarray) -> VectorIndex:
    return VectorIndex.create(rows.shape[1], policy=POLICY).with_rows(ids, rows).built()


def bytes_of(graph: NeighbourGraph) -> bytes:
    pieces: list[bytes] = []
    graph.write_to(pieces.append)
    return b"".join(pieces)


def graph_of(index: VectorIndex) -> NeighbourGraph:
    graph = index._parts.graph
    assert graph is not None
    return graph


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "index"
    built(IDS, ROWS).save(path, {"made": "once"})
    return path


@pytest.fixture
def index(saved: Path) -> VectorIndex:
    return VectorIndex.load(saved, policy=POLICY)[0]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_layout, "_LARGE", 0)


@pytest.mark.parametrize("dim", [3, 384])
@pytest.mark.parametrize("size", [1000, 3000])
def test_recall_reaches_what_was_asked_for(dim: int, size: int) -> None:
    rows = clustered(size + 50, dim, seed=dim)
    ids = np.arange(size, dtype=np.int64)
    index = built(ids, rows[:size])
    assert index.kind.endswith(" and HNSW16,SQ8_direct_signed")
    found = index.search(rows[size:], 10)
    assert recall(found.ids, reference(ids, rows[:size], rows[size:], 10)) >= 0.95
    assert 0.98 <= found.recall <= 1
    assert found.scanned < 50 * 150


@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("wanted", [0.7, 0.9, 0.97])
def test_the_recall_that_is_told_is_that_of_what_was_asked(
    index: VectorIndex, k: int, wanted: float
) -> None:
    found = index.search(QUERIES, k, recall=wanted)
    assert wanted <= found.recall < 1
    true = recall(found.ids, reference(IDS, ROWS, QUERIES, k))
    assert true >= found.recall - 0.12, "60 queries of a sample"


def test_scores_are_exact_and_fall(index: VectorIndex) -> None:
    found = index.search(QUERIES, 10)
    rows = index.vectors(found.ids.ravel()).reshape(len(QUERIES), 10, DIM)
    np.testing.assert_allclose(found.scores, np.einsum("qd,qkd->qk", QUERIES, rows), atol=2e-6)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_what_is_looked_up_to_measure_is_not_met_by_its_own_links() -> None:
    # Each row has a twin beside it, and else only strangers: links lead to it, or nothing does.
    graph = NeighbourGraph.empty(ROWS)
    graph.append(ROWS)
    out = np.zeros(SIZE, bool)
    out[np.random.default_rng(0).choice(SIZE, 60, replace=False)] = True
    before = bytes_of(graph)
    with graph._unlinked(out):
        found = graph._near(ROWS[out], 64, 64, alone=True)
        assert np.isin(found, np.flatnonzero(out)).sum() <= 1, "but for where a search begins"
    assert bytes_of(graph) == before
    np.testing.assert_array_equal(
        graph._near(ROWS[out], 64, 64, alone=True)[:, 0], np.flatnonzero(out)
    )


def test_nodes_stand_for_the_same_rows_wherever_they_lie() -> None:
    graph = NeighbourGraph.empty(ROWS)
    graph.append(ROWS[:900])
    graph.append(ROWS)
    assert sorted(graph.places.tolist()) == list(range(SIZE))
    before = graph._near(QUERIES, 20, 200, alone=True)
    order = np.random.default_rng(1).permutation(SIZE)
    graph.lay_out(order)
    np.testing.assert_array_equal(graph.places, order)
    found = graph._near(QUERIES, 20, 200, alone=True)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(before, axis=1))
    exact = reference(np.arange(SIZE, dtype=np.int64), ROWS, QUERIES, 10)
    assert recall(found, exact) > 0.99


def test_bytes_are_the_nearest_to_the_numbers_of_a_row() -> None:
    graph = NeighbourGraph.empty(ROWS)
    graph.append(ROWS)
    stored = graph._index.storage.reconstruct_n(0, SIZE)
    np.testing.assert_array_equal(stored, np.rint(graph._turned(ROWS[graph.places])))


@pytest.mark.parametrize("dim", [8, 24, 100, 191, 192, 384, 768])
def test_turning_keeps_products(dim: int) -> None:
    rows = clustered(500, dim)
    graph = NeighbourGraph.empty(rows)
    turned = graph._turned(rows[:20])
    scale = np.linalg.norm(graph.turn[0, 0])
    unturned = np.abs(turned) < 127  # others are cut off
    kept = unturned.all(axis=1)
    assert kept.any()
    products = (turned @ turned.T)[kept][:, kept] / scale**2
    np.testing.assert_allclose(products, (rows[:20] @ rows[:20].T)[kept][:, kept], atol=1e-4)


def test_measured_is_what_a_graph_without_the_rows_finds() -> None:
    looked_up = trials(ROWS, 400)
    whole = NeighbourGraph.empty(ROWS)
    whole.append(ROWS)
    whole.measure(looked_up)
    queries, truth = looked_up.each[10]
    others = looked_up.others.places
    without = NeighbourGraph.empty(ROWS)
    without.append(ROWS[others])
    found = others[without._near(queries, without._spare(10), 45, alone=True)]
    assert recall(found, np.stack(truth)) == pytest.approx(dict(whole.curves[10])[45], abs=0.02)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_a_random_filter_keeps_recall(index: VectorIndex, share: float, k: int) -> None:
    allowed = IDS[np.random.default_rng(3).random(SIZE) < share]
    found = index.search(QUERIES, k, allowed=allowed)
    assert np.isin(found.ids, allowed).all()
    assert (found.ids >= 0).all()
    keep = np.isin(IDS, allowed)
    assert recall(found.ids, reference(allowed, ROWS[keep], QUERIES, k)) >= 0.95


def test_a_filter_that_allows_nothing_finds_nothing(index: VectorIndex) -> None:
    for allowed in (np.empty(0, np.int64), np.array([1, 3], np.int64)):
        found = index.search(QUERIES, 3, allowed=allowed)
        assert found.exact
        assert (found.ids == -1).all()


def test_more_than_there_are_gives_all(index: VectorIndex) -> None:
    tail = np.arange(5, dtype=np.int64) + 10**6
    index = index.with_rows(tail, QUERIES[:5])
    found = index.search(QUERIES[:2], SIZE + 5)
    assert found.exact
    assert sorted(found.ids[0]) == sorted([*IDS.tolist(), *tail.tolist()])
    few = index.without(IDS[4:]).search(QUERIES[:2], 9)
    assert sorted(few.ids[0]) == sorted([*IDS[:4].tolist(), *tail.tolist()])


def test_a_filter_of_what_is_near_is_answered_as_well(index: VectorIndex) -> None:
    near = np.sort(IDS[np.argsort(-(ROWS @ QUERIES[0]))[:2000]])
    found = index.search(QUERIES[:1], 10, allowed=near)
    assert recall(found.ids, reference(IDS, ROWS, QUERIES[:1], 10)) >= 0.9


def test_a_filter_far_from_the_query_is_left_to_the_lists(index: VectorIndex) -> None:
    far = np.argsort(ROWS @ QUERIES[0])[:2000]
    allowed = np.sort(IDS[far])
    found = index.search(QUERIES[:1], 10, allowed=allowed)
    true = reference(allowed, ROWS[np.isin(IDS, allowed)], QUERIES[:1], 10)
    assert recall(found.ids, true) >= min(0.9, found.recall)
    assert found.scanned > 150, "lists were read, or all was"


def test_hidden_rows_never_show_though_neighbours_do(index: VectorIndex, tmp_path: Path) -> None:
    before = index.search(QUERIES, 10)
    index = index.without(before.ids[:, :5].ravel())
    index.save(tmp_path / "index", {})
    for one in (index, VectorIndex.load(tmp_path / "index", policy=POLICY)[0]):
        after = one.search(QUERIES, 10)
        keep = ~np.isin(IDS, before.ids[:, :5])
        assert np.isin(after.ids, IDS[keep]).all()
        assert recall(after.ids, reference(IDS[keep], ROWS[keep], QUERIES, 10)) >= 0.95


def test_growing_keeps_the_graph_and_a_deletion_makes_another(
    index: VectorIndex, saved: Path
) -> None:
    before = saved.read_bytes()
    new = clustered(500, DIM, seed=9)
    ids = np.arange(500, dtype=np.int64) + 10**6
    grown = index.with_rows(ids, new).built()
    assert len(graph_of(grown)) == SIZE + 500
    assert len(graph_of(index)) == SIZE, "which others search"
    assert (grown.search(new, 1).ids[:, 0] == ids).mean() >= 0.97
    np.testing.assert_array_equal(graph_of(grown).turn, graph_of(index).turn)
    shrunk = grown.without(IDS[:3000]).built()
    assert len(graph_of(shrunk)) == 3500
    assert not np.isin(shrunk.search(ROWS[:100], 5).ids, IDS[:3000]).any()
    assert saved.read_bytes() == before, "what is mapped is never added to"


def test_rows_cannot_be_added_to_what_is_mapped(index: VectorIndex) -> None:
    mapped = graph_of(index)
    more = np.concatenate([ROWS, QUERIES])
    with pytest.raises(RuntimeError, match="a copy of a graph"):
        mapped.append(more)
    assert len(mapped) == SIZE
    copied = mapped.copied()
    copied.append(more)
    assert len(copied) == SIZE + len(QUERIES)
    assert len(mapped) == SIZE


def test_a_policy_without_a_graph_makes_none_and_keeps_what_there_is(saved: Path) -> None:
    policy = IndexPolicy(exact_floats=0, cold_floats=0, graph=False)
    index = VectorIndex.create(DIM, policy=policy).with_rows(IDS, ROWS).built()
    assert "HNSW" not in index.kind
    assert "HNSW" in VectorIndex.load(saved, policy=policy)[0].built().kind


def test_an_index_of_an_earlier_make_gets_a_graph_at_its_next_build(tmp_path: Path) -> None:
    policy = IndexPolicy(exact_floats=0, cold_floats=0, graph=False)
    VectorIndex.create(DIM, policy=policy).with_rows(IDS, ROWS).built().save(tmp_path / "index", {})
    index, _ = VectorIndex.load(tmp_path / "index", policy=POLICY)
    assert "HNSW" not in index.kind
    assert len(graph_of(index.built())) == SIZE


def test_two_builds_of_the_same_rows_are_the_same(saved: Path) -> None:
    loaded, meta = VectorIndex.load(saved, verify=True, policy=POLICY)
    assert meta == {"made": "once"}
    again = graph_of(built(IDS, ROWS))
    assert bytes_of(again) == bytes_of(graph_of(loaded))
    assert again.curves == graph_of(loaded).curves


def test_it_is_loaded_once_so_many_queries_came_that_it_pays(saved: Path) -> None:
    index, _ = VectorIndex.load(saved, policy=POLICY)
    graph = graph_of(index)
    graph._awaited = 5
    for _ in range(5):
        index.search(QUERIES[:1], 3)
        assert not graph.loaded
    index.search(QUERIES[:1], 3)
    assert graph.loaded
    warm, _ = VectorIndex.load(saved, policy=POLICY)
    graph_of(warm)._awaited = 10**6
    warm.warm()
    assert graph_of(warm).loaded
    np.testing.assert_array_equal(warm.search(QUERIES, 9).ids, index.search(QUERIES, 9).ids)


def test_a_batch_answers_like_its_queries_one_by_one(index: VectorIndex) -> None:
    together = index.search(QUERIES, 5)
    alone = [index.search(query[None], 5).ids[0] for query in QUERIES]
    np.testing.assert_array_equal(together.ids, np.stack(alone))


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("at", [0.0, 0.3, 0.99])
def test_an_altered_graph_of_a_large_file_is_told_before_faiss_reads_it(
    saved: Path, tmp_path: Path, at: float
) -> None:
    section = read_index_file(saved).sections["graph"]
    whole = bytearray(saved.read_bytes())
    whole[section.offset + int(at * section.length)] ^= 1
    (tmp_path / "damaged").write_bytes(whole)
    with pytest.raises(DamagedIndexError, match="'graph' fails its checksum"):
        VectorIndex.load(tmp_path / "damaged", verify=True)
    index, _ = VectorIndex.load(tmp_path / "damaged", policy=POLICY)
    with pytest.raises(DamagedIndexError, match="'graph' fails its checksum"):
        index.search(QUERIES, 3)
    asked: list[CollectionError] = []

    def rescue(error: CollectionError, ids: Ids) -> VectorIndex:
        asked.append(error)
        return VectorIndex.create(DIM).with_rows(IDS, ROWS)

    index = index.rescued_by(rescue)
    np.testing.assert_array_equal(index.search(QUERIES, 3).ids, reference(IDS, ROWS, QUERIES, 3))
    assert len(asked) == 1


def test_a_graph_of_an_earlier_make_is_made_anew_by_the_next_build(
    saved: Path, tmp_path: Path
) -> None:
    index, meta = VectorIndex.load(saved, policy=POLICY)
    graph_of(index).turn = np.zeros((DIM, DIM), np.float32)
    index.save(tmp_path / "index", meta)
    found, _ = VectorIndex.load(tmp_path / "index", policy=POLICY)
    assert "HNSW" not in found.kind
    exact = reference(IDS, ROWS, QUERIES, 5)
    assert recall(found.search(QUERIES, 5).ids, exact) > 0.9, "by lists"
    assert "HNSW" in found.built().kind


def test_a_file_with_a_graph_of_an_earlier_make_is_worth_replacing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = IndexFiles(str(tmp_path), "cls@2", DIM, "d", "i")
    loaded = LoadedIndex(built(IDS, ROWS), frozenset(["a"]), 7)
    segments = [Segment("a", SIZE, 1, "", int(IDS[0]), int(IDS[-1]))]
    files.save(loaded)
    assert not files.worth_saving(SIZE, segments, lambda _: 0)
    write = index_file.write_index_file

    def as_before(path: str, header: Any, arrays: dict[str, Any], **rest: Any) -> None:
        turn = np.zeros((DIM, DIM), np.float32)
        others = {name: array for name, array in arrays.items() if name != "graph_places"}
        write(path, header, others | {"graph_turn": turn}, **rest)

    monkeypatch.setattr(parts_file, "write_index_file", as_before)
    files.save(loaded)
    assert files.worth_saving(SIZE, segments, lambda _: 0)
    assert "HNSW" not in files.load().index.kind


@pytest.mark.parametrize(
    "change", ["turn", "curves", "places", "flat turn", "twice", "beyond", "columns", "floats"]
)
def test_a_graph_that_does_not_fit_its_rows_is_damage(
    saved: Path, tmp_path: Path, change: str
) -> None:
    index, meta = VectorIndex.load(saved, policy=POLICY)
    graph = graph_of(index)
    if change == "turn":
        graph.turn = graph.turn[:, :-1]
    elif change == "flat turn":
        graph.turn = graph.turn.ravel()
    elif change == "places":
        graph.places = graph.places[:-1]
    elif change == "twice":
        graph.places = np.full_like(graph.places, 7)
    elif change == "beyond":
        graph.places = graph.places + 1
    elif change == "columns":
        graph.places = graph.places[:, None]
    elif change == "floats":
        graph.places = graph.places.astype(np.float32)
    else:
        graph.curves = {10: [(1,)]}  # type: ignore[list-item]
    index.save(tmp_path / "index", meta)
    with pytest.raises(DamagedIndexError, match="its parts disagree"):
        VectorIndex.load(tmp_path / "index")


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_whatever_is_added_hidden_and_filtered_is_found_as_is_told(data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    rows = clustered(1200, 24, seed)
    held = np.arange(800, dtype=np.int64)
    index = built(held, rows[:800])
    for step in data.draw(st.lists(st.sampled_from(["add", "hide", "build"]), max_size=4)):
        if step == "add" and held.max() < 1100:
            new = np.arange(held.max() + 1, held.max() + 1 + rng.integers(1, 60))
            index, held = index.with_rows(new, rows[new]), np.concatenate([held, new])
        elif step == "hide":
            gone = rng.choice(held, 40, replace=False)
            index, held = index.without(gone), np.setdiff1d(held, gone)
        elif step == "build":
            index = index.built()
    share = data.draw(st.sampled_from([None, 0.8, 0.3]))
    allowed = None if share is None else held[rng.random(len(held)) < share]
    within = held if allowed is None else allowed
    queries = rows[-50:]
    found = index.search(queries, 5, allowed=allowed)
    assert np.isin(found.ids, within).all()
    true = recall(found.ids, reference(within, rows[within], queries, 5))
    assert true >= found.recall - 0.1
    assert true == 1 or not found.exact
