"""How much a filter costs and what its answers say of their recall, random ones and clustered ones.

    python -m benchmarks.vectors                 # once: makes the vectors
    python -m benchmarks.filters --sizes 60000 300000

A random filter lets through rows wherever they lie. A clustered one, as labels and folders are,
lets through all rows that are nearest to some of a hundred rows, chosen around one of them. One
query at a time, on one thread; time is the processor's, so that other work on the machine counts
little. A query is outside where less than a quarter of the share lies among its 100 nearest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, report
from benchmarks.vectors import Floats, blocks, load_vectors, unit
from vitrail.indexer.vectors.index import VectorIndex

KINDS = ("random", "clustered")
SHARES = (0.01, 0.1, 0.5)
KS = (1, 10, 100)
CELLS = 100
COLUMNS = (
    *("vectors", "filter", "let through", "k", "told", "true", "outside", "told", "true"),
    *("mean ms", "p95 ms", "rows scored"),
)
_ROUNDING = 2e-6

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Result:
    """One filter at one k: means over all queries, and over those outside of the filter.

    Attributes:
        size: vectors stored.
        kind: of filter.
        share: of the vectors that it lets through.
        k: how many were asked for.
        told: recall that the answers told.
        true: recall that they had.
        outside: share of the queries whose surroundings the filter leaves out.
        told_outside: as ``told``, of these.
        true_outside: as ``true``, of these.
        mean_ms: of processor time a query.
        p95_ms: as well.
        scanned: vectors that a query was compared with.
    """

    size: int
    kind: str
    share: float
    k: int
    told: float
    true: float
    outside: float
    told_outside: float
    true_outside: float
    mean_ms: float
    p95_ms: float
    scanned: float


def measure(size: int, count: int, filters: int, seed: int) -> Iterator[Result]:
    """Every kind of filter on an index of ``size`` vectors, with ``count`` queries a filter."""
    stored, held_out = load_vectors(size, seed)
    rows = np.concatenate([block for _, block in blocks(stored)])
    index = VectorIndex.create(rows.shape[1]).with_rows(np.arange(size), rows).built()
    index.warm()
    random = np.random.default_rng(seed)
    cells = rows[random.choice(size, CELLS, replace=False)]
    cell = np.argmax(rows @ cells.T, axis=1)
    for kind in KINDS:
        for share in SHARES:
            asked = []
            for number in range(filters):
                own = np.random.default_rng([seed, number])
                mask = _random(size, share, own)
                if kind == "clustered":
                    mask = _clustered(cells, cell, share, own)
                queries = unit(held_out[own.choice(len(held_out), count, replace=False)])
                asked.append((mask, queries, queries @ rows.T))
            for k in KS:
                yield _asked(index, kind, share, k, asked)


def _random(size: int, share: float, random: np.random.Generator) -> Mask:
    return random.random(size) < share


def _clustered(
    cells: Floats, cell: NDArray[np.int64], share: float, random: np.random.Generator
) -> Mask:
    """Rows of the cells nearest to one of them, until there are enough."""
    order = np.argsort(-(cells @ cells[random.integers(CELLS)]))
    sizes = np.bincount(cell, minlength=CELLS)[order]
    enough = int(np.searchsorted(np.cumsum(sizes), share * len(cell))) + 1
    mask: Mask = np.isin(cell, order[:enough])
    mask[np.flatnonzero(mask)[round(share * len(cell)) :]] = False
    return mask


def _asked(
    index: VectorIndex, kind: str, share: float, k: int, asked: list[tuple[Mask, Floats, Floats]]
) -> Result:
    told, true, outside, ms, scanned = [], [], [], [], []
    for mask, queries, scores in asked:
        allowed = np.flatnonzero(mask)
        for query, own in zip(queries, scores, strict=True):
            near = np.argpartition(-own, 100)[:100]
            kth = np.partition(own[mask], len(allowed) - k)[len(allowed) - k]
            started = time.process_time()
            answer = index.search(query[None], k, allowed=allowed)
            ms.append((time.process_time() - started) * 1e3)
            told.append(answer.recall)
            true.append(float(np.mean(answer.scores[0] >= kth - _ROUNDING)))
            outside.append(mask[near].mean() < share / 4)
            scanned.append(answer.scanned)
    out = np.array(outside)
    return Result(
        size=len(index),
        kind=kind,
        share=share,
        k=k,
        told=float(np.mean(told)),
        true=float(np.mean(true)),
        outside=float(out.mean()),
        told_outside=float(np.mean(np.array(told)[out])) if out.any() else 1.0,
        true_outside=float(np.mean(np.array(true)[out])) if out.any() else 1.0,
        mean_ms=float(np.mean(ms)),
        p95_ms=float(np.percentile(ms, 95)),
        scanned=float(np.mean(scanned)),
    )


def markdown(results: list[Result], about: dict[str, object], queries: int) -> str:
    """The page for people."""
    text = (
        f"Patch tokens by the embedded encoder, {queries} queries a row of the table, one after "
        "the other on one thread. Told is the recall that the answers told, true what they had; "
        "then the share of queries whose surroundings the filter leaves out, and both recalls of "
        "these. Times are of the processor.\n"
    )
    table = report.table(COLUMNS, [_row(result) for result in results])
    return "\n".join([report.heading("Filters", about), text, table, ""])


def _row(one: Result) -> list[str]:
    beyond = [f"{one.outside:.0%}", f"{one.told_outside:.4f}", f"{one.true_outside:.4f}"]
    if one.kind == "random":  # where few queries are, by chance
        beyond = ["", "", ""]
    return [
        *(f"{one.size:,}", one.kind, f"{one.share:.0%}", str(one.k)),
        *(f"{one.told:.4f}", f"{one.true:.4f}", *beyond),
        *(f"{one.mean_ms:.2f}", f"{one.p95_ms:.2f}", f"{one.scanned:,.0f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="filter benchmark; see the module's text")
    parser.add_argument("--sizes", type=int, nargs="+", default=[60_000, 300_000])
    parser.add_argument("--queries", type=int, default=60, help="of each filter")
    parser.add_argument("--filters", type=int, default=3, help="of each kind and share")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    options = parser.parse_args()
    about = machine.describe(machine.command_line("benchmarks.filters"))
    results: list[Result] = []
    for size in options.sizes:
        for result in measure(size, options.queries, options.filters, options.seed):
            results.append(result)
            print(" ".join(_row(result)), flush=True)
    page = markdown(results, about, options.queries * options.filters)
    content = {"machine": about, "results": [asdict(result) for result in results]}
    report.write("filters", content, page, options.results)


if __name__ == "__main__":
    main()
