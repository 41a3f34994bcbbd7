from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.indexer.collection.holdings import FINGERPRINT, files, images
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError
from vitrail.indexer.records import Batch
from vitrail.service.cli import app


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli") / "collection"
    with CollectionStore.create(place, FINGERPRINT) as store:
        store.commit(Batch(images(range(40)), files(range(40))))
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "collection"))


def run(place: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "-c", str(place)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_spaces_are_listed_in_80_columns(place: Path) -> None:
    told = run(place, "whiten", "cls@2")
    assert told.startswith("cls@2/w: 8 dimensions, fitted on 40 images\n")
    assert "--space cls@2/w" in told
    assert "searches use it" in run(place, "whiten", "cls@2", "--dim", "3", "--default")
    lines = run(place, "spaces").splitlines()
    assert [line.split()[0] for line in lines] == [
        "space",
        "cls@2",
        "mean@1",
        "cls@2/w",
        "cls@2/w3",
    ]
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["space", "from", "width", "default", "index", "on", "disk"]
    assert "cls@2, on 40 images" in lines[4]
    assert "100%" in lines[4]
    info = run(place, "info")
    assert "space cls@2/w3" in info
    assert "100% of a score by default" in " ".join(info.split())


def test_a_default_is_set_and_taken_back(place: Path) -> None:
    run(place, "whiten", "cls@2")
    listed = json.loads(run(place, "spaces", "--default", "cls@2/w:3,mean@1:1", "--json"))
    assert {name: one["share"] for name, one in listed.items()} == {
        "cls@2": 0,
        "mean@1": 0.25,
        "cls@2/w": 0.75,
    }
    assert listed["cls@2/w"]["fitted_rows"] == 40
    listed = json.loads(run(place, "spaces", "--default", "", "--json"))
    assert {name: one["share"] for name, one in listed.items()} == {
        "cls@2": 0.5,
        "mean@1": 0.5,
        "cls@2/w": 0,
    }
    assert "cls@2/w" not in run(place, "spaces", "--drop", "cls@2/w")


def test_similar_is_asked_by_a_derived_space(place: Path) -> None:
    run(place, "whiten", "cls@2")
    found = json.loads(run(place, "search", "1", "--space", "cls@2/w", "--json", "--k", "3"))
    with CollectionStore.open(place) as store:
        rows = store.vectors(range(1, 41), "cls@2/w")
    best = np.argsort(-(rows @ rows[0]))[1:4] + 1
    assert [hit["id"] for hit in found["hits"]] == best.tolist()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("whiten", "gem@9"), "'gem@9' is not stored in this collection, which has cls@2, mean@1"),
        (("whiten", "x"), "'x' names no space to whiten"),
        (("whiten", "cls@2", "--dim", "9"), "ask for 1 to 8"),
        (("spaces", "--drop", "cls@2"), "'cls@2' is not derived in this collection; it has none"),
        (("spaces", "--default", "cls@2/w"), "is not in this collection, which has cls@2, mean@1"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    place: Path, words: tuple[str, ...], told: str
) -> None:
    before = (place / "catalog.duckdb").read_bytes()
    result = CliRunner().invoke(app, [*words, "-c", str(place)])
    assert result.exit_code != 0
    assert told in str(result.exception)
    assert (place / "catalog.duckdb").read_bytes() == before


def test_a_plot_is_an_svg(place: Path, tmp_path: Path) -> None:
    words = ["tune-spaces", "--copies", "--plot", str(tmp_path / "a.png"), "-c", str(place)]
    with pytest.raises(InputError, match=r"a\.png: name a file that ends in \.svg"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not (tmp_path / "a.png").exists()
