"""Reading bytes from whatever a path names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vitrail.indexer.errors import ImageRejectedError
from vitrail.indexer.images.files import read_unchanged
from vitrail.indexer.images.opening import open_image, read_file


def test_read_file_gives_bytes_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    content = read_file(path)
    assert content.data == b"abc"
    assert (content.size, content.mtime_ns) == (3, path.stat().st_mtime_ns)
    assert content.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_first_file_that_still_has_its_bytes_is_read(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("gone", "changed", "first", "second")]
    for path, data in zip(paths[1:], (b"other", b"abc", b"abc"), strict=True):
        Path(path).write_bytes(data)
    wanted = read_file(paths[3])
    os.utime(paths[2], ns=(1, 1))
    found = read_unchanged(paths, wanted.sha256)
    assert found is not None
    assert (found.data, found.mtime_ns) == (b"abc", 1)
    assert read_unchanged(paths[:2], wanted.sha256) is None


@pytest.mark.parametrize(
    ("make", "reason"), [("fifo", "not-a-file"), ("folder", "not-a-file"), ("none", "missing")]
)
def test_read_file_refuses(make: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    with pytest.raises(ImageRejectedError) as caught:
        read_file(path)
    assert caught.value.reason == reason


def test_read_file_limits_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"12345")
    with pytest.raises(ImageRejectedError, match="limit of 4"):
        read_file(tmp_path / "x.jpg", max_bytes=4)


def test_read_file_notices_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(b"12345")
    real = os.read

    def growing(descriptor: int, count: int) -> bytes:
        data = real(descriptor, count)
        with path.open("ab") as file:
            file.write(b"6")
        return data

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(ImageRejectedError) as caught:
        read_file(path)
    assert caught.value.reason == "changing"


def test_a_file_the_system_refuses_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "denied")

    (tmp_path / "x.jpg").write_bytes(b"12345")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImageRejectedError, match="Permission denied") as caught:
        open_image(tmp_path / "x.jpg")
    assert caught.value.reason == "unreadable"
