"""Search behind filters: recall and time by how few rows pass, beside FAISS and LanceDB.

    python -m benchmarks.vectors                 # once: makes the vectors
    python -m benchmarks.filtered --sizes 1000000
    python -m benchmarks.filtered --sizes 1000000 --only lancedb

A random filter lets through rows wherever they lie. A clustered one, as labels and folders are,
lets through the rows around one place; it is asked by queries of that place (correlated) and by
those farthest from it (anti-correlated). One query at a time; ours and FAISS on one thread. What is
measured joins what earlier runs left in the results; a run that was asked otherwise is refused
unless ``--results`` names another folder. FAISS's index, and ours, are those of
``benchmarks.search``, also where ``--indexes`` keeps them.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report, runs
from benchmarks.filter_cases import SHARES, Case, cases
from benchmarks.filtered_engines import ENGINES, MOST_FETCHED, FilteringEngine, Found
from benchmarks.truth import Ids, cached_nearest, recall_of
from benchmarks.vectors import BLOCKS, DIM, Floats, load_vectors, unit
from vitrail.indexer.vectors.one_thread import one_thread

COLUMNS = (
    *("dim", "vectors", "filter", "let through", "engine", "recall", "told", "exact", "short"),
    *("p50 ms", "p99 ms", "CPU ms", "queries"),
)
METHOD = """\
Patch tokens by the embedded encoder, the {k} nearest of what passes. Correlated queries come from
where the rows lie that a clustered filter lets through, anti-correlated ones from farthest away.
Told is the recall that our answers told, exact the share that called themselves so, short the share
of answers with fewer hits than there are. Ours is given the ids that pass, the same array with
every query, as a collection has it of a filter that was asked with before; FAISS a mask that is at
hand: its graph is asked for more rows, until enough of them pass, at most {most:,}, or (selector)
keeps to what passes while it is walked, at the effort chosen without a filter. LanceDB has a column
with a bitmap index a filter, and takes all threads, two at least. The rivals have the least effort
that reached a recall of {recall} without a filter. Each filter was asked with {before} times before
anything was timed, by {warming} other queries in turns, or for {seconds:g} s; what ours makes
beside queries was waited for. Where queries took too long, fewer were asked.
"""
_WARMING = 20  # queries of each filter that are asked before any is timed,
_ASKED_BEFORE = 120  # so often in all, in turns,
_WARM_SECONDS = 3.0  # or for so long
_SLOW_SECONDS = 15.0  # a case ends after so long
_TUNED = 200  # queries that choose an effort


@dataclass(frozen=True, slots=True)
class Cell:
    """One engine behind all filters of one kind and share; milliseconds a query.

    Attributes:
        kind: of filter and queries.
        share: of the rows that pass.
        recall: of the true nearest among those that pass.
        told: mean recall that answers told; None where the engine tells none.
        exact: share of answers that said they are exact; None likewise.
        short: share of answers with fewer hits than could be.
        p50: median time.
        p99: as well.
        cpu: median of the processor's time.
        queries: how many were asked.
    """

    kind: str
    share: float
    recall: float
    told: float | None
    exact: float | None
    short: float
    p50: float
    p99: float
    cpu: float
    queries: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """(q, dim) queries behind no filter, their (q, k) true ids, and the recall to reach."""

    queries: Floats
    truth: Ids
    recall: float


def build(
    name: str, size: int, dim: int, seed: int, filters: Mapping[str, Ids], place: Path
) -> None:
    """Build one engine's index in a folder; to be called in a fresh process."""
    rows, _ = load_vectors(size, seed, dim)
    engine = ENGINES[name]()
    runs.build(lambda: engine.build(rows, place, filters), place)


def answer(
    name: str, place: Path, size: int, tuning: Tuning, asked: Sequence[Case]
) -> dict[str, Any]:
    """Ask one engine whose index lies in a folder; to be called in a fresh process."""
    engine = ENGINES[name]()
    engine.load(place, {case.name: case.allowed for case in asked}, size)
    effort = least_effort(engine, tuning)
    load = os.getloadavg()
    groups: dict[tuple[str, float], list[Case]] = {}
    for case in asked:
        groups.setdefault((case.kind, case.share), []).append(case)
    with one_thread():  # numpy's products too, by which ours compares all that pass
        cells = [asdict(measured(engine, effort, group)) for group in groups.values()]
    return {"effort": effort, "load": load[:2], "cells": cells}


def least_effort(engine: FilteringEngine, tuning: Tuning) -> int:
    """The first effort that reaches the recall behind no filter, or the most."""
    k = tuning.truth.shape[1]
    efforts = engine.efforts(k)
    for effort in efforts[:-1]:
        found = [engine.search(query[None], k, effort, None).ids for query in tuning.queries]
        if recall_of(_filled(found, k), tuning.truth) >= tuning.recall:
            return effort
    return efforts[-1]


def measured(engine: FilteringEngine, effort: int, group: Sequence[Case]) -> Cell:
    """Ask behind every filter of a group, one query after the other."""
    k = group[0].truth.shape[1]
    found: list[Found] = []
    truth: list[Ids] = []
    times: list[float] = []
    cpu: list[float] = []
    for case in group:
        untimed = min(_WARMING, len(case.queries) // 2)
        _warm(engine, effort, case, untimed)
        ends = sum(times) + _SLOW_SECONDS / len(group)
        timed = zip(case.queries[untimed:], case.truth[untimed:], strict=True)
        for query, true in timed:
            started, used = time.perf_counter(), time.process_time()
            found.append(engine.search(query[None], k, effort, case.name))
            cpu.append(time.process_time() - used)
            times.append(time.perf_counter() - started)
            truth.append(true)
            if sum(times) > ends:
                break
    there = np.array([np.count_nonzero(true >= 0) for true in truth])
    given = np.array([np.count_nonzero(one.ids >= 0) for one in found])
    told = [one.told for one in found if one.told is not None]
    exact = [one.exact for one in found if one.exact is not None]
    return Cell(
        kind=group[0].kind,
        share=group[0].share,
        recall=recall_of(_filled([one.ids for one in found], k), np.stack(truth)),
        told=float(np.mean(told)) if told else None,
        exact=float(np.mean(exact)) if exact else None,
        short=float(np.mean(given < there)),
        p50=float(np.percentile(times, 50)) * 1e3,
        p99=float(np.percentile(times, 99)) * 1e3,
        cpu=float(np.percentile(cpu, 50)) * 1e3,
        queries=len(times),
    )


def _warm(engine: FilteringEngine, effort: int, case: Case, some: int) -> None:
    """Ask the first queries, as a service was asked behind the same filter before."""
    ends = time.perf_counter() + _WARM_SECONDS
    for number in range(_ASKED_BEFORE):
        query = case.queries[number % max(1, some)]
        engine.search(query[None], case.truth.shape[1], effort, case.name)
        if time.perf_counter() > ends:
            break
    engine.settle()


def _filled(found: Sequence[Ids], k: int) -> Ids:
    """(q, k) ids, -1 where there were fewer."""
    rows = np.full((len(found), k), -1, np.int64)
    for row, ids in zip(rows, found, strict=True):
        row[: len(ids)] = ids[:k]
    return rows


def measure(
    name: str,
    size: int,
    dim: int,
    asked: Sequence[Case],
    tuning: Tuning,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Build, or take what was built, and ask."""
    stem = name.removesuffix("-selector")  # the same graph
    filters = {case.name: case.allowed for case in asked}
    return runs.measure(
        {"engine": name, "size": size, "dim": dim},
        f"{stem}-{dim}-{size}-seed{options.seed}",
        None if ENGINES[name].own_index else options.indexes,
        partial(build, name, size, dim, options.seed, filters),
        partial(answer, name, size=size, tuning=tuning, asked=asked),
        "benchmarks.filtered",
    )


def markdown(content: dict[str, Any]) -> str:
    """The page for people: engines one below the other, filter by filter."""
    results = content["results"]
    order = [(cell["kind"], cell["share"]) for cell in results[0]["cells"]]
    places = {key: place for place, key in enumerate(order)}
    rows = [
        ((one["dim"], one["size"], places.get((cell["kind"], cell["share"]), 99)), _row(one, cell))
        for one in results
        for cell in one["cells"]
    ]
    rows.sort(key=lambda row: row[0])
    parts = [report.heading("Filtered", content["machine"]), report.apart(results)]
    parts.append(_method(content))
    parts.append(report.table(COLUMNS, [row for _, row in rows]))
    return "\n".join([*parts, *report.left_out(content["left_out"]), ""])


def _method(content: dict[str, Any]) -> str:
    return METHOD.format(
        k=content["k"],
        recall=content["recall"],
        before=_ASKED_BEFORE,
        warming=_WARMING,
        seconds=_WARM_SECONDS,
        most=MOST_FETCHED,
    )


def _row(one: dict[str, Any], cell: dict[str, Any]) -> list[str]:
    said = ["" if cell[what] is None else cell[what] for what in ("told", "exact")]
    return [
        *(str(one["dim"]), f"{one['size']:,}", cell["kind"], f"{cell['share'] * 100:g}%"),
        *(one["engine"], f"{cell['recall']:.4f}"),
        f"{said[0]:.4f}" if said[0] != "" else "",
        f"{said[1]:.0%}" if said[1] != "" else "",
        f"{cell['short']:.0%}",
        *(f"{cell[name]:.3f}" for name in ("p50", "p99", "cpu")),
        f"{cell['queries']:,}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="filter benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--dims", type=int, nargs="+", choices=list(BLOCKS), default=[DIM])
    parser.add_argument("--only", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES))
    parser.add_argument("--filters", type=int, default=3, help="of each kind and share")
    parser.add_argument("--queries", type=int, default=60, help="of each filter, 20 untimed")
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--recall", type=float, default=0.98)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--indexes", type=Path, help="keep indexes here, and take those that are")
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    asked_by = ("k", "recall", "shares", "filters", "queries", "seed")
    about = {name: vars(options)[name] for name in asked_by}
    content = runs.earlier(options.results / "filtered.json", about)
    for dim in options.dims:
        for size in options.sizes:
            rows, held_out = load_vectors(size, options.seed, dim)
            pool = unit(held_out)
            asked = cases(rows, pool, options.shares, options.filters, options.queries, options.k)
            some = pool[:: len(pool) // _TUNED]
            tuning = Tuning(some, cached_nearest(rows, some, options.k), options.recall)
            for name in options.only:
                content["left_out"].pop(name, None)
                if (why := runs.why_not(ENGINES[name])) is not None:
                    print(f"{name}: left out ({why})", flush=True)
                    content["left_out"][name] = why
                else:
                    new = measure(name, size, dim, asked, tuning, options)
                    content["machine"] = new["machine"]
                    content["results"] = runs.merged(content["results"], new, list(ENGINES))
                if content["results"]:
                    report.write("filtered", content, markdown(content), options.results)


if __name__ == "__main__":
    main()
