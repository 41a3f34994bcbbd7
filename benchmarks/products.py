"""The machine's matrix-multiply limit: the best rate of torch and OpenVINO on large matrices.

``python -m benchmarks.products`` prints one figure, or reads words like ``benchmarks.contenders``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import machine

# A square one, and the two shapes that a ViT-B's MLP has over a batch of 32.
SHAPES = ((2048, 2048, 2048), (6304, 768, 3072), (6304, 3072, 768))


class Products:
    """Prepared products in one precision (``f32`` or ``bf16``)."""

    def __init__(self, precision: str) -> None:
        self._runs = [
            (2.0 * m * k * n, run)
            for m, k, n in SHAPES
            for run in (_torch(m, k, n, precision), _openvino(m, k, n, precision))
        ]
        for _, run in self._runs:
            run()

    def best(self, repeats: int = 3) -> float:
        """The highest rate in operations a second (two a multiply-add) of any shape and library."""
        return max(self._rate(work, run) for work, run in self._runs for _ in range(repeats))

    @staticmethod
    def _rate(work: float, run: Callable[[], Any]) -> float:
        started = time.perf_counter()
        run()
        return work / (time.perf_counter() - started)


def _torch(m: int, k: int, n: int, precision: str) -> Callable[[], Any]:
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.rand(m, k).to(dtype), torch.rand(k, n).to(dtype)
    result = torch.empty(m, n, dtype=dtype)
    return lambda: torch.mm(left, right, out=result)


def _openvino(m: int, k: int, n: int, precision: str) -> Callable[[], Any]:
    import openvino
    from openvino import opset13

    rng = np.random.default_rng(0)
    left = opset13.parameter([m, k], np.float32)
    right = opset13.constant(rng.random((k, n), np.float32))
    model = openvino.Model([opset13.matmul(left, right, False, False)], [left])
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    request = openvino.Core().compile_model(model, "CPU", hints).create_infer_request()
    request.set_input_tensor(openvino.Tensor(rng.random((m, k), np.float32)))
    return lambda: request.infer()


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    precision = "bf16" if machine.has_bf16() else "f32"
    products = Products(precision)
    print(json.dumps({"precision": precision}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps({"rate": products.best()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
