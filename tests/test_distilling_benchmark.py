"""What the benchmark of students tells: shares with bounds, runs that join, photographs by kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.distilling_page import distilling_page, joined, share_kept
from benchmarks.stamps import KINDS, SMALLEST, unpack_stamps


def test_a_student_that_is_its_teacher_keeps_all_for_certain() -> None:
    theirs = np.array([1.0, 0.0, 1.0, 1.0, np.nan])
    assert share_kept(theirs, theirs) == [1.0, 1.0, 1.0]


def test_a_share_is_of_means_and_leaves_out_what_tells_nothing() -> None:
    theirs = np.array([1.0, 0.5, np.nan, 0.5])
    ours = np.array([0.5, 0.5, 1.0, 0.5])
    share, low, high = share_kept(ours, theirs)
    assert share == pytest.approx(0.75)
    assert low == pytest.approx(0.5)  # the first image alone, drawn three times
    assert high == pytest.approx(1.0)


def test_bounds_hold_the_true_share_in_most_sets() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        theirs = (rng.random(80) < 0.8).astype(np.float64)
        # of what the teacher finds the student loses one in eight, and it finds nothing else
        ours = theirs * (rng.random(80) < 0.875)
        _, low, high = share_kept(ours, theirs)
        held += low <= 0.875 <= high
    assert held >= 52


def _run(name: str, seed: int = 0) -> dict[str, Any]:
    who = {"copies": 0.9, "speed": 9.0}
    measured = {
        "teacher": 0.8,
        "student": 0.72,
        "untaught": 0.6,
        "share": [0.9, 0.81, 0.99],
        "difference": [-0.08, -0.15, -0.01],
    }
    return {
        "machine": {
            "command": f"python -m benchmarks.distilling --run {name}",
            "processor": "one",
            "cores": 1,
            "instruction_sets": ["avx2"],
            "memory_gb": 8,
            "system": "Linux",
            "python": "3.11",
            "packages": {"numpy": "2"},
        },
        "seed": seed,
        "other_half": bool(seed),
        "precision": "bf16",
        "run": {
            "folder": name,
            "spaces": {"teacher": "gem@9", "student": "gem@4"},
            "images": {"training": 405, "validation": 22, "held_out": 23},
            "steps": 38,
            "retrieval": {
                "teacher": {**who, "parameters": 16_000_000},
                "student": {**who, "parameters": 8_000_000},
            },
        },
        "sets": {
            "stamps": {
                "images": 210,
                "kinds": 12,
                "retrieval": {"1-NN of the same kind": measured},
                "neighbours": {"student": 0.7, "untaught": 0.6},
            }
        },
        "speed": [10.0, 22.5],
    }


def test_a_run_stands_beside_earlier_ones_and_takes_the_place_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "distilling.json"
    assert [one["seed"] for one in joined(path, _run("a"))] == [0]
    path.write_text(json.dumps({"runs": [_run("a"), _run("b")]}), "utf-8")
    runs = joined(path, _run("a", seed=5))
    assert [(one["run"]["folder"], one["seed"]) for one in runs] == [("b", 0), ("a", 5)]
    path.write_text(json.dumps({"machine": {}, "run": {}}), "utf-8")  # of an earlier version
    assert len(joined(path, _run("a"))) == 1


def test_the_page_tells_shares_with_bounds_and_how_much_faster_it_should_be() -> None:
    page = distilling_page([_run("a"), _run("b", seed=1)])
    assert "as much faster as it is smaller would be 2.00 times. It is 2.25 times as fast" in page
    assert "| 1-NN of the same kind | 0.800 | 0.720 | 90% (81% to 99%) |" in page
    assert (
        page.index("## a")
        < page.index("the first half of the photographs among")
        < page.index("## b")
    )
    assert page.index("## b") < page.index("the other half of the photographs among them")
    assert "Several runs measured it" in page


def _stamp(path: Path, side: int = SMALLEST) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (side, side // 2), (200, 10, 10, 128)).save(path)


def test_the_page_tells_of_thinner_mlps_and_of_coarse_steps_where_there_are_any() -> None:
    plain = distilling_page([_run("one")])
    assert "MLPs" not in plain
    assert "half the side" not in plain
    page = distilling_page([_run("one"), {**_run("two"), "mlp_ratio": 2, "coarse": 0.8}])
    assert "cut out of it, its MLPs 2 times as wide as its tokens, on" in page
    assert "80% of them at half the side" in page
    assert "chosen among four by trials" in page


def test_stamps_are_photographs_by_kind_and_no_drawings_nor_the_same_again(tmp_path: Path) -> None:
    root = tmp_path / "package" / "usr" / "share" / "tuxpaint" / "stamps"
    for below in KINDS:
        _stamp(root / below / f"{Path(below).name}.png")
    _stamp(root / "animals" / "mammals" / "cats" / "lion.png")
    for drawn in ("mammals/cats/cartoon/cat.png", "mammals/toys/bear.png", "mammals/hedgehog.png"):
        _stamp(root / "animals" / drawn)
    _stamp(root / "vehicles" / "car_mirror.png")
    _stamp(root / "sports" / "ball.png")
    (root / "sports" / "ball.svg").write_text("<svg/>")
    _stamp(root / "food" / "fruit" / "small.png", SMALLEST - 1)
    written = unpack_stamps(tmp_path / "package", tmp_path / "made")
    assert all(path.exists() for path in written)
    names = {f"{path.parent.name}/{path.name}" for path in written}
    expected = {f"{kind}/{Path(below).name}.png" for below, kind in KINDS.items()}
    assert names == {*expected, "mammals/lion.png"}


def test_a_package_that_is_not_there_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="apt-get download tuxpaint-stamps-default"):
        unpack_stamps(tmp_path, tmp_path / "made")
