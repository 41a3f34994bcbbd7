"""Search speed, recall and memory beside plain FAISS, hnswlib and usearch, on real ViT vectors.

    python -m benchmarks.vectors                 # once: makes the vectors
    python -m benchmarks.search --sizes 10000 30000 100000 1000000

Every engine builds and answers in a process of its own. The approximate ones are given the least
effort that reaches the wanted recall on half of the queries, and are timed and judged on the other
half: one query at a time on one thread, then all of them at once on every thread.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks import machine, report
from benchmarks.engines import ENGINES, Engine, Ids, Vitrail
from benchmarks.vectors import Floats, cache_folder, load_vectors, unit

K = 10
COLUMNS = (
    *("vectors", "engine", "kind", "recall@10", "p50 ms", "p99 ms", "ratio", "QPS", "batch QPS"),
    *("build s", "resident MB", "own MB", "index MB"),
)
FILTERED_COLUMNS = ("vectors", "let through", "recall@10", "p50 ms", "p99 ms", "exact")
METHOD = """\
Real vectors of 384 numbers: patch tokens of pictures by the embedded encoder. One query at a time
on one thread, then (batch) all at once on every thread. The rivals have the least effort that
reached a recall of {recall} on other queries, ours is asked for that recall. The ratio is the time
of a query to ours: below 1 is faster than we are. `vitrail-collection` is the whole way through a
stored collection, every hit with its paths and metadata, batches too. Own memory leaves out pages
mapped from files.
"""
SHARES = (0.01, 0.1, 0.5)
_SLOW_SECONDS = 20.0  # an engine's one-by-one run ends after so long


@dataclass(frozen=True, slots=True)
class Timing:
    """One engine at one size (or one filter): milliseconds, queries a second, and recall@10.

    ``cpu`` is the median of the processor time of a query: on a machine that does other things too,
    the wall clock tells more about those.
    """

    recall: float
    cpu: float
    p50: float
    p99: float
    qps: float
    batch_qps: float


@dataclass(frozen=True, slots=True)
class Result:
    """All that was measured of one engine at one size; bytes and seconds."""

    engine: str
    size: int
    kind: str
    effort: int
    build_seconds: float
    index_bytes: int
    memory: int
    anonymous: int
    timing: Timing
    filtered: dict[str, dict[str, Any]]
    load: tuple[float, float]


def measure(name: str, size: int, count: int, recall: float, seed: int) -> Result:
    """Build and time one engine; to be called in a fresh process."""
    rows, held_out = load_vectors(size, seed)
    queries = unit(held_out[np.random.default_rng(seed).choice(len(held_out), count, False)])
    truth = cached_truth(rows, queries, f"{size}-{seed}-{count}")
    tuning, timing = slice(0, count // 2), slice(count // 2, count)
    allowed = filter_truths(rows, queries[timing], f"{size}-{seed}-{count}")
    print(f"{name} {size:,}: building", flush=True)
    before = psutil.Process().memory_full_info()
    started = time.perf_counter()
    engine = ENGINES[name]()
    index_bytes = engine.build(rows)
    seconds = time.perf_counter() - started
    effort = least_effort(engine, queries[tuning], truth[tuning], recall)
    print(f"{name} {size:,}: timing", flush=True)
    load = os.getloadavg()
    timed = clock(
        lambda some, threads: engine.search(some, K, effort, threads),
        queries[timing],
        truth[timing],
    )
    filtered = filters(engine, queries[timing], allowed) if isinstance(engine, Vitrail) else {}
    print(f"{name} {size:,}: timed", flush=True)
    after = psutil.Process().memory_full_info()
    return Result(
        engine=name,
        size=size,
        kind=engine.describe(),
        effort=effort,
        build_seconds=seconds,
        index_bytes=index_bytes,
        memory=after.rss - before.rss,
        anonymous=(after.uss - after.shared) - (before.uss - before.shared),
        timing=timed,
        filtered=filtered,
        load=load[:2],
    )


def exact_neighbours(
    rows: NDArray[np.float16], queries: Floats, allowed: NDArray[np.bool_] | None = None
) -> Ids:
    """(q, 10) ids of the true nearest rows, in blocks."""
    best = np.full((len(queries), K), -2, np.float32)
    ids = np.full((len(queries), K), -1, np.int64)
    for start in range(0, len(rows), 50_000):
        scores = queries @ unit(rows[start : start + 50_000]).T
        if allowed is not None:
            scores[:, ~allowed[start : start + 50_000]] = -2
        near = np.argpartition(-scores, K, axis=1)[:, :K]
        both = np.concatenate([best, np.take_along_axis(scores, near, 1)], axis=1)
        numbers = np.concatenate([ids, near + start], axis=1)
        keep = np.argsort(-both, axis=1)[:, :K]
        best, ids = np.take_along_axis(both, keep, 1), np.take_along_axis(numbers, keep, 1)
    return ids


def least_effort(engine: Engine, queries: Floats, truth: Ids, recall: float) -> int:
    for effort in engine.efforts:
        if recall_at(engine.search(queries, K, effort, machine.cores()), truth) >= recall:
            return effort
    return engine.efforts[-1]


def recall_at(found: Ids, truth: Ids) -> float:
    hits = [np.isin(a, b).sum() for a, b in zip(found, truth, strict=True)]
    return float(np.mean(hits)) / K


def clock(search: Callable[[Floats, int], Ids], queries: Floats, truth: Ids) -> Timing:
    """One by one on one thread, then all at once on all."""
    for query in queries[:20]:
        search(query[None], 1)
    times, cpu, found = [], [], []
    for query in queries:
        started, used = time.perf_counter(), time.process_time()
        found.append(search(query[None], 1)[0])
        cpu.append(time.process_time() - used)
        times.append(time.perf_counter() - started)
        if sum(times) > _SLOW_SECONDS:
            break
    batch = queries if len(times) == len(queries) else queries[:64]
    started = time.perf_counter()
    search(batch, machine.cores())
    whole = time.perf_counter() - started
    return Timing(
        recall=recall_at(np.stack(found), truth[: len(found)]),
        cpu=float(np.percentile(cpu, 50)) * 1e3,
        p50=float(np.percentile(times, 50)) * 1e3,
        p99=float(np.percentile(times, 99)) * 1e3,
        qps=len(times) / sum(times),
        batch_qps=len(batch) / whole,
    )


def filters(
    engine: Vitrail, queries: Floats, allowed: dict[float, tuple[Ids, Ids]]
) -> dict[str, dict[str, Any]]:
    """Ours under filters that let a random share of the rows through."""
    results = {}
    for share, (ids, truth) in allowed.items():
        some = queries[: len(truth)]

        def search(part: Floats, threads: int, ids: Ids = ids) -> Ids:
            return engine.index.search(part, K, allowed=ids).ids

        timing = clock(search, some, truth)
        exact = engine.index.search(some[:1], K, allowed=ids).exact
        results[f"{share:.0%}"] = {**asdict(timing), "exact": exact}
    return results


def filter_truths(
    rows: NDArray[np.float16], queries: Floats, key: str
) -> dict[float, tuple[Ids, Ids]]:
    """For each share: the allowed ids, and the true neighbours among them of some queries."""
    truths = {}
    for share in SHARES:
        allowed = np.random.default_rng(7).random(len(rows)) < share
        truth = cached_truth(rows, queries[:200], f"{key}-{share}", allowed)
        truths[share] = (np.flatnonzero(allowed), truth)
    return truths


def cached_truth(
    rows: NDArray[np.float16],
    queries: Floats,
    key: str,
    allowed: NDArray[np.bool_] | None = None,
) -> Ids:
    """``exact_neighbours``, computed once for all engines."""
    path = cache_folder() / f"truth-{key}.npy"
    if not path.exists():
        np.save(path, exact_neighbours(rows, queries, allowed))
    truth: Ids = np.load(path)
    return truth


def markdown(content: dict[str, Any]) -> str:
    """The page for people; ratios are to ours at the same size."""
    results = content["results"]
    ours = {r["size"]: r["timing"]["p50"] for r in results if r["engine"] == "vitrail"}
    filtered = [
        [f"{r['size']:,}", share, *_filtered(found)]
        for r in results
        for share, found in r["filtered"].items()
    ]
    return "\n".join(
        [
            report.heading("Search", content["machine"]),
            METHOD.format(recall=content["recall"]),
            report.table(COLUMNS, [_row(result, ours) for result in results]),
            "\n## Filtered: ours, index alone\n",
            report.table(FILTERED_COLUMNS, filtered),
            "",
        ]
    )


def _row(result: dict[str, Any], ours: dict[int, float]) -> list[str]:
    t, size = result["timing"], result["size"]
    return [
        f"{size:,}",
        result["engine"],
        result["kind"],
        f"{t['recall']:.4f}",
        f"{t['p50']:.2f}",
        f"{t['p99']:.2f}",
        f"{t['p50'] / ours[size]:.2f}" if size in ours else "",
        f"{t['qps']:,.0f}",
        f"{t['batch_qps']:,.0f}",
        f"{result['build_seconds']:.1f}",
        *(f"{result[name] / 1e6:,.0f}" for name in ("memory", "anonymous", "index_bytes")),
    ]


def _filtered(found: dict[str, Any]) -> list[str]:
    exact = "yes" if found["exact"] else "no"
    return [f"{found['recall']:.4f}", f"{found['p50']:.2f}", f"{found['p99']:.2f}", exact]


def main() -> None:
    parser = argparse.ArgumentParser(description="search benchmark; see the module's text")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 1_000_000]
    )
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--queries", type=int, default=2000, help="half tune, half are timed")
    parser.add_argument("--recall", type=float, default=0.98)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    content = {
        "machine": machine.describe(machine.command_line("benchmarks.search")),
        "recall": options.recall,
        "results": results,
    }
    context = multiprocessing.get_context("spawn")
    for size in options.sizes:
        for name in options.engines:
            with context.Pool(1) as pool:
                work = (name, size, options.queries, options.recall, options.seed)
                results.append(asdict(pool.apply(measure, work)))
            report.write("search", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
