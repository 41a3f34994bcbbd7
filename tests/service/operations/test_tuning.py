"""Spaces measured on a collection, by a tiny checkpoint of three layers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.search.tuning import Trial, copies_task
from vitrail.service.cli import app
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import Event, Note, TuningProgress
from vitrail.service.operations.tuning import tune_spaces
from vitrail.service.operations.tuning_samples import TuningOptions

Floats = NDArray[np.float32]
KINDS = {"red": (200, 40, 40), "blue": (40, 40, 200)}
EACH = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of two colours with noise, in folders of their labels."""
    folder = tmp_path_factory.mktemp("tuning")
    save_tower("vit", folder / "vit")
    random = np.random.default_rng(0)
    for kind, colour in KINDS.items():
        (folder / "images" / kind).mkdir(parents=True)
        for number in range(EACH):
            noise = random.normal(0, 60, (8, 8, 3)) + np.array(colour)
            pixels = noise.clip(0, 255).astype(np.uint8)
            image = Image.fromarray(pixels).resize((48, 48))
            image.save(folder / "images" / kind / f"{number}.png")
    spaces = ["cls@1", "mean@2"]
    checkpoint = str(folder / "vit")
    with Collection.create(
        folder / "collection", checkpoint=checkpoint, spaces=spaces, runtime="torch"
    ) as collection:
        collection.index(folder / "images", options=IndexOptions(label_from="parent"))
        for space in spaces:
            collection.whiten(space)
    return folder


@pytest.fixture
def collection(made: Path, tmp_path: Path) -> Iterator[Collection]:
    shutil.copytree(made / "collection", tmp_path / "collection")
    with Collection.open(tmp_path / "collection", runtime="torch") as opened:
        yield opened


def test_every_layer_is_measured_and_the_best_used_if_it_is_there(collection: Collection) -> None:
    events: list[Event] = []
    made = tune_spaces(collection, TuningOptions("label"), progress=events.append)
    names = {one.candidate.name for one in made.tuned.singles}
    raw = {f"{p}@{n}" for p in ("cls", "mean", "gem") for n in (1, 2, 3)}
    assert names == raw | {f"{name}/w" for name in raw}
    assert (made.by, made.images, made.kinds) == ("labels", 2 * EACH, 2)
    assert made.tuned.winner.first.mean > 0.9
    winner = dict(made.tuned.winner.candidate.weights)
    if winner.keys() <= collection.store.spaces.keys():
        assert made.stored
        assert not made.lacking
        assert collection.store.default_weights == pytest.approx(winner)
    else:
        assert not made.stored
        assert made.lacking[-1].startswith("vitrail spaces --default ")
    stages = [event.stage for event in events if isinstance(event, TuningProgress)]
    assert stages[0] == "embedding"
    assert stages[-1] == "measuring"


def test_what_a_collection_has_is_stored_and_a_dry_run_stores_nothing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrail.indexer.encoders import load_encoder
    from vitrail.service.operations import tuning

    # Of the two spaces that the collection has alone, the winner is one, or both.
    monkeypatch.setattr(
        tuning, "widest_encoder", lambda collection: load_encoder(collection.encoder_settings)
    )
    before = collection.store.default_weights
    dry = tune_spaces(collection, TuningOptions("label"), dry_run=True)
    assert not dry.stored
    assert collection.store.default_weights == before
    assert dry.current is not None
    assert dict(dry.current.candidate.weights) == before
    wet = tune_spaces(collection, TuningOptions("label"))
    assert wet.stored
    assert not wet.lacking
    winner = dict(wet.tuned.winner.candidate.weights)
    assert collection.store.default_weights == pytest.approx(winner)
    assert wet.tuned.winner.candidate == dry.tuned.winner.candidate
    with Collection.open(collection.store.directory, runtime="torch") as other:
        assert other.store.default_weights == pytest.approx(winner)


def test_copies_need_no_labels(collection: Collection) -> None:
    made = tune_spaces(collection, TuningOptions(copied=20, mixes=False), dry_run=True)
    assert (made.by, made.images, made.kinds) == ("copies", 2 * EACH, 0)
    assert (len(made.tuned.singles[0].firsts), made.tuned.singles[0].each) == (20, 6)
    assert not made.tuned.mixtures


def test_files_that_are_away_do_not_count(collection: Collection, made: Path) -> None:
    away = made / "images" / "red" / "3.png"
    kept = away.rename(made / "away.png")
    try:
        events: list[Event] = []
        options = TuningOptions("label", mixes=False)
        found = tune_spaces(collection, options, dry_run=True, progress=events.append)
    finally:
        kept.rename(away)
    assert found.images == 2 * EACH - 1
    assert [event.text for event in events if isinstance(event, Note)] == [
        "1 image could not be read and did not count"
    ]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("model", "no image has a value in column 'model'; label more images"),
        ("width", "column 'width' has 1 value that two images share, where two are needed"),
        ("nonsense", "--labels names the column 'nonsense', which this collection lacks"),
        ("MODEL", "no image has a value in column 'model'"),
        ('"; drop table images', "drop table"),
    ],
)
def test_columns_that_tell_nothing_are_refused(
    collection: Collection, where: str, told: str
) -> None:
    before = collection.store.state.seq
    with pytest.raises(InputError, match=told):
        tune_spaces(collection, TuningOptions(where))
    assert collection.store.state.seq == before


def test_too_few_images_are_refused(collection: Collection) -> None:
    with pytest.raises(InputError, match="sample is 19, but 20 images at least"):
        TuningOptions(sample=19)
    from vitrail.indexer.collection.store import CollectionStore

    with CollectionStore.open(collection.store.directory, writable=True) as writer:
        writer.remove(range(11, 2 * EACH + 1))
    collection.store.refresh()
    with pytest.raises(InputError, match="10 images with a file are too few"):
        tune_spaces(collection)


def test_a_run_can_be_stopped(collection: Collection) -> None:
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, TuningProgress) and event.stage == "measuring":
            cancellation.cancel()

    before = collection.store.state.seq
    with pytest.raises(CancelledError):
        tune_spaces(collection, TuningOptions("label"), progress=stop, cancellation=cancellation)
    assert collection.store.state.seq == before


def test_the_command_prints_a_table_of_80_columns_and_draws(
    collection: Collection, tmp_path: Path
) -> None:
    words = ["tune-spaces", "-c", collection.store.directory, "--labels", "label", "--dry-run"]
    plot = tmp_path / "layers.svg"
    result = CliRunner().invoke(app, [*words, "--plot", str(plot)], catch_exceptions=False)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith("chosen")) + 1]
    assert max(map(len, table)) <= 80
    assert lines[0].startswith("48 images, 2 labels, by 5-fold cross-validation")
    assert sum(line.endswith(" *") for line in lines) == 1
    assert any(line.startswith("chosen on the other folds") for line in lines)
    root = Xml.parse(plot).getroot()
    assert len(root.findall(".//{*}polyline")) == 6
    assert len(root.findall(".//{*}circle")) == 18
    found = json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout)
    assert found["labels"] == 2
    assert len(found["spaces"]) >= 18
    for both in ([*words, "--copies"], words[:3]):
        refused = CliRunner().invoke(app, both)
        assert isinstance(refused.exception, InputError)
        assert "one of the two" in str(refused.exception)


def test_every_command_of_the_guide_runs(
    made: Path, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands, but that layer 10 is the last of the tiny checkpoint's three."""
    page = Path(__file__).parents[3] / "docs" / "layers.md"
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 6
    shutil.copytree(made / "images", tmp_path / "Pictures")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VITRAIL_COLLECTION", str(collection.store.directory))
    monkeypatch.chdir(tmp_path)
    for line in lines:
        program, *words = shlex.split(line.replace("@10", "@3"), comments=True)
        assert program == "vitrail"
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, f"{line}: {done.output}"
    collection.store.refresh()
    assert collection.store.default_weights == {"cls@3/w": 1}
    assert (tmp_path / "layers.svg").exists()


def test_a_winner_that_is_never_right_is_told_and_not_stored(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrail.service.operations import tuning_samples

    monkeypatch.setattr(
        tuning_samples, "copies_task", lambda copies, rows, own, fold_of: blind(rows, own, fold_of)
    )
    before = collection.store.state.seq
    words = ["tune-spaces", "-c", collection.store.directory, "--copies"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "no space finds the original of a single copy, so that nothing was stored" in " ".join(
        result.stdout.split()
    )
    found = json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout)
    assert (found["stored"], found["commands"]) == (False, [])
    collection.store.refresh()
    assert collection.store.state.seq == before


def blind(rows: dict[str, Floats], own: NDArray[np.int64], fold_of: NDArray[np.int64]) -> Trial:
    """All images alike to all copies: an original ties with the others, and is never first."""
    same = {name: np.tile(row[:1], (len(row), 1)) for name, row in rows.items()}
    asked = {name: np.tile(row[:1], (len(own), 1)) for name, row in rows.items()}
    return copies_task(asked, same, own, fold_of)
