"""What a benchmark ran on: processor, instruction sets, memory and library versions."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    *("vitrail", "torch", "transformers", "openvino", "numpy", "pillow", "duckdb"),
    *("faiss-cpu", "hnswlib", "usearch", "voyager", "rabitqlib", "lancedb"),
)
# What decides the speed of a matrix multiplication on x86, weakest first.
_SETS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_bf16", "amx_int8"),
)


def describe(command: str) -> dict[str, Any]:
    """The machine as plain JSON types; ``command`` is how to run the benchmark again."""
    return {
        "command": command,
        "processor": _field("model name") or platform.processor(),
        "cores": cores(),
        "instruction_sets": [name for name in _SETS if name in flags()],
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def command_line(module: str) -> str:
    """The command that started this process, for a shell, with folders shortened to their names."""
    words = [word if not os.path.isabs(word) else Path(word).name for word in sys.argv[1:]]
    return shlex.join(["python", "-m", module, *words])


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def flags() -> frozenset[str]:
    """The processor's feature flags as Linux tells them; empty elsewhere."""
    return frozenset(_field("flags").split())


def has_bf16() -> bool:
    """Whether it multiplies bf16 itself; emulated bf16 is slower by hundreds of times."""
    return bool(flags() & {"avx512_bf16", "amx_bf16"})


def own_and_mapped() -> tuple[int, int]:
    """Resident bytes of this process: its own, and pages of files that it maps.

    The system may take the latter back. Where it does not tell them apart, all are its own.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return int(psutil.Process().memory_info().rss), 0
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    kilobytes = {name: int(size) for name, size in sizes.items()}
    return kilobytes["RssAnon"] * 1024, (kilobytes["RssFile"] + kilobytes["RssShmem"]) * 1024


def peak_memory() -> int:
    """Peak resident bytes of this process, plus those of its living children.

    Linux's own ``ru_maxrss`` would also count what the parent held when it started this process.
    """
    process = psutil.Process()
    return sum(_peak(one) for one in [process, *process.children(recursive=True)])


def _peak(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return int(process.memory_info().rss)
    except (OSError, psutil.Error):
        return 0


def _field(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return ""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
