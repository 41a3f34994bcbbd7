"""The ten nearest neighbours of every vector: ours beside FAISS, hnswlib and usearch, real vectors.

    python -m benchmarks.vectors                 # once: makes the vectors
    python -m benchmarks.neighbours --sizes 10000 100000

Every contender works in a process of its own, from one file of float32 rows that is mapped. The
graphs are built, given the least effort that reaches the wanted recall on some of the vectors, and
asked for all of them. Comparing all with all is timed on a share of a large set, and told as the
whole would take.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import machine, report
from benchmarks.neighbour_contenders import CONTENDERS, Ids, K, share_found, step_of
from benchmarks.vectors import DIM, Floats, blocks, cache_folder, load_vectors

SAMPLE = 500
COLUMNS = (
    *("vectors", "contender", "recall@10", "told", "seconds", "processor s", "of it building"),
    *("ratio", "own MB"),
)
METHOD = """\
Every vector's {k} nearest others, of real vectors of {dim} numbers (patch tokens of images by the
embedded encoder). Ours is asked for a recall of {recall}, and the rivals have the least effort that
reached it on {sample} of the vectors; recall is measured on {sample} others, beside what the answer
tells of itself. Each had {threads} thread(s); processor seconds are of all of them, and where other
programs ran meanwhile they tell more than the clock. The ratio is processor time to ours. Own
memory is the most that was held beside pages mapped from files. The machine's load when each began:
{load}.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender needed for one size; seconds and bytes.

    Attributes:
        told: the recall that it tells of itself.
        share: of the vectors that it was timed on.
        load: runnable processes in the last minute before it began.
    """

    contender: str
    size: int
    recall: float
    told: float | None
    seconds: float
    processor: float
    building: float
    own: int
    share: float
    load: float


class Clock:
    """Wall and processor seconds since it was made, and the most memory of one's own held since."""

    def __init__(self) -> None:
        self.started, self.used = time.perf_counter(), time.process_time()
        self.before = self.most = _own_memory()
        self._done = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def stop(self) -> tuple[float, float, int]:
        """Seconds, processor seconds, bytes."""
        seconds, used = time.perf_counter() - self.started, time.process_time() - self.used
        self._done.set()
        self._watching.join()
        return seconds, used, self.most - self.before

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.most = max(self.most, _own_memory())


def _own_memory() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def true_neighbours(rows: Floats, sample: Ids) -> Ids:
    """(q, 10) ids by comparing with all rows."""
    best = np.full((len(sample), K), -2, np.float32)
    ids = np.full((len(sample), K), -1, np.int64)
    queries = np.asarray(rows[sample])
    for start in range(0, len(rows), 50_000):
        scores = queries @ rows[start : start + 50_000].T
        own = np.flatnonzero((sample >= start) & (sample < start + scores.shape[1]))
        scores[own, sample[own] - start] = -2
        near = np.argpartition(-scores, K, axis=1)[:, :K]
        both = np.concatenate([best, np.take_along_axis(scores, near, 1)], axis=1)
        numbers = np.concatenate([ids, near + start], axis=1)
        keep = np.argsort(-both, axis=1)[:, :K]
        best, ids = np.take_along_axis(both, keep, 1), np.take_along_axis(numbers, keep, 1)
    return ids


def mapped(size: int) -> Floats:
    """The cached vectors as float32 unit rows of a mapped file, made once."""
    path = cache_folder() / f"unit-rows-{size}.npy"
    if not path.exists():
        stored, _ = load_vectors(size)
        partial = path.with_suffix(".partial")
        rows = np.lib.format.open_memmap(partial, "w+", np.float32, (size, DIM))
        for start, block in blocks(stored):
            rows[start : start + len(block)] = block
        rows.flush()
        os.replace(partial, path)
    made: Floats = np.load(path, mmap_mode="r")
    return made


class Truth(NamedTuple):
    """Rows to tune with and rows to judge by, and the true neighbours of each."""

    tuning: Ids
    tuned: Ids
    judging: Ids
    judged: Ids


def true_samples(size: int) -> Truth:
    """Drawn once for all contenders."""
    rows, asked = mapped(size), np.arange(0, size, step_of(size))
    tuning, judging = np.random.default_rng(0).choice(asked, (2, SAMPLE), replace=False)
    return Truth(tuning, true_neighbours(rows, tuning), judging, true_neighbours(rows, judging))


def measure(name: str, size: int, recall: float, truth: Truth) -> Result:
    """Time one contender; to be called in a fresh process."""
    rows = mapped(size)
    load = os.getloadavg()[0]
    clock = Clock()
    answer = CONTENDERS[name](rows, truth.tuning, truth.tuned, recall)
    seconds, processor, own = clock.stop()
    share = answer.share
    result = Result(
        contender=name,
        size=size,
        recall=share_found(answer.found[truth.judging], truth.judged),
        told=answer.told,
        seconds=seconds / share,
        processor=processor / share,
        building=answer.building,
        own=own,
        share=share,
        load=round(load, 1),
    )
    print(result, flush=True)
    return result


def markdown(content: dict[str, Any]) -> str:
    """The page for people; ratios are to ours at the same size."""
    results = content["results"]
    own = {r["size"]: r["processor"] for r in results if r["contender"] == "vitrail"}
    load = ", ".join(str(r["load"]) for r in results)
    method = METHOD.format(
        k=K, dim=DIM, recall=content["recall"], sample=SAMPLE, load=load, threads=content["threads"]
    )
    rows = [_row(result, own) for result in results]
    heading = report.heading("Neighbours of all", content["machine"])
    return "\n".join([heading, method, report.table(COLUMNS, rows), ""])


def _row(result: dict[str, Any], own: dict[int, float]) -> list[str]:
    size, about = result["size"], "" if result["share"] == 1 else "about "
    return [
        f"{size:,}",
        result["contender"],
        f"{result['recall']:.4f}",
        "" if result["told"] is None else f"{result['told']:.4f}",
        f"{about}{result['seconds']:,.1f}",
        f"{about}{result['processor']:,.1f}",
        f"{result['building']:,.1f}",
        f"{result['processor'] / own[size]:.2f}" if size in own else "",
        f"{result['own'] / 1e6:,.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="neighbours benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--contenders", nargs="+", choices=[*CONTENDERS], default=[*CONTENDERS])
    parser.add_argument("--recall", type=float, default=0.98)
    parser.add_argument("--threads", type=int, default=machine.cores())
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.neighbours")),
        "recall": options.recall,
        "threads": options.threads,
        "results": results,
    }
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # of the processes that are started
    context = multiprocessing.get_context("spawn")
    for size in options.sizes:
        truth = true_samples(size)
        for name in options.contenders:
            with context.Pool(1) as pool:
                results.append(asdict(pool.apply(measure, (name, size, options.recall, truth))))
            report.write("neighbours", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
