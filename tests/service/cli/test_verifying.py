"""``vitrail verify`` as people meet it, and the odd places and moments that it has to get over."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import Vitrail

ROOT = Path(__file__).parents[3]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def test_what_cannot_be_read_now_has_another_exit_code_than_damage(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder)
    (vitrail.home / "segments").rename(vitrail.home.with_name("away"))
    (vitrail.home / "segments").mkdir()
    told = vitrail("verify")
    assert told.code == 1
    assert "no sign of damage" in told.out
    assert "not all of it could be read" in told.out
    assert vitrail("verify", "--json").json["findings"][0]["kind"] == "unreadable"
    vitrail.fails("verify", "--repair", "--yes", code=1, says=["mount its disk", "--segments-lost"])
    refused = vitrail("verify", "--repair", "--segments-lost")
    assert refused.code == 1
    assert "Images that leave, until their folders are indexed again (5):" in refused.err
    (vitrail.home / "segments").rmdir()
    vitrail.home.with_name("away").rename(vitrail.home / "segments")
    assert vitrail("verify").code == 0
    vitrail.fails("verify", "--yes", code=2, says=["--repair"])


def test_a_damaged_index_is_answered_from_the_segments_with_a_note(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder)
    query = folder / "warm" / "red.png"
    expected = vitrail("search", query)
    assert "note:" not in expected.err
    [index] = vitrail.home.glob("indexes/*.index")
    flip(index)
    found = vitrail("search", query)
    assert found.out == expected.out
    assert f"note: {index.name} is unusable" in found.err
    mended = vitrail("verify", "--repair")
    assert mended.code == 0, "a cache is mended without asking"
    assert "note:" not in vitrail("search", query).err


def test_info_tells_when_the_checksums_of_an_index_are_compared(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder)
    assert "checksums compared at every load" in vitrail("info").out
    assert vitrail("info", "--json").json["spaces"]["mean@1"]["checks"] == "at load"


ODD = ["a*b", "a[b", "a[x]b", "a%20b", "it's", 'a"b', "a{x,y}", "a b#c;d", "~"]
REFUSED = ["what?", "?x=1", "line\\feed", b"caf\xe9"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ODD)
def test_a_collection_may_have_an_odd_name(
    vitrail: Vitrail, folder: Path, tmp_path: Path, name: str
) -> None:
    vitrail.index(folder / "cold")
    place = tmp_path / name / "c"
    vitrail.index(folder, "-c", place)
    assert len(vitrail("search", folder / "warm" / "red.png", "-c", place).names) == 5
    for path in (place / "indexes").iterdir():
        path.unlink()
    assert len(vitrail("search", folder / "warm" / "red.png", "-c", place).names) == 5
    for other in ("b", "aXb", "axb"):  # which a pattern of that name would find as well
        shutil.copytree(vitrail.home, tmp_path / other / "c")
    (place / "catalog.duckdb").unlink()
    done = vitrail("verify", "--repair", "-c", place)
    assert done.code == 0, done
    assert vitrail("info", "--json", "-c", place).json["files"] == 5
    assert vitrail("export", tmp_path / "x.parquet", "-c", place).code == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_the_database_would_take_for_another_is_refused(
    vitrail: Vitrail, folder: Path, tmp_path: Path, name: str | bytes
) -> None:
    place = tmp_path / os.fsdecode(name)
    for words in (["index", folder, "--checkpoint", "colours"], ["info"]):
        vitrail.fails(*words, "-c", place / "c", code=2, says=["cannot take"])
    vitrail.fails("verify", "-c", place / "c", code=1, says=["there is no collection"])
    made = vitrail.home
    vitrail.index(folder)
    made.rename(place)
    told = vitrail.fails("info", "-c", place, code=2, says=["cannot take", "rename this one"])
    assert "Traceback" not in told
    place.rename(made)
    assert vitrail("verify").code == 0


def test_a_full_disk_in_a_repair_is_one_line_and_loses_nothing(
    vitrail: Vitrail, folder: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = small_disk / "c"
    monkeypatch.setenv("VITRAIL_COLLECTION", str(place))
    vitrail.index(folder)
    for damaged in (place / "catalog.duckdb", next(place.glob("indexes/*.index"))):
        flip(damaged)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 4096))
    vitrail.fails("verify", "--repair", code=1, says=["disk full", "nothing committed is lost"])
    ballast.unlink()
    after = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert {p: d for p, d in after.items() if p.name != "lock"} == {
        p: d for p, d in before.items() if p.name != "lock"
    }
    assert vitrail("verify", "--repair").code == 0


_FEW = """
import os, resource, sys
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.records import Batch
from tests.indexer.collection.holdings import FINGERPRINT, files, images
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for spare, place in enumerate(sys.argv[1:]):
    writer = CollectionStore.open(place, writable=True)
    writer.commit(Batch(images([1]), files([1])))
    most = max(int(name) for name in os.listdir("/proc/self/fd")) + 1 + spare
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        writer.commit(Batch(images([2]), files([2])))
        print("fine")
    except (VitrailError, OSError) as error:
        print("refused", " ".join(str(error).split()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    writer.commit(Batch(images([3]), files([3])))
    writer.close()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux")
def test_a_commit_without_free_file_handles_is_refused_or_done(tmp_path: Path) -> None:
    from tests.indexer.collection.holdings import FINGERPRINT, content
    from vitrail.indexer.collection.store import CollectionStore
    from vitrail.indexer.collection.verification import verify

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0
    places = [tmp_path / str(spare) for spare in range(5)]
    for place in places:
        CollectionStore.create(place, FINGERPRINT).close()
    done = subprocess.run(
        [sys.executable, "-c", _FEW, *map(str, places)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for place, told in zip(places, done.stdout.splitlines(), strict=True):
        assert told == "fine" or "Too many open files" in told, told
        with CollectionStore.open(place) as reader:
            expected = {content(1), content(3)} | ({content(2)} if told == "fine" else set())
            assert reader.content_hashes() == expected
        assert verify(place).clean
