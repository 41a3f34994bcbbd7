"""Exports measured on a processor that is told to leave its tiles unused."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from benchmarks import exports, tiles

RATE = {"runtime": "openvino", "per_second": 1.0, "memory": 1, "size": 1}


def convolution(folder: Path) -> Path:
    """A model that convolves pixels, and little else."""
    import openvino
    from openvino import opset13 as operations

    pixels = operations.parameter([-1, 32, 32, 3], np.uint8, name="pixels")
    planes = operations.transpose(operations.convert(pixels, "f32"), np.array([0, 3, 1, 2]))
    weights = np.random.default_rng(0).standard_normal((64, 3, 8, 8)).astype(np.float32)
    patches = operations.convolution(planes, weights, [8, 8], [0, 0], [0, 0], [1, 1])
    made = openvino.Model([patches], [pixels], "patches")
    openvino.save_model(made, folder / "model.xml")
    return folder / "model.xml"


def test_openvino_leaves_the_tiles_unused_where_it_is_told_so(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    model = convolution(tmp_path)
    named = any("amx" in one for one in tiles.kernels_of(model))
    assert named == tiles.has_tiles(), "the names of kernels tell"
    with tiles.tiles_unused():
        held = tiles.kernels_of(model)
    assert held
    assert not any("amx" in one for one in held)


def test_a_process_of_any_benchmark_reports_nothing_by_openvino() -> None:
    """Whose import of OpenVINO may come before anything of Vitrail's own."""
    code = "import sys, benchmarks; print(sys.modules.get('openvino_telemetry', 'free to report'))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"


@pytest.mark.parametrize("before", [None, "AVX2"])
def test_what_the_variable_was_it_is_again(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv(tiles.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(tiles.VARIABLE, before)
    with suppress(KeyboardInterrupt), tiles.tiles_unused():
        assert os.environ[tiles.VARIABLE] == tiles.MOST
        raise KeyboardInterrupt
    assert os.environ.get(tiles.VARIABLE) == before


def test_an_openvino_that_uses_tiles_all_the_same_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino-bf16").mkdir()
    (tmp_path / "openvino-bf16" / "model.xml").touch()
    monkeypatch.setattr(exports, "kernels_of", lambda _: ["brgconv_avx512_amx_bf16"])
    with pytest.raises(SystemExit, match="though it may use AVX512_CORE_BF16 alone"):
        exports.without_tiles(tmp_path)


def test_rates_without_tiles_are_told_beside_the_source_and_bf16_of_the_same_run() -> None:
    rates = {"source": 20.0, "openvino bf16": 16.0, "openvino int8": 40.0}
    rates["openvino fp32"] = 10.0
    held = {name: {**RATE, "per_cpu_second": rate} for name, rate in rates.items()}
    told = {"variable": "X=Y", "kernels": ["tiled"], "kernels_without": ["plain"], "rates": held}
    page = "\n".join(exports._unused({"without_tiles": told}))
    assert "| openvino int8 | 40.0 | 2.00 | 2.50 | 4.00 |" in page
    assert "`X=Y`" in page
    assert "plain in place of tiled" in page
    assert exports._unused({}) == []
