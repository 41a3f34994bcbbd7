"""What a user waits for every day: a run over unchanged files, one more picture, a cold query.

    python -m benchmarks.everyday --repeats 7

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

_VITRAIL = (sys.executable, "-c", "from service.cli import main; main()")
_IMPORT = (sys.executable, "-c", "import torch, transformers")


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


def holdings(word: str) -> dict[str, Any]:
    """Run ``benchmarks.holdings`` in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.holdings", word]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def markdown(content: dict[str, Any]) -> str:
    """The page for people."""
    commands, change = content["commands"], content["change"]
    labels = {
        "search": "`vitrail search IMAGE`, 1,000 images, embedded encoder",
        "import": '`python -c "import torch, transformers"`',
        "unchanged": "`vitrail index` over 10,000 unchanged files",
        "help": "`vitrail --help`",
        "python": "`python -c pass`",
    }
    rows = [
        [labels[name], f"{row['seconds']:.2f} s", report.megabytes(row["peak_bytes"])]
        for name, row in commands.items()
    ]
    ratio = commands["import"]["seconds"] / commands["search"]["seconds"]
    add, close = median(change["add"]), median(change["close"])
    told = [
        f"Adding one picture to a collection of {change['vectors']:,} vectors, opening included, "
        f"takes {add:.2f} s beside the encoder's {median(change['encode']):.2f} s; closing takes "
        f"{close:.2f} s.",
        f"Removing one and searching again takes {median(change['remove']):.3f} s; it was gone "
        f"from that search {change['hidden']} times of {change['changes']} (and had been found "
        f"{change['visible']} times).",
    ]
    return "\n".join(
        [
            report.heading("Everyday waits", content["machine"]),
            f"Fresh processes, {content['repeats']} interleaved repeats, medians.\n",
            report.table(["", "time", "peak memory"], rows),
            f"\nThe cold query takes {1 / ratio:.2f} times as long as the imports alone.\n",
            *told,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="everyday benchmark; see the module's text")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    made = holdings("make")
    folder, collection = made["unchanged"]
    pictures, asked = made["queried"]
    query = str(sorted(Path(pictures).iterdir())[7])
    print("measuring", flush=True)
    load = os.getloadavg()[0]
    commands = take_turns(
        {
            "search": (*_VITRAIL, "search", query, "--collection", asked),
            "import": _IMPORT,
            "unchanged": (*_VITRAIL, "index", folder, "--collection", collection),
            "help": (*_VITRAIL, "--help"),
            "python": (sys.executable, "-c", "pass"),
        },
        options.repeats,
    )
    change = holdings("change")
    print("measured", flush=True)
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.everyday")),
        "load_when_starting": load,
        "repeats": options.repeats,
        "commands": commands,
        "change": change,
    }
    report.write("everyday", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
