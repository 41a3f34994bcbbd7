"""The search benchmark's page and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report

METHOD = """\
Real vectors: patch tokens of pictures by the embedded encoder, after one block (384 numbers) or two
(768). One query at a time on one thread, then (batch) all at once on every thread. Every engine,
ours too, has the least effort that reached a recall of {recall} with other queries than those that
were timed; ours is the recall asked for, in thousandths. The ratio is the time of a query to ours:
below 1 is faster than we are. "At {recall}" is the median time where the curve of all efforts
crosses that recall, by the logarithms of time and of what is missed. `vitrail-collection` is the
whole way through a stored collection, every hit with its paths and metadata, batches too. Indexes
are read from their files by a process of their own; its own memory is what it holds beside pages
mapped from files, which the system may take back.
"""
COLUMNS = (
    *("dim", "vectors", "engine", "effort", "recall", "p50 ms", "p99 ms", "ratio"),
    *("at {recall} ms", "QPS", "batch QPS"),
)
BUILT = (
    *("dim", "vectors", "engine", "kind", "build s", "build CPU s", "own MB", "mapped MB"),
    *("index MB", "load"),
)
_COLOURS = {
    "vitrail": "#c8322b",
    "vitrail-collection": "#e39a3b",
    "faiss-flat": "#777777",
    "faiss-hnsw": "#1f4e9c",
    "hnswlib": "#2b8a5f",
    "usearch": "#8a4fb0",
    "voyager": "#4fb0a5",
    "rabitqlib": "#000000",
}


def markdown(content: dict[str, Any]) -> str:
    """The page for people; ratios are to ours at the same size."""
    results, recall = content["results"], content["recall"]
    columns = [column.format(recall=recall) for column in COLUMNS]
    parts = [report.heading("Search", content["machine"]), report.apart(results)]
    parts.append(METHOD.format(recall=recall))
    for k in sorted({point["k"] for one in results for point in one["points"]}):
        rows = [_row(one, results, k, recall) for one in results]
        parts += [f"## The {k} nearest\n", report.table(columns, rows), ""]
        parts += [_image(dim, k) for dim in sorted({one["dim"] for one in results})]
    parts += ["## Building and memory\n", report.table(BUILT, [_built(one) for one in results])]
    return "\n".join([*parts, *report.left_out(content["left_out"]), ""])


def at_recall(points: Sequence[dict[str, Any]], recall: float) -> float | None:
    """Median milliseconds where the curve crosses a recall; None if it stays below.

    Args:
        points: of one engine and one k, any order.
        recall: below 1.
    """
    front = frontier(points)
    if not front or front[-1]["recall"] < recall:
        return None
    missed = [-math.log(max(1 - point["recall"], 1e-5)) for point in front]
    times = [math.log(point["p50"]) for point in front]
    return math.exp(float(np.interp(-math.log(1 - recall), missed, times)))


def frontier(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that none surpasses both in recall and in median time, by ascending recall."""
    best: list[dict[str, Any]] = []
    for point in sorted(points, key=lambda point: (-point["recall"], point["p50"])):
        if not best or point["p50"] < best[-1]["p50"]:
            best.append(point)
    return best[::-1]


def draw(results: Sequence[dict[str, Any]], folder: Path) -> None:
    """``search-DIM-K.png``: queries a second over recall, one panel a size."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plots: matplotlib is not installed")
        return
    for dim in {one["dim"] for one in results}:
        own = [one for one in results if one["dim"] == dim]
        sizes = sorted({one["size"] for one in own})
        for k in {point["k"] for one in own for point in one["points"]}:
            figure = Figure(figsize=(1 + 3.6 * len(sizes), 4.2), layout="constrained")
            panels = figure.subplots(1, len(sizes), squeeze=False)[0]
            for size, axis in zip(sizes, panels, strict=True):
                _panel(axis, [one for one in own if one["size"] == size], k)
                axis.set_title(f"{size:,} x {dim}")
            panels[0].set_ylabel("queries/s at the median time, one thread")
            drawn = {line.get_label(): line for axis in panels for line in axis.get_lines()}
            lines = {name: drawn[name] for name in _COLOURS if name in drawn}
            ncols = min(len(lines), 2 * len(sizes))
            place = "outside lower center"
            figure.legend(lines.values(), lines.keys(), loc=place, ncols=ncols, frameon=False)
            figure.savefig(folder / _name(dim, k), dpi=110)


def _panel(axis: Any, results: Sequence[dict[str, Any]], k: int) -> None:
    for one in results:
        front = frontier([point for point in one["points"] if point["k"] == k])
        places = [max(1 - point["recall"], 5e-4) for point in front]
        rates = [1000 / point["p50"] for point in front]
        axis.plot(
            places,
            rates,
            marker="o",
            markersize=3,
            linewidth=1,
            color=_COLOURS[one["engine"]],
            label=one["engine"],
        )
    axis.set(xscale="log", yscale="log", xlim=(0.35, 4e-4), xlabel=f"recall@{k}")
    ticks = {0.3: ".7", 0.1: ".9", 0.05: ".95", 0.02: ".98", 0.01: ".99", 0.002: ".998", 5e-4: "1"}
    axis.set_xticks(list(ticks), list(ticks.values()))
    axis.minorticks_off()
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)


def _name(dim: int, k: int) -> str:
    return f"search-{dim}-{k}.png"


def _image(dim: int, k: int) -> str:
    return f"![Queries a second over recall@{k}, vectors of {dim}]({_name(dim, k)})\n"


def _row(
    one: dict[str, Any], results: Sequence[dict[str, Any]], k: int, recall: float
) -> list[str]:
    point = one["points"][one["chosen"][str(k)]]
    crossing = at_recall([each for each in one["points"] if each["k"] == k], recall)
    ours = [
        other["points"][other["chosen"][str(k)]]["p50"]
        for other in results
        if (other["dim"], other["size"]) == (one["dim"], one["size"])
        and other["engine"] == "vitrail"
    ]
    return [
        *(str(one["dim"]), f"{one['size']:,}", one["engine"], str(point["effort"])),
        *(f"{point['recall']:.4f}", f"{point['p50']:.3f}", f"{point['p99']:.3f}"),
        f"{point['p50'] / ours[0]:.2f}" if ours else "",
        "" if crossing is None else f"{crossing:.3f}",
        *(f"{point['qps']:,.0f}", f"{point['batch_qps']:,.0f}"),
    ]


def _built(one: dict[str, Any]) -> list[str]:
    return [
        *(str(one["dim"]), f"{one['size']:,}", one["engine"], one["kind"]),
        *(f"{one[name]:.1f}" for name in ("build_seconds", "build_cpu_seconds")),
        *(f"{one[name] / 1e6:,.0f}" for name in ("own_bytes", "mapped_bytes", "index_bytes")),
        f"{one['load'][0]:.1f}",
    ]
