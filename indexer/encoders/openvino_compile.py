"""Compile, try, export: ``python -m vitrail.indexer.encoders.openvino_compile XML BLOB HINT``.

Runs in a process of its own, because OpenVINO has crashed while compiling on some processors.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import openvino

from vitrail.indexer.errors import CacheError
from vitrail.indexer.files.cache import write_atomically

NO_ROOM = 73
"""Exit status where the blob cannot be stored or memory is short: no fault of OpenVINO's."""


def properties(hint: str) -> dict[str, str]:
    """How every encoder is compiled; ``hint`` is f32, bf16 or f16."""
    return {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}


def compile_model(source: str, target: Path, hint: str) -> None:
    """Compile an IR, export it, import it again, and check that both give the same vectors."""
    core = openvino.Core()
    compiled = core.compile_model(source, "CPU", properties(hint))
    shape = compiled.input(0).partial_shape
    side = shape[1].get_length()
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    first = [np.array(value) for value in compiled(pixels).values()]
    data = compiled.export_model()
    blob = data if isinstance(data, bytes) else data.getvalue()
    again = [
        np.array(value)
        for value in core.import_model(blob, "CPU", properties(hint))(pixels).values()
    ]
    for one, other in zip(first, again, strict=True):
        if not np.all(np.isfinite(one)) or not np.allclose(one, other, atol=1e-3):
            raise SystemExit("the compiled model gives other values after its export")
    write_atomically(target, blob)


def main(source: str, target: str, hint: str) -> None:
    """``compile_model`` as a process of its own, which tells want of room by its exit status."""
    try:
        compile_model(source, Path(target), hint)
    except (CacheError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "bad_alloc" not in str(error):
            raise
        print(str(error) or "out of memory", file=sys.stderr)
        sys.exit(NO_ROOM)


if __name__ == "__main__":
    main(*sys.argv[1:4])
