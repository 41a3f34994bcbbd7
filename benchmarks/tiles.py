"""A processor with AMX that leaves its tiles unused, as one multiplies that has none.

    python -m benchmarks.tiles MODEL.xml

OpenVINO multiplies by oneDNN, which reads from a variable what it may use of the processor. Whether
it obeys is told by the kernels it has chosen for a model's convolutions, whose names hold the
instructions: what is above prints them as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine

VARIABLE = "ONEDNN_MAX_CPU_ISA"
MOST = "AVX512_CORE_BF16"
"""With VNNI for 8 bits and instructions for bf16, as processors have that came before tiles."""


def has_tiles() -> bool:
    """Whether this processor multiplies by tiles."""
    return bool(machine.flags() & {"amx_bf16", "amx_int8"})


@contextmanager
def tiles_unused() -> Iterator[None]:
    """Let processes that are started meanwhile leave the tiles unused."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = MOST
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def kernels_of(model: Path) -> list[str]:
    """The kernels of a model's convolutions, as a process of its own chooses them.

    Args:
        model: OpenVINO's ``model.xml``.

    Raises:
        CalledProcessError: the model could not be compiled.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.tiles", str(model)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _chosen(model: str) -> list[str]:
    import openvino

    from vitrail.indexer.encoders.openvino_compile import properties
    from vitrail.indexer.encoders.openvino_encoder import choose_hint

    core = openvino.Core()
    compiled = core.compile_model(model, "CPU", properties(choose_hint("auto", core)))
    told: list[Any] = [one.get_rt_info() for one in compiled.get_runtime_model().get_ops()]
    convolutions = (one for one in told if one["layerType"].astype(str) == "Convolution")
    return sorted({str(one["primitiveType"].astype(str)) for one in convolutions})


if __name__ == "__main__":
    print(json.dumps(_chosen(sys.argv[1])))
