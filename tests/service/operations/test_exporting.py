"""An encoder exported, certified on a collection's images, and used in its source's place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.indexer.encoders.tiny import save_tower
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders import EncoderSettings
from vitrail.indexer.encoders.torch_encoder import build_tower
from vitrail.indexer.encoders.tower import Tower
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    FingerprintMismatchError,
    InputError,
)
from vitrail.indexer.export import writing
from vitrail.indexer.export.certificate import SpaceMeasure
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.service.cli import app
from vitrail.service.documents.receipts import result_receipt
from vitrail.service.operations import exporting
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.export_requests import ExportRequest, run_export
from vitrail.service.operations.export_search import LayerSearch
from vitrail.service.operations.export_sources import ExportOptions
from vitrail.service.operations.exporting import ShortfallError
from vitrail.service.operations.progress import AnalysisProgress, Event, Note

pytest.importorskip("openvino")

IMAGES = 36
QUICK = ExportOptions(sample=IMAGES, copied=6, tried=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of noise by a tiny checkpoint, some images that it lacks, and an export."""
    folder = tmp_path_factory.mktemp("exporting")
    save_tower("vit", folder / "vit")
    random = np.random.default_rng(0)
    for place, count in (("images", IMAGES), ("more", 3)):
        (folder / place).mkdir()
        for number in range(count):
            noise = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((40, 40)).save(folder / place / f"{number}.png")
    spaces = ["cls@3", "mean@1"]
    with Collection.create(
        folder / "collection", checkpoint=str(folder / "vit"), spaces=spaces, runtime="torch"
    ) as collection:
        collection.index(folder / "images")
    request = ExportRequest(
        folder / "export", "openvino", "fp32", collection=folder / "collection", options=QUICK
    )
    run_export(request)
    return folder


@pytest.fixture
def collection(made: Path, tmp_path: Path) -> Iterator[Collection]:
    shutil.copytree(made / "collection", tmp_path / "collection")
    with Collection.open(tmp_path / "collection") as opened:
        yield opened


def request(made: Path, folder: Path, **changes: object) -> ExportRequest:
    told = {"folder": folder, "target": "openvino", "precision": "fp32", "options": QUICK}
    told["collection"] = made / "collection"
    return ExportRequest(**(told | changes))  # type: ignore[arg-type]


def test_the_folder_tells_how_near_it_is(made: Path) -> None:
    told = json.loads((made / "export" / "certificate.json").read_text())
    assert told["failed"] == []
    assert (told["images"], told["copies"]) == (IMAGES, 36)
    assert [*told["spaces"]] == ["cls@3", "mean@1"]
    assert all(one["least"] > 0.99999 for one in told["spaces"].values())
    assert told["made_with"]["openvino"]
    assert "certified" in (made / "export" / "certificate.svg").read_text()


def test_a_certified_sibling_asks_and_the_receipt_says_so(
    made: Path, collection: Collection
) -> None:
    query = made / "images" / "3.png"
    directory = collection.store.directory
    # bf16, where a processor has it, would give images that are as near in another order
    with Collection.open(directory, runtime="torch", precision="fp32") as by_source:
        before = by_source.search(query, k=IMAGES)
    collection.run_by(str(made / "export"))
    after = collection.search(query, k=IMAGES)
    assert after.hits[0].id == before.hits[0].id
    told = {hit.id: hit.score for hit in before.hits}
    assert {hit.id: hit.score for hit in after.hits} == pytest.approx(told, abs=1e-4)
    receipt = result_receipt(after, {})["encoder"]
    assert receipt["variant"].startswith("fp32 openvino export ")
    assert receipt["fingerprint"] == collection.fingerprint.digest
    assert result_receipt(before, {})["encoder"]["variant"] is None


def test_a_certified_sibling_fills_and_the_collection_says_so(
    made: Path, collection: Collection
) -> None:
    assert collection.store.info().siblings == ()
    collection.run_by(str(made / "export"))
    collection.index(made / "more")
    info = collection.store.info()
    assert info.images == IMAGES + 3
    (sibling,) = info.siblings
    assert sibling.startswith("fp32 openvino export ")
    directory = collection.store.directory
    with Collection.open(directory, runtime="torch") as again:  # the source finds what it filled
        assert again.search(made / "more" / "1.png", k=1).hits[0].score > 0.9999
        again.index(made / "images", options=IndexOptions())
        assert again.store.info().siblings == (sibling,)
    shown = CliRunner().invoke(app, ["info", "-c", str(directory)], catch_exceptions=False)
    assert f"filled also by  {sibling}" in " ".join(shown.stdout.split("\n"))


def test_a_collection_that_the_sibling_began_is_the_source_s_too(
    made: Path, tmp_path: Path
) -> None:
    own = EncoderSettings(str(made / "export"), ("cls@3",))
    with Collection.create(tmp_path / "collection", encoder=own) as begun:
        begun.index(made / "images")
    source = EncoderSettings(str(made / "vit"), ("cls@3",), runtime="torch")
    with Collection.open(tmp_path / "collection", encoder=source) as opened:
        assert opened.search(made / "images" / "5.png", k=1).hits[0].score > 0.9999
        assert "certified fp32 openvino export" in opened.store.info().encoder


def test_what_falls_short_is_refused_and_with_force_serves_itself_alone(
    made: Path, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_mean(*given: Any, **named: Any) -> Tower:
        tower = build_tower(*given, **named)
        tower.mean = [255.0 * value for value in (0.3, 0.3, 0.3)]
        return tower

    monkeypatch.setattr(writing, "build_tower", other_mean)
    folder = tmp_path / "out" / "wrong"
    plain = request(made, folder)
    with pytest.raises(ShortfallError, match="falls short of its certificate: ") as caught:
        run_export(plain)
    assert caught.value.certificate.failed
    assert [*(tmp_path / "out").iterdir()] == []
    forced = ExportOptions(sample=IMAGES, copied=6, tried=False, forced=True)
    run_export(request(made, folder, options=forced))
    assert json.loads((folder / "certificate.json").read_text())["forced"]
    with pytest.raises(FingerprintMismatchError):
        collection.run_by(str(folder))
    with pytest.raises(FingerprintMismatchError):
        Collection.open(collection.store.directory, encoder=EncoderSettings(str(folder)))
    with Collection.create(tmp_path / "own", checkpoint=str(folder)) as own:
        own.index(made / "more")
        assert own.search(made / "more" / "0.png", k=1).hits[0].score > 0.9999


def _wrong_std(tower: Tower) -> None:
    tower.scale = [value * 1.3 for value in tower.scale]


def _dropped_layer(tower: Tower) -> None:
    tower.blocks[0] = tower.blocks[1]


def _swapped_spaces(tower: Tower) -> None:
    tower.spaces = tower.spaces[::-1]


@pytest.mark.parametrize("spoil", [_wrong_std, _dropped_layer, _swapped_spaces])
def test_a_file_that_computes_something_else_is_refused(
    spoil: Callable[[Tower], None], made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spoiled is what is written; the source that it is held against is whole."""

    def spoiled(*given: Any, **named: Any) -> Tower:
        tower = build_tower(*given, **named)
        spoil(tower)
        return tower

    monkeypatch.setattr(writing, "build_tower", spoiled)
    with pytest.raises(ShortfallError, match=r"falls short of its certificate: .*cosine"):
        run_export(request(made, tmp_path / "out" / "wrong"))
    assert [*(tmp_path / "out").iterdir()] == []


def test_a_stop_leaves_nothing_behind(made: Path, tmp_path: Path) -> None:
    cancellation = Cancellation()
    events: list[Event] = []

    def stop(event: Event) -> None:
        events.append(event)
        if isinstance(event, AnalysisProgress) and event.doing == "embedding by the export":
            cancellation.cancel()

    with pytest.raises(CancelledError):
        run_export(request(made, tmp_path / "out" / "x"), progress=stop, cancellation=cancellation)
    assert [*(tmp_path / "out").iterdir()] == []
    doing = {event.doing for event in events if isinstance(event, AnalysisProgress)}
    assert {"reading images", "copying images", "embedding by the source"} <= doing


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"target": "tflite"}, InputError, "use one of openvino, onnx"),
        ({"checkpoint": "a/b"}, InputError, "--checkpoint and --images go together"),
        ({"spaces": ("cls@3",)}, InputError, "--space goes with --checkpoint"),
        (
            {"checkpoint": "{made}/vit", "images": Path("{made}/more"), "collection": None},
            InputError,
            "3 images that can be read",
        ),
        (
            {"checkpoint": "{made}/vit", "images": Path("{made}/no"), "collection": None},
            InputError,
            "there is no folder",
        ),
        (
            {"checkpoint": "{made}/export", "images": Path("{made}/images"), "collection": None},
            CheckpointError,
            "is an export itself: name what it was made from",
        ),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_line(
    changes: dict[str, object], kind: type[Exception], told: str, made: Path, tmp_path: Path
) -> None:
    filled = {
        name: type(value)(str(value).format(made=made)) if isinstance(value, str | Path) else value
        for name, value in changes.items()
    }
    with pytest.raises(kind) as caught:
        run_export(request(made, tmp_path / "x", **filled))
    assert told in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_there_is_refused_first(made: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        run_export(request(made, made / "export", checkpoint=None))


def test_an_export_neither_learns_nor_teaches(made: Path, tmp_path: Path) -> None:
    vit, export, images = str(made / "vit"), str(made / "export"), str(made / "images")
    distil = ("distil", images, "--layers", "1", "--teacher")
    for words in (
        ("train-encoder", images, "--checkpoint", export),
        (*distil, export),
        (*distil[:2], "--teacher", vit, "--student", export),
    ):
        done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--device", "cpu"])
        assert isinstance(done.exception, CheckpointError)
        assert "is an export itself: name what it was made from" in str(done.exception)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_prints_a_table_that_fits_or_json(
    as_json: bool, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitrail.indexer.export import trial
    from vitrail.indexer.export.certificate import RunningCosts

    runs: list[str] = []

    def tried(checkpoint: str, spaces: object, size: int, runtime: str = "auto") -> RunningCosts:
        runs.append(checkpoint)
        return RunningCosts("openvino bf16 (CPU)", 123.4, 61.2, 300 << 20, size)

    monkeypatch.setattr(trial, "try_out", tried)
    words = ["export-encoder", str(tmp_path / "out"), "--precision", "fp32", "--sample", "36"]
    words += ["--checkpoint", str(made / "vit"), "--images", str(made / "images")]
    done = CliRunner().invoke(app, [*words, *(["--json"] if as_json else [])])
    assert done.exit_code == 0, done.stderr
    assert len(runs) == 2
    if as_json:
        told = json.loads(done.stdout)
        assert told["certificate"]["failed"] == []
        assert told["certificate"]["runs"]["per_second"] == 123.4
        return
    assert all(len(line) <= 80 for line in done.stdout.splitlines()[:4])
    assert "cls@3" in done.stdout
    assert "is certified: it may search and fill" in done.stdout
    assert f"vitrail index --checkpoint {tmp_path / 'out'}" in done.stdout


@pytest.mark.parametrize("target", ["openvino", "onnx"])
def test_int8_is_judged_by_images_that_nothing_was_chosen_on(
    target: str, made: Path, tmp_path: Path
) -> None:
    pytest.importorskip("nncf")
    pytest.importorskip("onnxscript")
    folder = tmp_path / "int8"
    options = ExportOptions(sample=IMAGES, copied=4, tried=False, forced=True)
    asked = request(made, folder, target=target, precision="int8", options=options)
    done = run_export(asked)
    assert done.certificate is not None
    told = json.loads((folder / "certificate.json").read_text())
    assert told["reverted"] == [*done.certificate.reverted]
    assert told["tries"] == done.certificate.tries >= 1
    assert told["images"] == IMAGES - IMAGES // 3, "none that steps and layers were chosen on"


@pytest.mark.parametrize("holds_at", [1, 2, 3, 4, 5])
def test_what_falls_short_in_int8_is_written_again_with_more_in_floating_point(
    holds_at: int, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seven parts, patches and three blocks: none, three, six, all; then it is refused."""
    pytest.importorskip("nncf")
    judged: list[int] = []

    def good_at_last(*_: object) -> dict[str, SpaceMeasure]:
        judged.append(len(judged) + 1)
        share = 1.0 if len(judged) >= holds_at else 0.9
        return {"cls@3": SpaceMeasure(1.0, 1.0, share, share, 1.0, 1.0, True, False)}

    monkeypatch.setattr(LayerSearch, "_scores", lambda *_: (0.95, 0.995))
    monkeypatch.setattr(exporting, "measure", good_at_last)
    told: list[Event] = []
    asked = request(made, tmp_path / "int8", precision="int8")
    if holds_at == 5:
        with pytest.raises(ShortfallError, match="overlap of hits in cls@3") as caught:
            run_export(asked, progress=told.append)
        assert not (tmp_path / "int8").exists()
        certificate = caught.value.certificate
    else:
        done = run_export(asked, progress=told.append)
        assert done.certificate is not None
        assert not done.certificate.failed
        certificate = done.certificate
    tries = min(holds_at, 4)
    assert len(judged) == certificate.tries == tries
    assert len(certificate.reverted) == (0, 3, 6, 7)[tries - 1]
    notes = [one.text.partition(": ")[2] for one in told if isinstance(one, Note)]
    again = [f"{count} of 7 parts go back to floating point" for count in (3, 6, 7)]
    assert notes == again[: tries - 1]
    shown = {
        one.noun for one in told if isinstance(one, AnalysisProgress) and "layers" in one.doing
    }
    assert shown == ({"part"} if tries > 1 else set())


def test_how_it_runs_is_measured_in_a_process_of_its_own(made: Path) -> None:
    from vitrail.indexer.encoders import EncoderSettings as Settings
    from vitrail.indexer.export.trial import measured

    found = measured(Settings(str(made / "vit"), ("cls@3",), runtime="torch"), 0.0)
    assert float(str(found["per_second"])) > 0
    assert int(str(found["memory"])) > 1 << 20
