"""How fast an encoder runs and what memory it takes: ``python -m vitrail.indexer.export.trial``.

Runs in a process of its own, which has held nothing else. The one argument is JSON: the checkpoint,
its spaces, the runtime, and the seconds that are measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.errors import VitrailError
from vitrail.indexer.export.certificate import RunningCosts

BATCH = 8
SECONDS = 2.0
_PATIENCE = 600.0  # seconds, of a process that also compiles


def try_out(
    checkpoint: str, spaces: Sequence[str], size: int, runtime: str = "auto"
) -> RunningCosts | None:
    """How an encoder runs here; ``None`` where its process came to nothing.

    Args:
        checkpoint: as of ``EncoderSettings``.
        spaces: likewise.
        size: bytes of its weights on disk.
        runtime: as of ``EncoderSettings``.
    """
    told = json.dumps([checkpoint, list(spaces), runtime, SECONDS])
    command = [sys.executable, "-m", "vitrail.indexer.export.trial", told]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
        found = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return RunningCosts(size=size, **found)


def measured(settings: EncoderSettings, seconds: float) -> dict[str, object]:
    """Load an encoder, and embed noise in batches of eight for a while."""
    encoder = load_encoder(settings)
    side = encoder.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    encoder.encode(pixels)  # what is made when it is first needed
    wall, cpu, images = time.perf_counter(), time.process_time(), 0
    while not images or time.perf_counter() - wall < seconds:  # a busy machine may take them all
        encoder.encode(pixels)
        images += BATCH
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "runtime": encoder.runtime,
        "per_second": images / wall,
        "per_cpu_second": images / max(cpu, 1e-9),
        "memory": most_memory(),
    }


def most_memory() -> int:
    """Bytes that this process has held at most."""
    with suppress(OSError, StopIteration):  # Linux; what getrusage tells there began with a parent
        told = Path("/proc/self/status").read_text()
        line = next(line for line in told.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if os.name == "nt":
        import psutil

        return int(psutil.Process().memory_info().rss)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)


def main(told: str) -> None:
    """Print what was measured as JSON."""
    checkpoint, spaces, runtime, seconds = json.loads(told)
    settings = EncoderSettings(checkpoint, tuple(spaces), runtime=runtime)
    try:
        print(json.dumps(measured(settings, seconds)))
    except VitrailError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
