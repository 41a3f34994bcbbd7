"""A probe comes back as it was, and no other encoder's is taken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.search.classification.made import clusters
from vitrail.indexer.collection.probes import pack, unpack
from vitrail.indexer.errors import DamagedError, FingerprintMismatchError
from vitrail.search.classification.probe import fit_probe
from vitrail.search.classification.probe_file import (
    SavedProbe,
    check_fits,
    from_bytes,
    to_bytes,
)


@pytest.fixture(scope="module")
def saved() -> SavedProbe:
    known = clusters()
    made = fit_probe(known.rows, known.targets, known.classes, 0.1)
    return SavedProbe(replace(made, temperature=1.3), "kind", "gem@9", "f" * 64, "", 120, 4)


def test_it_says_the_same_after_a_round_trip(saved: SavedProbe) -> None:
    read = from_bytes(to_bytes(saved))
    rows = clusters(seed=9).rows
    assert (read.probe.probabilities(rows) == saved.probe.probabilities(rows)).all()
    told = [(s.column, s.space, s.fingerprint, s.images, s.commit) for s in (read, saved)]
    assert told[0] == told[1]
    assert to_bytes(read) == to_bytes(saved)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("probe", 2),
        ("classes", ["a"]),
        ("temperature", 0),
        ("temperature", "hot"),
        ("temperature", float("inf")),
        ("classes", ["a", "a", "b"]),
        ("classes", [{"a": 1}, "b", "c"]),
        ("classes", "abc"),
        ("images", None),
    ],
)
def test_what_does_not_fit_together_is_refused(saved: SavedProbe, what: str, value: Any) -> None:
    told, arrays = unpack(to_bytes(saved))
    with pytest.raises(DamagedError):
        from_bytes(pack({**told, what: value}, arrays))


def test_numbers_that_are_none_are_refused(saved: SavedProbe) -> None:
    told, arrays = unpack(to_bytes(saved))
    for broken in (
        {"weights": np.full_like(arrays["weights"], np.nan)},
        {"scale": 0 * arrays["scale"]},
        {"bias": arrays["bias"][:1]},
    ):
        with pytest.raises(DamagedError):
            from_bytes(pack(told, {**arrays, **broken}))
    with pytest.raises(DamagedError):
        from_bytes(pack(told, {"mean": arrays["mean"]}))


def test_another_encoders_is_refused_and_both_are_named(saved: SavedProbe) -> None:
    check_fits(saved, "f" * 64, "")
    with pytest.raises(FingerprintMismatchError, match=r"ffffffffffff.*aaaaaaaaaaaa.*--refit"):
        check_fits(saved, "a" * 64, "")
    with pytest.raises(FingerprintMismatchError, match="fitted anew"):
        check_fits(saved, "f" * 64, "b" * 64)


def test_the_file_is_read_without_running_anything(saved: SavedProbe) -> None:
    data = to_bytes(saved)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert set(header) == {"__metadata__", "mean", "scale", "weights", "bias"}
