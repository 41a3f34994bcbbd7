"""That FAISS's indexes are saved, copied and put in order without being there twice over."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexer.vectors.vector_sets import clustered
from vitrail.indexer.vectors import faiss_memory, graph
from vitrail.indexer.vectors.faiss_memory import permute, read_copy, reserve, write_pieces
from vitrail.indexer.vectors.index import VectorIndex
from vitrail.indexer.vectors.index_file import read_index_file
from vitrail.indexer.vectors.policy import IndexPolicy

SIZE, DIM = 5000, 32
ROWS = clustered(SIZE + 500, DIM)
IDS = np.arange(SIZE, dtype=np.int64)
POLICY = IndexPolicy(exact_floats=0, cold_floats=0, samples=20)


@pytest.fixture(scope="module")
def index() -> VectorIndex:
    return VectorIndex.create(DIM, policy=POLICY).with_rows(IDS, ROWS[:SIZE]).built()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(faiss_memory, "_PIECE", 1 << 12)
    return 1 << 12


def made(rows: int = SIZE) -> Any:
    own = graph.NeighbourGraph.empty(ROWS)
    own.append(ROWS[:rows])
    return own._index


def serialised(index: Any) -> bytes:
    pieces: list[bytes] = []
    write_pieces(index, pieces.append)
    assert max(map(len, pieces)) <= faiss_memory._PIECE
    return b"".join(pieces)


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_index_is_saved_without_its_graph_and_lists_being_twice_in_memory(
    index: VectorIndex, tmp_path: Path, small_pieces: int
) -> None:
    index.save(tmp_path / "warm", {})  # what a first time loads counts for nothing
    peak = peak_of(lambda: index.save(tmp_path / "index", {}))
    sections = read_index_file(tmp_path / "index").sections
    assert min(sections["graph"].length, sections["lists"].length) > 30 * small_pieces
    assert peak < sections["lists"].length
    read_index_file(tmp_path / "index").verify()


@pytest.mark.usefixtures("small_pieces")
def test_pieces_are_what_faiss_serialises_and_reads() -> None:
    import faiss

    own = made(900)
    data = np.frombuffer(serialised(own), np.uint8)
    np.testing.assert_array_equal(data, faiss.serialize_index(own))
    again: Any = read_copy(data)
    again.add(np.zeros((1, DIM), np.float32))  # of its own memory: FAISS ends the process otherwise
    assert (again.ntotal, own.ntotal) == (901, 900)


def test_a_graph_that_is_built_upon_is_not_read_as_a_whole(
    index: VectorIndex, tmp_path: Path, small_pieces: int
) -> None:
    index.save(tmp_path / "index", {})
    loaded, _ = VectorIndex.load(tmp_path / "index", policy=POLICY)
    loaded.warm()
    own = loaded._parts.graph
    assert own is not None
    assert peak_of(own.copied) < 20 * small_pieces
    more = own.copied()
    more.append(np.concatenate([ROWS[:SIZE], ROWS[SIZE:]]))
    assert (len(more), len(own)) == (SIZE + 500, SIZE)


def test_room_is_made_once_and_changes_nothing() -> None:
    import faiss

    own = made(900)
    calls: Any = faiss  # its stubs miss half of its calls
    before = serialised(own)
    reserve(own, SIZE)
    reserve(own, 10)
    assert serialised(own) == before
    codes = calls.downcast_index(own.storage).codes
    place = int(codes.data())
    own.add(np.rint(np.random.default_rng(0).normal(size=(SIZE - 900, DIM)) * 30))
    assert int(codes.data()) == place
    assert codes.size() == SIZE * DIM


@pytest.mark.parametrize("dim", [3, 64, 100])
def test_rows_are_put_in_order_as_faiss_does_it(dim: int) -> None:
    import faiss

    rows = clustered(700, dim)
    own = graph.NeighbourGraph.empty(rows)
    own.append(rows)
    theirs = faiss.clone_index(own._index)
    order = np.random.default_rng(0).permutation(700)
    permute(own._index, order)
    theirs.permute_entries(order)
    assert serialised(own._index) == serialised(theirs)


def test_a_disk_that_is_full_within_the_graph_leaves_the_old_file_and_no_other(
    index: VectorIndex, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "index"
    index.save(path, {"of": "before"})
    before = path.read_bytes()
    sections = read_index_file(path).sections
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name in ("lists", "graph"):
        for share in (0.0, 0.5, 0.999):
            limit = sections[name].offset + int(share * sections[name].length)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                with pytest.raises(OSError, match="File too large"):
                    index.save(path, {"of": "after"})
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert path.read_bytes() == before
            assert list(tmp_path.iterdir()) == [path]


_KILLED = """
import os, signal, sys
import numpy as np
from vitrail.indexer.vectors import faiss_memory, index_file
from vitrail.indexer.vectors.index import VectorIndex
faiss_memory._PIECE = 1 << 12
index, meta = VectorIndex.load(sys.argv[1])
index.warm()
written, left = index_file._write_pieces, int(sys.argv[2])
def dying(stream, name, give, *rest):
    def counted(write):
        def one(piece):
            global left
            left -= name == "graph"
            write(piece)
            if not left:
                stream.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        give(one)
    return written(stream, name, counted, *rest)
index_file._write_pieces = dying
index.save(sys.argv[1], {"of": "after"})
"""


@pytest.mark.parametrize("pieces", [1, 60])
def test_a_kill_while_the_graph_is_written_leaves_the_old_file(
    index: VectorIndex, tmp_path: Path, pieces: int
) -> None:
    path = tmp_path / "index"
    index.save(path, {"of": "before"})
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path), str(pieces)], check=False)
    assert done.returncode == -9
    assert path.read_bytes() == before
    (part,) = (each for each in tmp_path.iterdir() if each != path)
    assert part.suffix == ".tmp"
    assert read_index_file(path).sections["graph"].offset < part.stat().st_size < len(before)
    assert VectorIndex.load(path, verify=True)[1] == {"of": "before"}
