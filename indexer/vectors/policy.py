"""When stored vectors are scanned and when they are approximated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """When to scan and when to approximate; the defaults come from ``benchmarks/search.py``.

    Attributes:
        exact_floats: collections of at most this many numbers (rows times columns) are scanned.
        cold_floats: a search of at most this many products is a scan while FAISS is not loaded,
            because loading it takes longer.
        gather_rows: a filter that lets through at most this many rows is answered by scoring them.
        lists_factor: there are this times the square root of the rows inverted lists.
        training_rows: rows a list's centroid is trained on.
        samples: rows whose 100 nearest are looked up to measure recall at the end of a build; for
            other depths as many times as ``plans.DEPTHS`` has it.
        growth: rows are added to trained lists until there are this times as many.
        graph: whether a graph is built beside lists.
    """

    exact_floats: int = 6_000_000
    cold_floats: int = 64_000_000
    gather_rows: int = 10_000
    lists_factor: float = 2.0
    training_rows: int = 64
    samples: int = 200
    growth: float = 2.0
    graph: bool = True
