"""Runs that go on: engines in processes of their own, results that join earlier ones."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import machine

_BUILT = "built.json"
_T = TypeVar("_T")

Result = dict[str, Any]
"""What was measured of one engine at one size: ``engine``, ``size``, ``dim``, and what else."""


def in_process(work: Callable[..., _T], *arguments: Any) -> _T:
    """What ``work`` gives in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def is_built(place: Path) -> bool:
    """Whether a whole index lies in a folder; if not, the folder is empty from now on."""
    if (place / _BUILT).exists():
        return True
    shutil.rmtree(place, ignore_errors=True)  # what an interrupted run left
    place.mkdir(parents=True)
    return False


def build(make: Callable[[], object], place: Path) -> None:
    """Time what builds an index in a folder, and note the time there."""
    started, used = time.perf_counter(), time.process_time()
    make()
    took = {
        "build_seconds": time.perf_counter() - started,
        "build_cpu_seconds": time.process_time() - used,
    }
    (place / _BUILT).write_text(json.dumps(took))


def build_times(place: Path) -> dict[str, float]:
    """``build_seconds`` of the clock, and ``build_cpu_seconds`` of the processor."""
    took: dict[str, float] = json.loads((place / _BUILT).read_text())
    return took


def measure(
    named: Result,
    place: str,
    kept: Path | None,
    make: Callable[[Path], None],
    ask: Callable[[Path], dict[str, Any]],
    program: str,
) -> Result:
    """Build, or take what was built, and ask; each in a process of its own.

    Args:
        named: ``engine``, ``size`` and ``dim``.
        place: the name of the index's folder.
        kept: where indexes are kept; ``None`` if they are not.
        make: calls ``build`` with a folder.
        ask: what is measured by the index in a folder.
        program: the module that was called.
    """
    label = "{engine} {size:,} x {dim}".format(**named)
    with tempfile.TemporaryDirectory(prefix="vitrail-benchmark-") as scratch:
        folder = Path(kept or scratch) / place
        if not is_built(folder):
            print(f"{label}: building", flush=True)
            in_process(make, folder)
        print(f"{label}: timing", flush=True)
        answered = in_process(ask, folder)
        took = build_times(folder)
    about = machine.describe(machine.command_line(program))
    return {**named, **took, **answered, "machine": about}


def index_bytes(place: Path) -> int:
    """How large an index is on disk."""
    files = (file for file in place.rglob("*") if file.is_file() and file.name != _BUILT)
    return sum(file.stat().st_size for file in files)


def why_not(engine: Callable[[], object]) -> str | None:
    """Why an engine cannot be made; None if it can."""
    try:
        engine()
    except ImportError as error:
        return f"{error}; the extra bench has it"
    return None


def earlier(file: Path, about: dict[str, Any]) -> dict[str, Any]:
    """What the results hold already, measured by the same ``about``.

    Raises:
        SystemExit: what they hold was measured otherwise, and would be lost.
    """
    content: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if not content.get("results"):
        return {**about, "results": [], "left_out": {}}
    if why := _unlike(content, about):
        raise SystemExit(
            f"{file} holds results that these cannot join: {why}; write to another folder by "
            "--results, or delete the file if they are of no use any more"
        )
    return content


def _unlike(content: dict[str, Any], about: dict[str, Any]) -> str:
    """In what results were measured otherwise; empty if in nothing."""
    if not all("machine" in one for one in content["results"]):
        return "they are of an earlier form"
    return ", ".join(
        f"{name} is {content.get(name, 'not told')} there and {value} here"
        for name, value in about.items()
        if content.get(name) != value
    )


def merged(results: Sequence[Result], new: Result, engines: Sequence[str]) -> list[Result]:
    """The results and one more, in the place of an older one of the same; engines in order."""
    others = [one for one in results if key(one) != key(new)]
    return sorted([*others, new], key=lambda one: (*key(one)[:2], engines.index(one["engine"])))


def key(result: Result) -> tuple[int, int, str]:
    """What a result is of."""
    return result["dim"], result["size"], result["engine"]
