"""Search speed, recall and memory beside FAISS, hnswlib, usearch, voyager and rabitqlib.

    python -m benchmarks.vectors --dim 384       # once: makes the vectors, real ones of a ViT
    python -m benchmarks.vectors --dim 768
    python -m benchmarks.search --sizes 10000 100000 1000000 --dims 384 768
    python -m benchmarks.search --sizes 1000000 --dims 768 --only hnswlib voyager

Every engine builds in one process and answers in another, from the files that the first one wrote.
It is asked for the 10 and the 100 nearest with ever more effort, one query at a time on one thread;
with half of the queries the least effort is chosen that reaches the wanted recall, the other half
is timed and judged. What is measured joins what earlier runs left in the results, so that a run may
take one engine at a time, or go on (``--missing``). Results that were measured otherwise are not
joined, and not lost either: such a run is refused unless ``--results`` names another folder. Rivals
come with the extra ``bench``; those that are not installed are left out, and the page says so.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, report, runs
from benchmarks.engines import Engine
from benchmarks.rivals import ENGINES
from benchmarks.search_page import draw, markdown
from benchmarks.truth import Ids, cached_nearest, recall_of
from benchmarks.vectors import BLOCKS, DIM, Floats, load_vectors, unit
from vitrail.indexer.vectors.one_thread import one_thread

KS = (10, 100)
_SLOW_SECONDS = 20.0  # an engine's one-by-one run ends after so long
_ALL = 0.9995  # recall beyond which more effort is not tried


@dataclass(frozen=True, slots=True)
class Point:
    """One engine at one effort: milliseconds, queries a second, and recall.

    Attributes:
        k: how many were asked for.
        effort: the engine's own measure.
        tuned: recall with the queries by which an effort is chosen.
        recall: with those that were timed.
        cpu: the median of the processor time of a query: on a machine that does other things too,
            the wall clock tells more about those.
        p50: median of a query's time, on one thread.
        p99: as well.
        qps: on one thread.
        batch_qps: all at once on every thread.
    """

    k: int
    effort: int
    tuned: float
    recall: float
    cpu: float
    p50: float
    p99: float
    qps: float
    batch_qps: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What all engines are asked: (q, dim) queries and their (q, 100) true ids.

    The first half tunes, the second is timed.
    """

    queries: Floats
    truth: Ids

    @classmethod
    def of(cls, size: int, dim: int, count: int, seed: int) -> Asked:
        rows, held_out = load_vectors(size, seed, dim)
        chosen = np.random.default_rng(seed).choice(len(held_out), count, False)
        queries = unit(held_out[chosen])
        return cls(queries, cached_nearest(rows, queries, max(KS)))


def build(name: str, size: int, dim: int, seed: int, place: Path) -> None:
    """Build one engine's index in a folder; to be called in a fresh process."""
    rows, _ = load_vectors(size, seed, dim)
    engine = ENGINES[name]()
    runs.build(lambda: engine.build(rows, place), place)


def answer(name: str, asked: Asked, place: Path, recall: float) -> dict[str, Any]:
    """Ask one engine whose index lies in a folder; to be called in a fresh process."""
    engine = ENGINES[name]()
    own, mapped = machine.own_and_mapped()
    engine.load(place)
    load = os.getloadavg()
    points = [point for k in KS for point in sweep(engine, asked, k)]
    own_after, mapped_after = machine.own_and_mapped()
    return {
        "kind": engine.describe(),
        "index_bytes": runs.index_bytes(place),
        "own_bytes": own_after - own,
        "mapped_bytes": mapped_after - mapped,
        "load": load[:2],
        "points": [asdict(point) for point in points],
        "chosen": {str(k): least_effort(points, k, recall) for k in KS},
    }


def sweep(engine: Engine, asked: Asked, k: int) -> list[Point]:
    """Ever more effort, until all is found."""
    half = len(asked.queries) // 2
    for query in asked.queries[:20]:
        engine.search(query[None], k, engine.efforts(k)[0], 1)
    points: list[Point] = []
    for effort in engine.efforts(k):
        started = time.perf_counter()
        found = engine.search(asked.queries[:half], k, effort, machine.cores())
        rate = half / (time.perf_counter() - started)
        tuned = recall_of(found, asked.truth[:half, :k])
        later = asked.queries[half:], asked.truth[half:, :k]
        points.append(clock(engine, *later, effort, tuned, rate))
        if min(tuned, points[-1].recall) >= _ALL:
            break
    return points


def clock(
    engine: Engine, queries: Floats, truth: Ids, effort: int, tuned: float, batch_rate: float
) -> Point:
    """One query at a time on one thread, numpy's products too, by which ours compares all rows."""
    k = truth.shape[1]
    times, cpu, found = [], [], []
    with one_thread():
        for query in queries:
            started, used = time.perf_counter(), time.process_time()
            found.append(engine.search(query[None], k, effort, 1)[0])
            cpu.append(time.process_time() - used)
            times.append(time.perf_counter() - started)
            if sum(times) > _SLOW_SECONDS:
                break
    return Point(
        k=k,
        effort=effort,
        tuned=tuned,
        recall=recall_of(np.stack(found), truth[: len(found)]),
        cpu=float(np.percentile(cpu, 50)) * 1e3,
        p50=float(np.percentile(times, 50)) * 1e3,
        p99=float(np.percentile(times, 99)) * 1e3,
        qps=len(times) / sum(times),
        batch_qps=batch_rate,
    )


def least_effort(points: list[Point], k: int, recall: float) -> int:
    """Which point is the first to reach a recall with the queries that tune; else the best one."""
    own = [place for place, point in enumerate(points) if point.k == k]
    enough = (place for place in own if points[place].tuned >= recall)
    return next(enough, max(own, key=lambda place: points[place].tuned))


def measure(name: str, size: int, dim: int, options: argparse.Namespace) -> dict[str, Any]:
    """Build, or take what was built, and ask."""
    asked = Asked.of(size, dim, options.queries, options.seed)
    return runs.measure(
        {"engine": name, "size": size, "dim": dim},
        f"{name}-{dim}-{size}-seed{options.seed}",
        options.indexes,
        partial(build, name, size, dim, options.seed),
        partial(answer, name, asked, recall=options.recall),
        "benchmarks.search",
    )


def left_out(name: str, dim: int) -> str | None:
    """Why an engine cannot be measured; None if it can."""
    if name == "vitrail-collection" and dim != DIM:
        return f"vectors of the embedded encoder, which collections are made for, have {DIM}"
    return runs.why_not(ENGINES[name])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="search benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dims", type=int, nargs="+", choices=list(BLOCKS), default=[DIM])
    parser.add_argument("--only", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--missing", action="store_true", help="leave out what results hold")
    parser.add_argument("--queries", type=int, default=1000, help="half tune, half are timed")
    parser.add_argument("--recall", type=float, default=0.985)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--indexes", type=Path, help="keep indexes here, and take those that are")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    about = {name: vars(options)[name] for name in ("recall", "queries", "seed")}
    content = runs.earlier(options.results / "search.json", about)
    for dim in options.dims:
        for size in options.sizes:
            for name in options.only:
                done = {runs.key(one) for one in content["results"]}
                if not (options.missing and (dim, size, name) in done):
                    join(content, name, size, dim, options)


def join(
    content: dict[str, Any], name: str, size: int, dim: int, options: argparse.Namespace
) -> None:
    """Measure one engine at one size, or say why not, and write all there is."""
    label = name if dim == DIM else f"{name}, {dim} numbers"
    content["left_out"].pop(label, None)
    if (why := left_out(name, dim)) is not None:
        print(f"{name} {size:,} x {dim}: left out ({why})", flush=True)
        content["left_out"][label] = why
    else:
        new = measure(name, size, dim, options)
        content["machine"] = new["machine"]
        content["results"] = runs.merged(content["results"], new, list(ENGINES))
    if content["results"]:
        report.write("search", content, markdown(content), options.results)
        draw(content["results"], options.results)


if __name__ == "__main__":
    main()
