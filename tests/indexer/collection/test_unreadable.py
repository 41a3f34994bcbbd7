"""Every kind of file, every way of not being readable now: nothing is moved, nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.indexer.collection.holdings import FINGERPRINT, files, images
from tests.indexer.collection.refusals import build_library, refusing
from vitrail.indexer.catalog import catalog as catalogs
from vitrail.indexer.collection.losses import Losses
from vitrail.indexer.collection.repairs import repair
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.collection.verification import verify
from vitrail.indexer.errors import CollectionError, UnreadableError
from vitrail.indexer.records import Batch

ROOT = Path(__file__).parents[3]
ERRNOS = [
    errno.EACCES,
    errno.EIO,
    errno.EMFILE,
    errno.ENOMEM,
    errno.ESTALE,
    errno.EAGAIN,
]
# What a path holds of each kind of file, and whether a repair needs to read it.
KINDS = {
    "catalog": "/c/catalog.duckdb",
    "segment": ".parquet",
    "segments": "/c/segments",
    "index": "/c/indexes/cls@2",
    "indexes": "/c/indexes",
    "manifest": "manifest.json",
    "snapshot": "annotations.parquet",
    "journal": "/c/journal",
    "mark": "vitrail.json",
}
COPIES = (
    "segment",
    "segments",
    "manifest",
    "snapshot",
    "journal",
)  # what a rebuilt catalog comes from


def in_turn(kinds: Sequence[str]) -> list[Any]:
    """Each kind with each error, of which bad sectors and another one by turns are quick.

    What an error means is told in one place, and what is done about it where each kind is read: so
    all of them come up, and all pairs where the long tests run. DuckDB tells errors in its own way.
    """
    others = [code for code in ERRNOS if code != errno.EIO]
    return [
        pytest.param(
            kind,
            code,
            id=f"{kind}-{errno.errorcode[code]}",
            marks=[] if kind == "catalog" or code in (errno.EIO, other) else pytest.mark.slow,
        )
        for kind, other in zip(kinds, cycle(others), strict=False)
        for code in ERRNOS
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two segments, an annotation, a removal, a snapshot and indexes."""
    place = tmp_path_factory.mktemp("unreadable") / "c"
    table = place.with_name("own.csv")
    table.write_text("path,species\n/pictures/5.jpg,owl\n")
    with CollectionStore.create(place, FINGERPRINT) as made:
        made.commit(Batch(images(range(6)), files(range(6))))
        made.commit(Batch(images(range(6, 12)), files(range(6, 12))))
        made.annotate(str(table))
        made.copy_tables()
        made.copy_tables()
        made.remove([3])
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "c"))


def holdings(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def gladly(losses: Losses) -> bool:
    return True


def damage_catalog(place: Path) -> None:
    catalog = place / "catalog.duckdb"
    data = bytearray(catalog.read_bytes())
    data[4096 * 3 : 4096 * 200 : 511] = b"\xff" * len(data[4096 * 3 : 4096 * 200 : 511])
    catalog.write_bytes(data)


@pytest.mark.parametrize(("kind", "code"), in_turn([*KINDS]))
def test_what_cannot_be_read_now_is_told_and_never_touched(
    place: Path, kind: str, code: int
) -> None:
    before = holdings(place)
    with refusing(KINDS[kind], code):
        report = verify(place)
        assert not report.damage
        assert report.unreadable
        assert os.strerror(code) in report.unreadable[0].problem
        with suppress(UnreadableError):
            assert repair(place, accept=gladly).report == report
    assert holdings(place) == before
    assert verify(place).clean


@pytest.mark.parametrize(("kind", "code"), in_turn(COPIES))
def test_a_damaged_catalog_waits_until_all_it_comes_from_can_be_read(
    place: Path, kind: str, code: int
) -> None:
    damage_catalog(place)
    before = holdings(place)
    with refusing(KINDS[kind], code), pytest.raises(UnreadableError, match=os.strerror(code)):
        repair(place, accept=gladly)
    assert holdings(place) == before
    assert repair(place).report is not None
    with CollectionStore.open(place) as opened:
        assert opened.allowed_ids("species = 'owl'").tolist() == [6]
        assert 3 not in opened.allowed_ids("true")


@pytest.mark.parametrize("leave", ["empty", "nothing"])
@pytest.mark.parametrize("catalog_too", [False, True])
def test_an_unmounted_segments_folder_is_no_loss_unless_somebody_says_so(
    place: Path, leave: str, catalog_too: bool
) -> None:
    away = place.with_name("away")
    (place / "segments").rename(away)
    if leave == "empty":
        (place / "segments").mkdir()
    if catalog_too:
        (place / "catalog.duckdb").unlink()
    else:
        report = verify(place)
        assert not report.damage
        assert [finding.file for finding in report.unreadable] == ["segments"]
    before = holdings(place)
    with pytest.raises(UnreadableError, match="mount its disk"):
        repair(place, accept=gladly)
    if not catalog_too:
        with pytest.raises(UnreadableError, match="mount its disk"):
            CollectionStore.open(place, writable=True)
    assert holdings(place) == before
    with pytest.raises(CollectionError, match="11 images"):
        repair(place, segments_lost=True)
    assert holdings(place) == before
    done = repair(place, accept=gladly, segments_lost=True)
    assert len(done.reopen) == 11
    assert done.report is not None
    assert done.report.clean, done.report.findings


def test_what_a_damaged_segment_takes_with_it_is_told_before(place: Path, tmp_path: Path) -> None:
    asked: list[Losses] = []

    def refuse(losses: Losses) -> bool:
        asked.append(losses)
        return False

    first = sorted((place / "segments").iterdir())[0]
    data = bytearray(first.read_bytes())
    data[500] ^= 1
    first.write_bytes(data)
    with pytest.raises(CollectionError, match="nothing was changed"):
        repair(place, accept=refuse)
    [losses] = asked
    assert [name for name, _ in losses.files] == [first.name]
    # Image 3 was removed, and is not lost a second time.
    assert losses.images == tuple(f"/pictures/{n}.jpg" for n in (0, 1, 3, 4, 5))
    assert losses.lost == losses.images, "none of them is on disk"
    assert losses.annotated == 1
    assert losses.knowledge == ()


_HOLDER = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE OR REPLACE TEMP TABLE t AS SELECT 1")
print("held", flush=True)
time.sleep(600)
"""


def test_a_catalog_that_another_program_holds_is_no_damage(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogs.Catalog.__init__, "__kwdefaults__", {"patience": 0.1})
    path = str(place / "catalog.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, path], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            report = verify(place)
            assert not report.damage
            assert "was in use" in report.unreadable[0].problem
            with pytest.raises(UnreadableError, match="close the program that holds it"):
                repair(place, accept=gladly)
        finally:
            holder.kill()
    assert verify(place).clean
    assert not list(place.glob("*.damaged-*"))


@pytest.fixture
def open_place(place: Path) -> Iterator[Path]:
    """A copy of the collection in a folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copytree(place, Path(folder) / "c"))


_AS_NOBODY = """
import os, sys
from vitrail.indexer.collection.verification import verify
verify(sys.argv[1])  # all is imported then, from where others may not read
os.setgroups([]); os.setgid(65534); os.setuid(65534)
report = verify(sys.argv[1])
print(len(report.damage), *(finding.file for finding in report.unreadable))
"""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs root to become another")
@pytest.mark.parametrize("name", ["catalog.duckdb", "segments", "indexes"])
def test_files_of_another_user_are_no_damage(open_place: Path, name: str) -> None:
    place = open_place
    chosen = place / name
    own = [chosen] if chosen.is_file() else sorted(p for p in chosen.iterdir() if p.is_file())
    for path in own:
        path.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(place)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count, *unreadable = done.stdout.split()
    assert count == "0"
    assert set(unreadable) == {path.name for path in own}


_COMMAND = "import sys; from vitrail.service.cli import main; main()"


def _run(place: Path, library: Path, part: str, call: str, code: int, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {
            "LD_PRELOAD": str(library),
            "REFUSE_PATH": part,
            "REFUSE_CALL": call,
            "REFUSE_ERRNO": str(code),
            "VITRAIL_COLLECTION": str(place),
        },
    )
    assert done.returncode in (0, 1), done
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("call", ["open", "read"])
@pytest.mark.parametrize("kind", ["catalog", "segment"])
def test_a_whole_process_that_is_refused_a_file(
    place: Path, tmp_path: Path, kind: str, call: str
) -> None:
    _refuse_all(place, tmp_path, {kind: KINDS[kind]}, call, [errno.EIO])


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("call", ["open", "read"])
def test_whole_processes_that_are_refused_every_kind_of_file(
    place: Path, tmp_path: Path, call: str, damaged: bool
) -> None:
    if damaged:
        damage_catalog(place)
    kinds = {kind: KINDS[kind] for kind in (COPIES if damaged else KINDS)}
    _refuse_all(place, tmp_path, kinds, call, ERRNOS)


def _refuse_all(
    place: Path, folder: Path, kinds: dict[str, str], call: str, codes: list[int]
) -> None:
    library = build_library(folder)
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    before = holdings(place)
    for kind, part in kinds.items():
        part = "/c/segments/" if kind == "segment" else part  # and not Python's own files
        for code in codes:
            told = _run(place, library, part, call, code, "verify", "--repair", "--yes")
            assert holdings(place) == before, (kind, code, told)
            if kind in COPIES[:2] or kind == "catalog":
                assert os.strerror(code) in told, (kind, code, told)
