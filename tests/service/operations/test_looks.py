"""Looks of images are made once each; where no disk has room, again, and never other ones."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO, NamedTuple

import pytest

from tests.search.duplicates.drawing import draw
from tests.search.duplicates.test_packing import same
from vitrail.search.duplicates.looks import Look
from vitrail.service.operations import looks, spilled_looks
from vitrail.service.operations.looks import Looks, look_of

COUNT, HELD = 12, 3


class File(NamedTuple):
    """What is known of an image."""

    paths: tuple[str, ...]
    content_hash: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[File]:
    folder = tmp_path_factory.mktemp("files")
    made = []
    for number in range(COUNT):
        path = folder / f"{number}.png"
        draw(number, (120, 90)).save(path)
        made.append(File((str(path),), hashlib.sha256(path.read_bytes()).hexdigest()))
    return made


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(looks, "HELD", HELD)
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))


def counted(files: list[File]) -> tuple[Looks, Counter[int]]:
    """Looks of files, and how often each was read."""
    read: Counter[int] = Counter()

    def info(image_id: int) -> File:
        read[image_id] += 1
        return files[image_id]

    return Looks(info), read


def asked_twice(seen: Looks) -> list[Look]:
    """The look of each image, asked for anew when memory has long lost it."""
    seen.ahead(range(COUNT))
    first = [found for i in range(COUNT) if (found := seen.get(i)) is not None]
    seen.ahead([*range(COUNT)][::-1])
    again = [found for i in range(COUNT) if (found := seen.get(i)) is not None]
    assert len(seen.held) == HELD
    assert same(tuple(first), tuple(again))
    return again


def right(files: list[File], found: list[Look]) -> bool:
    return same(tuple(look_of(Path(each.paths[0]).read_bytes()) for each in files), tuple(found))


def test_each_image_is_read_once(files: list[File], tmp_path: Path) -> None:
    seen, read = counted(files)
    assert right(files, asked_twice(seen))
    assert read == Counter(range(COUNT))
    assert not [*(tmp_path / "cache").iterdir()], "what would be left by a process that is killed"


def test_an_image_that_is_looked_at_closer_beside_others_is_read_once(files: list[File]) -> None:
    seen, read = counted(files)
    for other in range(1, COUNT):
        for image_id in (0, other):
            assert seen.detailed(image_id) is not None
    assert read == Counter(range(COUNT))
    assert len(seen.larger) < COUNT


def _full(_folder: Path) -> SimpleNamespace:
    return SimpleNamespace(free=0)


def _nearly_full(_folder: Path) -> SimpleNamespace:
    return SimpleNamespace(free=500_000)


@pytest.mark.parametrize("usage", [_full, _nearly_full])
def test_where_a_disk_has_no_room_they_are_read_again(
    files: list[File], monkeypatch: pytest.MonkeyPatch, usage: Callable[[Path], SimpleNamespace]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", usage)
    seen, read = counted(files)
    assert right(files, asked_twice(seen))
    assert max(read.values()) > 1
    assert (min(read.values()) == 1) is (usage is _nearly_full), "some have room, and stay"


def test_and_where_it_fills_up_meanwhile(
    files: list[File], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, read = counted(files)
    seen.ahead(range(6))
    assert seen.spilled._file is not None
    file: IO[bytes] = seen.spilled._file  # what fills up

    class Full:
        """A file on a disk that takes no more."""

        seek, read, close = file.seek, file.read, file.close

        def write(self, data: bytes) -> int:
            if read.total() % 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return file.write(data[:1000])

    monkeypatch.setattr(seen.spilled, "_file", Full())
    assert right(files, asked_twice(seen))
    assert read[0] == 1
    assert read[11] > 1


def test_and_where_there_is_no_folder_that_may_be_written_to(
    files: list[File], tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    seen, read = counted(files)
    assert right(files, asked_twice(seen))
    assert min(read.values()) > 1


def test_there_is_an_end_to_the_file(files: list[File], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled_looks, "MOST", 300_000)
    seen, read = counted(files)
    assert right(files, asked_twice(seen))
    assert min(read.values()) == 1 < max(read.values()), "some have room"
