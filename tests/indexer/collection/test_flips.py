"""One flipped bit in any file of a collection: the right answer, or an error that tells it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.indexer.collection.holdings import FINGERPRINT, SPACES, content, files, images, vector
from vitrail.indexer.catalog import private_copy
from vitrail.indexer.catalog.catalog import Catalog
from vitrail.indexer.collection.losses import Losses
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, DamagedError
from vitrail.indexer.records import Batch
from vitrail.indexer.vectors import index_layout

COUNT = 40
KINDS = {
    "segment": "segments/*.parquet",
    "index": "indexes/*.index",
    "catalog": "catalog.duckdb",
    "snapshot": "snapshots/*/*",
    "journal": "journal/*",
    "mark": "vitrail.json",
}


def gladly(losses: Losses) -> bool:
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the images in saved indexes, the rest only in segments; an annotation, a removal."""
    place = tmp_path_factory.mktemp("flips") / "c"
    table = place.with_name("own.csv")
    table.write_text("path,species\n/pictures/5.jpg,owl\n")
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch(images(range(COUNT // 2)), files(range(COUNT // 2))))
        made.annotate(str(table))
        made.remove([3])
        made.copy_tables()
    with CollectionStore.open(place, writable=True) as made:
        rest = range(COUNT // 2, COUNT)
        made.commit(Batch(images(rest), files(rest)))
    return place


def answers(place: Path) -> list[object]:
    """What a reader is told, with what it notes where that is not all from the files themselves."""
    with CollectionStore.open(place) as reader:
        ids = reader.allowed_ids("true")
        rows: list[object] = [ids.tolist(), reader.allowed_ids("species = 'owl'").tolist()]
        for space, _ in SPACES:
            index = reader.index(space)
            queries = np.stack([vector(n, space) for n in (0, 7, COUNT - 1)])
            found = index.search(queries, 5)
            rows += [found.ids.tolist(), found.scores.tolist(), index.vectors(ids).tobytes()]
        rows.append([row["content_hash"] for row in reader.metadata(ids.tolist())])
        return rows


def choose(data: bytes, rng: np.random.Generator) -> int:
    """An offset: every other one in a vector, if there are any: all else tells itself sooner."""
    space, dim = SPACES[rng.integers(len(SPACES))]
    at = data.find(vector(int(rng.integers(COUNT)), space).tobytes())
    if at >= 0 and rng.integers(2):
        return at + int(rng.integers(4 * dim))
    return int(rng.integers(len(data)))


def flips(place: Path, kind: str, count: int, seed: int) -> Iterator[None]:
    """Flip one bit after another in files of a kind, each put right again."""
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in place.glob(KINDS[kind]) if path.stat().st_size)
    for _ in range(count):
        path = paths[rng.integers(len(paths))]
        data = path.read_bytes()
        flipped = bytearray(data)
        flipped[choose(data, rng)] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        yield
        path.write_bytes(data)


def check(whole: Path, folder: Path, kind: str, count: int, seed: int) -> int:
    """How many of the flips were told to the reader."""
    expected, place = answers(whole), folder / "c"
    shutil.copytree(whole, place)
    told = 0
    for _ in flips(place, kind, count, seed):
        try:
            assert answers(place) == expected
        except CollectionError:
            told += 1
    return told


@pytest.mark.parametrize("large", [False, True], ids=["read", "mapped"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_flip_is_answered_silently(
    whole: Path, tmp_path: Path, kind: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(index_layout, "_LARGE", 0)
    told = check(whole, tmp_path, kind, 8 if kind == "catalog" else 15, seed=1)
    assert (told > 0) == (kind in ("segment", "catalog")), "the rest is a cache, or not read"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_flip_of_many_is_answered_silently(
    whole: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(whole, tmp_path / "read", kind, 300, seed=2)
    monkeypatch.setattr(index_layout, "_LARGE", 0)
    check(whole, tmp_path / "mapped", kind, 300, seed=3)


@pytest.mark.parametrize("kind", ["segment", "index", "catalog"])
def test_a_flip_that_verify_finds_is_mended_and_one_that_it_does_not_harms_nothing(
    whole: Path, tmp_path: Path, kind: str
) -> None:
    expected = answers(whole)
    for number in range(4):
        place = tmp_path / str(number)
        shutil.copytree(whole, place)
        for _ in flips(place, kind, 1, seed=number):
            if verify(place).clean:
                assert answers(place) == expected
                continue
            done = repair(place, accept=gladly)
            assert done.report is not None
            assert done.report.clean, done.report.damage
            if kind == "segment":
                with CollectionStore.open(place, writable=True) as writer:
                    assert done.reopen
                    writer.commit(Batch(images(range(COUNT)), files(range(COUNT))))
                    assert writer.content_hashes() >= {content(n) for n in range(COUNT)} - {
                        content(2)
                    }
                    assert len(writer.allowed_ids("species = 'owl'")) == 1
            else:
                assert not done.reopen
                assert answers(place) == expected
            break  # repaired: nothing is to be put back


def rebuild(place: Path) -> tuple[list[object], list[object]]:
    """What is answered once a lost catalog is back, and whether anything was said about it."""
    asked: list[Losses] = []

    def accept(losses: Losses) -> bool:
        asked.append(losses)
        return True

    (place / "catalog.duckdb").unlink()
    try:
        done = repair(place, accept=accept)
    except CollectionError as error:
        return [], [error]
    expected = ["catalog.duckdb: the catalog is missing", "catalog.duckdb: rebuilt from"]
    # Indexes belong to a catalog, and are made anew with it.
    lines = [line for line in done.actions if "before its catalog was rebuilt" not in line]
    told = [*asked, *(line for line in lines if not line.startswith(tuple(expected)))]
    return ([] if told else answers(place)), told


@pytest.mark.parametrize("kind", ["snapshot", "journal", "mark"])
def test_a_lost_catalog_comes_back_as_it_was_or_says_what_does_not(
    whole: Path, tmp_path: Path, kind: str
) -> None:
    _lose(whole, tmp_path, kind, 4, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["snapshot", "journal", "mark"])
def test_many_lost_catalogs_come_back_as_they_were(whole: Path, tmp_path: Path, kind: str) -> None:
    _lose(whole, tmp_path, kind, 100, seed=6)


def _lose(whole: Path, folder: Path, kind: str, count: int, seed: int) -> None:
    expected, damaged = answers(whole), folder / "damaged"
    shutil.copytree(whole, damaged)
    for number, _ in enumerate(flips(damaged, kind, count, seed)):
        place = folder / str(number)
        shutil.copytree(damaged, place)
        found, told = rebuild(place)
        assert told or found == expected
        shutil.rmtree(place)


@pytest.mark.parametrize("count", [3, pytest.param(12, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["snapshot", "journal", "mark"])
def test_damaged_copies_are_found_and_made_anew_without_asking(
    whole: Path, tmp_path: Path, kind: str, count: int
) -> None:
    expected, place = answers(whole), tmp_path / "c"
    shutil.copytree(whole, place)
    found = 0
    for _ in flips(place, kind, count, seed=7):
        report = verify(place)
        if report.clean:
            continue
        found += 1
        assert {finding.part for finding in report.damage} == {"copy"}
        mended = tmp_path / "mended"
        shutil.copytree(place, mended)
        done = repair(mended)
        assert done.report is not None
        assert done.report.clean, done.report.damage
        assert rebuild(mended) == (expected, [])
        shutil.rmtree(mended)
    assert found


def test_a_damaged_catalog_is_never_said_to_be_in_use(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever keeps the error of a failed reading does not keep the file open with it."""
    monkeypatch.setattr(Catalog.__init__, "__kwdefaults__", {"patience": 0.1})
    place, kept = tmp_path / "c", []
    shutil.copytree(whole, place)
    data = (place / "catalog.duckdb").read_bytes()
    for large in (False, True):
        monkeypatch.setattr(private_copy, "IN_MEMORY", 0 if large else 32 << 20)
        for offset in range(300_000, len(data), 250_000):
            flipped = bytearray(data)
            flipped[offset] ^= 1
            (place / "catalog.duckdb").write_bytes(flipped)
            try:
                answers(place)
            except CollectionError as error:
                kept.append(error)
            try:
                with CollectionStore.open(place, writable=True) as writer:
                    writer.commit(Batch(images([offset]), files([offset])))
            except CollectionError as error:
                kept.append(error)
            shutil.rmtree(place)
            shutil.copytree(whole, place)
    assert {type(error) for error in kept} == {DamagedError}, kept


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("count", [10, pytest.param(400, marks=pytest.mark.slow)])
def test_a_fresh_process_is_told_of_damage_or_of_nothing(whole: Path, count: int) -> None:
    command = [sys.executable, "-m", "tests.indexer.collection.flip_worker"]
    done = subprocess.run(
        [*command, str(whole), str(count), "11"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == count, done.stderr
    told = [line.split()[1] for line in lines]
    assert set(told) <= {"ok", "DamagedError:"}, lines
    assert "DamagedError:" in told
