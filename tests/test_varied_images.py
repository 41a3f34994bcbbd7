"""Images out of packages: which are taken, which parts of them, and that contents alone decide."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import varied
from benchmarks.varied import PACKAGES, SHORT, collect

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is Debian's")


def encoded(width: int, height: int, seed: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """Coloured blocks of 10 pixels, so that no image is flat and none is large on disk."""
    chance = np.random.default_rng(seed)
    blocks = chance.integers(0, 256, (-(-height // 10), -(-width // 10), len(mode)), dtype=np.uint8)
    pixels = blocks.repeat(10, axis=0).repeat(10, axis=1)[:height, :width]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    """A package of those files."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    control = "Package: one\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n"
    (root / "DEBIAN" / "control").write_text(control)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    deb = folder / "one_1_all.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(root), str(deb)]
    subprocess.run(command, check=True, capture_output=True)
    return deb


def names(*contents: bytes) -> set[str]:
    return {hashlib.sha256(data).hexdigest()[:16] for data in contents}


@needs_dpkg
def test_images_that_tell_something_are_taken_each_once(tmp_path: Path) -> None:
    good, clear, inner = (
        encoded(320, 300, 1),
        encoded(300, 400, 2, mode="RGBA"),
        encoded(310, 310, 3),
    )
    flat = io.BytesIO()
    Image.new("RGB", (4000, 3000), "red").save(flat, "BMP")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("maps/inner.png", inner)
        file.writestr("notes.txt", "x" * 9_000)
    files = {
        "usr/a/good.png": good,
        "usr/a/again.png": good,
        "usr/a/clear.png": clear,
        "usr/a/game.pk3": archive.getvalue(),
        "usr/a/flat.bmp": flat.getvalue(),
        "usr/a/small.png": encoded(99, 400, 4),
        "usr/a/strip.png": encoded(1300, 400, 5),
        "usr/a/wall_normal.png": encoded(400, 400, 6),
        "usr/a/broken.png": b"\x89PNG\r\n\x1a\n" + bytes(9_000),
    }
    deb = packed(tmp_path, files)
    written = collect(deb, tmp_path / "out", most=10)
    assert {path.stem for path in written} == names(good, clear, inner)
    assert {path.suffix for path in written if path.stem in names(clear)} == {".png"}
    for path in written:
        with Image.open(path) as image:
            assert min(image.size) == SHORT
    judged = {hashlib.sha256(clear).hexdigest()}
    left = collect(deb, tmp_path / "left", most=10, judged=judged)
    assert {path.stem for path in left} == names(good, inner)
    with pytest.raises(SystemExit, match="holds images already"):
        collect(deb, tmp_path / "left", most=10)
    few = collect(deb, tmp_path / "few", most=1)
    assert {path.stem for path in few} == {min(names(good, clear, inner))}


@needs_dpkg
def test_of_large_pictures_parts_are_taken_and_of_screenshots_none(tmp_path: Path) -> None:
    photograph, larger = encoded(900, 1000, 1, "JPEG"), encoded(1600, 1500, 2, "JPEG")
    screen, paper = encoded(1000, 900, 3), encoded(900, 900, 4)
    files = {
        "usr/a/photo.jpg": photograph,
        "usr/a/larger.jpg": larger,
        "usr/a/screenshot.png": screen,
        "usr/wallpapers/paper.png": paper,
    }
    written = collect(packed(tmp_path, files), tmp_path / "out", most=10)
    counts = {
        kind: sum(path.stem.startswith(f"{next(iter(names(data)))}-") for path in written)
        for kind, data in zip(files, files.values(), strict=True)
    }
    assert list(counts.values()) == [3, 5, 0, 3]


def test_no_package_is_judged_by_and_all_can_be_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["varied", "--list"])
    varied.main()
    listed = capsys.readouterr().out.split()
    assert listed == list(PACKAGES)
    assert len(listed) == 39
    assert not any("tuxpaint" in name or "gcompris" in name for name in listed)


def test_a_package_that_was_not_downloaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["varied", "--debs", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match=next(iter(PACKAGES))):
        varied.main()
