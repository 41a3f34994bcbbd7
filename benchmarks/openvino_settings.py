"""Which OpenVINO settings embed fastest: batch size, streams, hint, fixed or free batch dimension.

    python -m benchmarks.openvino_settings --repeats 5

All settings are compiled first and then take turns, two passes of each a turn; medians. With
several streams as many requests are in flight at once.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import openvino

from benchmarks import machine, report
from benchmarks.checkpoints import VIT_BASE, checkpoint_folder
from vitrail.indexer.encoders.checkpoints import find_checkpoint
from vitrail.indexer.encoders.openvino_encoder import choose_hint
from vitrail.indexer.encoders.torch_encoder import build_tower


@dataclass(frozen=True, slots=True)
class Setting:
    """One way of compiling and calling."""

    batch: int
    hint: str = "LATENCY"
    streams: int = 1
    fixed: bool = False

    def describe(self) -> str:
        kind = "fixed" if self.fixed else "free"
        return f"batch {self.batch} {kind}, {self.hint}, {self.streams} streams"


SETTINGS = (
    *(Setting(batch) for batch in (1, 4, 8, 16, 32)),
    *(Setting(batch, fixed=True) for batch in (8, 32)),
    Setting(8, hint="THROUGHPUT", streams=2),
    Setting(16, hint="THROUGHPUT", streams=2),
    Setting(1, hint="THROUGHPUT", streams=2),
)


class Runner:
    """A compiled setting with its requests and their inputs."""

    def __init__(self, core: Any, model: Any, side: int, setting: Setting, precision: str) -> None:
        model = model.clone()
        if setting.fixed:
            model.reshape([setting.batch, side, side, 3])
        options = {
            "PERFORMANCE_HINT": setting.hint,
            "NUM_STREAMS": str(setting.streams),
            "INFERENCE_PRECISION_HINT": precision,
        }
        compiled = core.compile_model(model, "CPU", options)
        self._requests = [compiled.create_infer_request() for _ in range(setting.streams)]
        shape = (setting.batch, side, side, 3)
        self._pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self.rate()

    def rate(self, passes: int = 2) -> float:
        """Pictures a second over some passes of every request."""
        started = time.perf_counter()
        for _ in range(passes):
            for request in self._requests:
                request.start_async([self._pixels])
            for request in self._requests:
                request.wait()
        seconds = time.perf_counter() - started
        return passes * len(self._requests) * len(self._pixels) / seconds


def convert(folder: Path) -> tuple[Any, int]:
    """The encoder's graph with a free batch dimension, and the side of its input."""
    import torch

    checkpoint = find_checkpoint(str(folder))
    tower = build_tower(checkpoint, checkpoint.select(), classify=False)
    side = checkpoint.image_size
    example = torch.zeros((1, side, side, 3), dtype=torch.uint8)
    shape = openvino.PartialShape([-1, side, side, 3])
    with torch.inference_mode():
        return openvino.convert_model(tower, example_input=example, input=[shape]), side


def main() -> None:
    parser = argparse.ArgumentParser(description="OpenVINO settings; see the module's text")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", default=VIT_BASE)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    core = openvino.Core()
    precision = choose_hint("auto", core)
    model, side = convert(checkpoint_folder(options.model))
    runners = {setting: Runner(core, model, side, setting, precision) for setting in SETTINGS}
    rates: dict[Setting, list[float]] = {setting: [] for setting in SETTINGS}
    print("measuring", flush=True)
    for _ in range(options.repeats):
        for setting, runner in runners.items():
            rates[setting].append(runner.rate())
    print("measured", flush=True)
    found = {setting.describe(): median(values) for setting, values in rates.items()}
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.openvino_settings")),
        "model": options.model,
        "precision": precision,
        "images_per_second": found,
    }
    best = max(found.values())
    rows = [[name, f"{rate:.2f}", f"{rate / best:.2f}"] for name, rate in found.items()]
    page = [
        report.heading("OpenVINO settings", content["machine"]),
        f"{options.model} in {precision}, {options.repeats} interleaved repeats, medians.\n",
        report.table(["", "images/s", "of the best"], rows),
        "",
    ]
    report.write("openvino_settings", content, "\n".join(page), options.results)


if __name__ == "__main__":
    main()
