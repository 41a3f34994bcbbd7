"""``search --explain``: shares in the table, grids for programs, maps in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import ColourEncoder
from tests.service.conftest import Vitrail
from vitrail.search.explanation import PatchMap
from vitrail.service.cli.explained import in_words

TWO = ("--space", "mean@1", "--space", "mean@2")


def heading(lines: Sequence[str]) -> str:
    return next(line for line in lines if "score" in line)


def test_a_table_has_shares_where_they_were_asked_for_and_spaces_are_several(
    vitrail: Vitrail, folder: Path
) -> None:
    vitrail.index(folder, *TWO)
    query, weights = folder / "cold" / "navy.png", ("--space", "mean@1:3,mean@2:1")
    explained = vitrail.at(80, "search", query, *weights, "--explain").out.splitlines()
    assert "shares" in heading(explained)
    (own,) = [line for line in explained if "navy.png" in line]
    assert own.split()[:6] == ["1.0000", "1.000", "1.000", "0.750", "+", "0.250"]
    assert all(len(line) <= 80 or line.startswith("in /") for line in explained)
    assert "shares" not in heading(vitrail.at(80, "search", query).out.splitlines())
    one = vitrail.at(80, "search", query, "--space", "mean@1", "--explain").out.splitlines()
    assert "shares" not in heading(one)
    piped = vitrail("search", query, "--explain").out
    assert piped == vitrail("search", query).out, "in a pipe the columns stay the same"


def test_a_table_alone_compares_no_patches(
    vitrail: Vitrail, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vitrail.index(folder)
    monkeypatch.setattr(ColourEncoder, "patch_tokens", None)
    done = vitrail("search", folder / "cold" / "navy.png", "--explain")
    assert done.code == 0
    assert "what matches is drawn in a contact sheet: add --html FILE" in done.err


def test_json_holds_shares_and_grids(vitrail: Vitrail, folder: Path) -> None:
    vitrail.index(folder, *TWO)
    (folder / "cold" / "blue.png").unlink()
    hits = vitrail("search", folder / "cold" / "navy.png", "--explain", "--json").json["hits"]
    for hit in hits:
        told = hit["explanation"]
        assert sum(told["shares"].values()) == pytest.approx(hit["score"], abs=1e-6)
        if hit["paths"][0].endswith("blue.png"):
            assert told["reason"] == "its file cannot be read now"
            assert told["hit"] is told["query"] is None
        else:
            assert told["reason"] is None
            assert np.shape(told["hit"]["grid"]) == np.shape(told["query"]["grid"]) == (4, 4)
            assert told["hit"]["box"] == [0, 0, 16, 16]
            assert told["hit"]["size"] == [16, 16]
    plain = vitrail("search", folder / "cold" / "navy.png", "--json").json["hits"]
    assert not any("explanation" in hit for hit in plain)


def test_maps_are_told_in_words() -> None:
    def words(*rows: tuple[float, ...]) -> str:
        return in_words(PatchMap(np.array(rows, np.float32), (0, 0, 9, 9), (9, 9)))

    assert words((0, 0, 1), (0, 0, 0), (0, 0, 0)) == "11% of it matches, most at the upper right"
    assert words((0, 0), (0.9, 0)) == "25% of it matches, most at the lower left"
    assert words((1, 1), (1, 1)) == "100% of it matches, most at the middle"
    assert words((0, 1, 0), (0, 0, 0), (0, 0, 0)) == "11% of it matches, most at the upper middle"
    assert words((0, 0), (0, 0.1)) == words((0, 0), (0, 0)) == "hardly any of it matches"
