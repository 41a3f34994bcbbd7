"""What a user waits for every day: a run over unchanged files, one more picture, a cold query.

    python -m benchmarks.everyday --repeats 7 --large 100000 1000000

Every command runs in a fresh process, interpreter start included. This process stays small, because
Linux counts what it holds towards the peak memory of the processes it starts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine, report

_VITRAIL = (sys.executable, "-c", "from vitrail.service.cli import main; main()")
_IMPORT = (sys.executable, "-c", "import torch, transformers")
_FAISS = """import sys, faiss
index = faiss.read_index(sys.argv[1])
index.search(index.reconstruct(int(sys.argv[2]))[None], 10)"""
_SEARCHED = "`vitrail search IMAGE`, 1,000 images, embedded encoder"
_IMPORTED = '`python -c "import torch, transformers"`'


def run(command: tuple[str, ...]) -> tuple[float, int]:
    """Seconds and peak resident bytes of a command that has to succeed."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[2:]} failed: {error.decode(errors='replace')[-2000:]}")
    return seconds, usage.ru_maxrss * 1024


def take_turns(commands: dict[str, tuple[str, ...]], repeats: int) -> dict[str, dict[str, Any]]:
    """Median seconds and greatest peak of each, after one run that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks = dict.fromkeys(commands, 0)
    for turn in range(repeats + 1):
        for name, command in commands.items():
            took, peak = run(command)
            peaks[name] = max(peaks[name], peak)
            if turn:
                seconds[name].append(took)
    return {
        name: {"seconds": median(took), "all_seconds": took, "peak_bytes": peaks[name]}
        for name, took in seconds.items()
    }


def holdings(*words: str) -> dict[str, Any]:
    """Run ``benchmarks.holdings`` in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.holdings", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    commands = content["commands"]
    rows = [
        [name, f"{row['seconds']:.2f} s", report.megabytes(row["peak_bytes"])]
        for name, row in commands.items()
    ]
    ratio = commands[_SEARCHED]["seconds"] / commands[_IMPORTED]["seconds"]
    return "\n".join(
        [
            report.heading("Everyday waits", content["machine"]),
            f"Fresh processes, {content['repeats']} interleaved repeats, medians.\n",
            report.table(["", "time", "peak memory"], rows),
            f"\nThe cold query takes {ratio:.2f} times as long as the imports alone.\n",
            *(_changed(change) for change in content["changes"]),
            *(_asked(asked) for asked in content["asked"]),
        ]
    )


def _changed(change: dict[str, Any]) -> str:
    add, close = median(change["add"]), median(change["close"])
    return (
        f"## Changing {change['vectors']:,} images\n\n"
        f"Adding one picture, opening included, takes {add:.2f} s beside the encoder's "
        f"{median(change['encode']):.2f} s; closing takes {close:.2f} s. Removing one and "
        f"searching again takes {median(change['remove']):.3f} s; it was gone from that search "
        f"{change['hidden']} times of {change['changes']} (and had been found "
        f"{change['visible']} times).\n"
    )


def _asked(asked: dict[str, Any]) -> str:
    rows = [
        [name, *(f"{1e3 * value:,.1f} ms" for value in (took[0], median(took[1:]), max(took[1:])))]
        for name, took in asked["answers"].items()
    ]
    return (
        f"## A service over {asked['vectors']:,} images\n\n"
        f"Opening takes {asked['open']:.2f} s, warming {asked['warm']:.2f} s; then "
        f"{report.megabytes(asked['memory'])} are resident, {report.megabytes(asked['anonymous'])} "
        "of them its own. Ten hits with their metadata, one query at a time:\n\n"
        + report.table(["filter", "first", "median", "slowest"], rows)
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="everyday benchmark; see the module's text")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--large", type=int, nargs="+", default=[100_000])
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    sizes = [str(size) for size in options.large]
    made = holdings("make", *sizes)
    folder, collection = made["unchanged"]
    pictures, asked = made["queried"]
    query = str(sorted(Path(pictures).iterdir())[7])
    print("measuring", flush=True)
    load = os.getloadavg()[0]
    commands = {
        _SEARCHED: (*_VITRAIL, "search", query, "--collection", asked),
        _IMPORTED: _IMPORT,
        "`vitrail index` over 10,000 unchanged files": (
            *_VITRAIL,
            "index",
            folder,
            "--collection",
            collection,
        ),
        "`vitrail --help`": (*_VITRAIL, "--help"),
        "`python -c pass`": (sys.executable, "-c", "pass"),
    }
    for size, places in zip(options.large, made["large"], strict=True):
        commands |= _large(size, *places)
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.everyday")),
        "load_when_starting": load,
        "repeats": options.repeats,
        "commands": take_turns(commands, options.repeats),
        "changes": [holdings("change", size) for size in sizes],
        "asked": [holdings("ask", size) for size in sizes],
    }
    print("measured", flush=True)
    report.write("everyday", content, markdown(content), options.results)


def _large(size: int, place: str, flat: str) -> dict[str, tuple[str, ...]]:
    """Commands over a large collection; the query is an indexed image, so no encoder is loaded."""
    search = (*_VITRAIL, "search", str(size // 2), "--collection", place)
    return {
        f"`vitrail search ID`, {size:,} images": search,
        f"the same with `--where \"label = 'kind-007'\"`, {size:,} images": (
            *search,
            "--where",
            "label = 'kind-007'",
        ),
        f"FAISS alone: read its flat index and ask, {size:,} vectors": (
            sys.executable,
            "-c",
            _FAISS,
            flat,
            str(size // 2),
        ),
        f"`vitrail info`, {size:,} images": (*_VITRAIL, "info", "--collection", place),
    }


if __name__ == "__main__":
    main()
