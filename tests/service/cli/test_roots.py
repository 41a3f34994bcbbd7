"""Folders over time, as a user meets them: disks that are away, options, labels, removals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail

Paint = Callable[..., Path]
ROOT = Path(__file__).parents[3]


def labels(vitrail: Vitrail, label: str, query: Path) -> list[str]:
    return vitrail("search", query, "--k", 99, "--where", f"label = '{label}'").names


def test_a_lost_mount_removes_nothing_and_says_how_to_say_yes(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    many.rename(many.with_name("away"))
    many.mkdir()
    told = vitrail.fails(
        *("index", many, "--quiet"),
        code=1,
        says=["24 of", "holds nothing", str(many), "--accept-removals"],
    )
    assert ".png" in told, "an example is named"
    assert vitrail("info", "--json").json["images"] == 24

    accepted = vitrail("index", many, "--accept-removals")
    assert accepted.code == 0
    assert "24 gone" in accepted.err
    waiting = vitrail("info", "--json").json
    assert waiting["images"] == 0
    assert waiting["waiting"]["images"] == 24
    assert "24 kept for 30 days" in vitrail("info").out

    many.rmdir()
    many.with_name("away").rename(many)
    back = vitrail("index", many)
    assert "0 new, 24 came back" in back.err
    assert vitrail("info", "--json").json["images"] == 24


def test_a_renamed_folder_is_no_loss(vitrail: Vitrail, many: Path) -> None:
    vitrail.index(many)
    for name in "abc":
        (many / name).rename(many / f"new-{name}")
    done = vitrail("index", many)
    assert done.code == 0
    assert "24 files in" in done.err
    assert "0 new, 24 moved, 0 rejected, 0 unchanged, 0 gone\n" in done.err
    for name in "abc":
        (many / f"new-{name}").rename(many / name)
    shutil.copy(many / "a" / "0.png", many / "a" / "copy.png")
    copied = vitrail("index", many)
    assert "0 new, 24 moved, 1 copy, 0 rejected, 0 unchanged, 0 gone\n" in copied.err


def test_options_are_remembered_shown_and_changed(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, "--label-from", "parent", "--exclude", "blue*", "--max-pixels", 5000)
    (root,) = vitrail("info", "--json").json["roots"]
    assert root["path"] == str(folder)
    assert root["options"]["label_from"] == "parent"
    assert root["options"]["exclude"] == ["blue*"]
    assert root["options"]["max_pixels"] == 5000
    assert "--exclude 'blue*'" in vitrail("info").out

    (folder / "warm").rename(folder / "hot")
    vitrail("index", folder)
    red = folder / "hot" / "red.png"
    assert sorted(labels(vitrail, "hot", red)) == ["crimson.png", "red.png"]
    assert vitrail("info", "--json").json["images"] == 4

    vitrail("index", folder, "--exclude", "")
    assert vitrail("info", "--json").json["images"] == 5
    vitrail("index", folder, "--label-from", "none")
    assert labels(vitrail, "hot", red) == []
    assert vitrail("info", "--json").json["roots"][0]["options"] == {
        "label_from": "none",
        "exclude": [],
        "max_pixels": 5000,
    }


def test_labels_are_set_without_reading_the_files(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    monkeypatch.setattr(
        "vitrail.indexer.indexing.decoding.read_file", lambda path: pytest.fail(f"opened {path}")
    )
    done = vitrail("index", folder, "--label-from", "parent")
    assert done.code == 0, done
    assert "5 relabelled" in done.err
    assert len(labels(vitrail, "cold", folder / "warm" / "red.png")) == 3


def test_a_hit_has_the_label_of_the_path_shown(vitrail: Vitrail, folder: Path) -> None:
    (folder / "aside").mkdir()
    shutil.copy(folder / "warm" / "red.png", folder / "aside" / "red.png")
    vitrail.index(folder / "aside")
    vitrail("index", folder / "warm", "--label-from", "parent")
    (hit,) = vitrail("search", folder / "warm" / "red.png", "--k", 1, "--json").json["hits"]
    assert os.path.basename(os.path.dirname(hit["metadata"]["path"])) == "aside"
    assert hit["metadata"]["label"] is None


def test_all_known_folders_are_indexed_when_none_is_named(
    vitrail: Vitrail, folder: Path, paint: Paint
) -> None:
    vitrail.index(folder / "warm")
    vitrail("index", folder / "cold", "--label-from", "parent")
    paint("warm/pink.png", (255, 100, 120))
    paint("cold/cyan.png", (0, 200, 255))
    done = vitrail("index")
    assert done.code == 0, done
    assert "2 new" in done.err
    assert "cyan.png" in labels(vitrail, "cold", folder / "warm" / "red.png")

    (folder / "warm").rename(folder / "away")
    there = vitrail("index")
    assert there.code == 0
    assert str(folder / "warm") in there.err
    assert vitrail("info", "--json").json["images"] == 7


def test_no_folder_at_all_is_refused_with_the_remedy(vitrail: Vitrail, folder: Path) -> None:
    vitrail.fails("index", code=2, says=["name a folder"])
    vitrail.index(folder / "warm" / "red.png")
    vitrail.fails("index", code=2, says=["name a folder"])


def test_what_is_excluded_leaves_and_comes_back(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder)
    done = vitrail("index", folder, "--exclude", "warm/**")
    assert done.code == 0
    assert "2 excluded" in done.err
    assert sorted(vitrail("search", folder / "warm" / "red.png").names) == [
        "blue.png",
        "green.png",
        "navy.png",
    ]
    again = vitrail("index", folder)
    assert "0 gone\n" in again.err
    back = vitrail("index", folder, "--exclude", "")
    assert "0 new, 2 came back" in back.err
    only = vitrail("index", folder, "--include", "r*.png")
    assert "4 excluded" in only.err
    assert vitrail("search", folder / "warm" / "red.png").names == ["red.png"]


def test_files_of_other_kinds_are_counted(vitrail: Vitrail, folder: Path) -> None:
    for name in ("a.CR2", "b.cr2", "warm/c.svg", ".hidden.svg", "warm/notes"):
        (folder / name).write_bytes(b"x")
    done = vitrail.index(folder)
    assert "4 files of other kinds (2 .cr2, 1 .svg, 1 without extension)" in done.err
    told = vitrail("index", folder, "--json").json
    assert told["other_kinds"] == {".cr2": 2, ".svg": 1, "": 1}
    assert told["unchanged"] == 5


def test_a_link_that_dangles_is_told_once(vitrail: Vitrail, folder: Path) -> None:
    outside = folder.parent / "outside.png"
    shutil.copy(folder / "warm" / "red.png", outside)
    Image.new("RGB", (16, 16), (9, 200, 99)).save(outside)
    (folder / "link.png").symlink_to(outside)
    vitrail.index(folder)
    outside.unlink()
    first, second = vitrail("index", folder), vitrail("index", folder)
    assert "1 gone" in first.err
    for word in ("gone", "link.png", "not readable"):
        assert word not in second.err.replace("0 gone", ""), second.err


def test_changed_bytes_under_the_same_size_and_time_are_found_when_asked(
    vitrail: Vitrail, folder: Path
) -> None:
    red = folder / "warm" / "red.ppm"
    red.write_bytes(b"P6 2 2 255\n" + b"\xff\x00\x00" * 4)
    vitrail.index(folder)
    times = red.stat()
    red.write_bytes(b"P6 2 2 255\n" + b"\x00\x00\xf0" * 4)
    os.utime(red, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "0 new" in vitrail("index", folder).err
    done = vitrail("index", folder, "--rehash")
    assert "1 new" in done.err
    assert "copies" not in done.err
    assert "0 new" in vitrail("index", folder, "--rehash").err


def _run(words: list[str], home: Path, gate: Path, **environment: str) -> str:
    gate.touch()
    ours = {
        "VITRAIL_COLLECTION": str(home),
        "COLOURS_DELAY": "0",
        "COLOURS_MARK": str(gate),
        "COLOURS_GATE": str(gate),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.service.colours", *words],
        cwd=ROOT,
        env={**os.environ, **ours, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locales")
def test_paths_are_the_same_in_every_locale(tmp_path: Path) -> None:
    pictures = os.fsencode(tmp_path / "pictures")
    rng = np.random.default_rng(3)
    for name in ("caf\u00e9".encode(), b"caf\xe9", b"plain"):
        os.makedirs(os.path.join(pictures, name))
        pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(os.fsdecode(os.path.join(pictures, name, b"\xc3\xa4.png")))
    words = ["index", str(tmp_path / "pictures"), "--checkpoint", CHECKPOINT]
    words += ["--label-from", "parent"]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    utf8 = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    home, gate = tmp_path / "home", tmp_path / "gate"
    assert "3 new" in _run(words, home, gate, **plain)
    for environment in (utf8, plain):
        told = _run(words, home, gate, **environment)
        assert "0 new, 0 rejected, 3 unchanged, 0 gone" in told
        assert "relabelled" not in told
    # Changed, moved and gone files are matched with what the other locale wrote.
    source = os.path.join(pictures, "caf\u00e9".encode())
    os.rename(source, os.path.join(pictures, "th\u00e9".encode()))
    assert "0 new, 1 moved" in _run(words, home, gate, **utf8)
    listed = _run(["info", "--json"], home, gate, **plain)
    assert '"files": 3' in listed
    assert "0 new, 0 rejected, 3 unchanged, 0 gone" in _run(words, home, gate, **plain)
