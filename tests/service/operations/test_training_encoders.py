from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders import EncoderSettings, load_encoder
from vitrail.indexer.errors import CancelledError, CheckpointError, InputError, VitrailError
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.training.options import FinetuningOptions
from vitrail.indexer.training.splits import UNSEEN, SplitShares
from vitrail.service.operations.classifications import ClassifyOptions
from vitrail.service.operations.classifying import classify
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.progress import AnalysisProgress, Event, Note
from vitrail.service.operations.training_encoders import train_encoder
from vitrail.service.operations.training_images import (
    TrainingSource,
    find_training_images,
)
from vitrail.service.operations.training_records import DONE_ALREADY
from vitrail.service.operations.training_results import TrainedEncoder

OPTIONS = FinetuningOptions(
    epochs=3, batch=8, precision="fp32", device="cpu", workers=1, learning_rate=3e-3, log_every=1
)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("vit")
    save_tower("vit", folder)
    return str(folder)


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("striped")
    write_images(folder, 10)
    (folder / "across" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    shutil.copy(folder / "across" / "0.png", folder / "across" / "again.png")
    return folder


@pytest.fixture(scope="module")
def trained(vit: str, striped: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    events: list[Event] = []
    folder = tmp_path_factory.mktemp("out") / "model"
    made = train_encoder(
        TrainingSource((str(striped),)),
        str(folder),
        OPTIONS,
        checkpoint=vit,
        progress=events.append,
    )
    return made, events


Trained = tuple[TrainedEncoder, list[Event]]


def test_a_folder_becomes_a_model_and_tells_what_it_is_worth(trained: Trained) -> None:
    made, events = trained
    assert made.classes == ("across", "down")
    assert sum(made.parts) == 20
    assert min(made.parts) >= 2
    assert made.accuracy is not None
    assert made.confusion.sum() == made.parts[2]
    assert [(one.space, one.measure) for one in made.compared] == [
        ("cls@3", "5-NN accuracy"),
        ("cls@3", "mAP"),
        ("cls@3", "copy recall@1"),
    ]
    for one in made.compared:
        assert one.change.mean == pytest.approx(one.after.mean - one.before.mean)
    steps = range(1, made.steps + 1)
    assert made.steps == -(-3 * made.parts[0] // 8)
    assert [line["step"] for line in made.metrics if "loss" in line] == [*steps]
    notes = [event.text for event in events if isinstance(event, Note)]
    assert len(notes) == 2
    assert "1 file cannot be read" in notes[0]
    assert "broken.png" in notes[0]
    assert "1 file had the content of another" in notes[1]
    told = [e for e in events if isinstance(e, AnalysisProgress) and e.doing == "training"]
    assert [(one.done, one.total) for one in told] == [(step, made.steps) for step in steps]
    assert "loss" in told[0].told
    record = json.loads(Path(made.folder, "training", "result.json").read_text("utf-8"))
    assert tuple(record["images"].values()) == (*made.parts, 0)
    assert not list(Path(made.folder, "training").glob("state-*"))
    assert "striped" not in Path(made.folder, "vitrail.json").read_text("utf-8")  # nobody's folders


def test_the_model_indexes_and_its_head_classifies(
    trained: Trained, striped: Path, tmp_path: Path
) -> None:
    made, _ = trained
    settings = EncoderSettings(made.folder, ("cls@3",), "torch", "cpu", "fp32")
    with Collection.create(tmp_path / "collection", encoder=settings) as collection:
        collection.index(striped / "down")
        told = classify(collection, [str(striped / "down" / "1.png")], ClassifyOptions(by="head"))
    assert told.images[0].label in ("across", "down")
    own = load_encoder(replace(settings, classify=True))
    assert own.labels == ("across", "down")


def test_where_only_the_head_learns_each_image_is_found_as_before(
    vit: str, striped: Path, tmp_path: Path
) -> None:
    made = train_encoder(
        TrainingSource((str(striped),)),
        str(tmp_path / "model"),
        replace(OPTIONS, head_only=True, epochs=1),
        checkpoint=vit,
    )
    assert len(made.compared) == 3
    assert all(one.after == one.before for one in made.compared)
    own, was = (
        load_encoder(EncoderSettings(name, ("cls@3",), "torch", "cpu", "fp32"))
        for name in (made.folder, vit)
    )
    shape = (4, own.image_size, own.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours, theirs = (one.encode(pixels).vectors["cls@3"] for one in (own, was))
    np.testing.assert_array_equal(ours, theirs)


def test_a_run_that_is_done_is_told_again(
    trained: Trained, vit: str, striped: Path, tmp_path: Path
) -> None:
    source, folder = TrainingSource((str(striped),)), tmp_path / "moved"
    shutil.copytree(trained[0].folder, folder)
    left = folder / "training" / "state-00000005-0123456789abcdef.pt"
    left.write_bytes(b"")  # as a kill at the very end leaves it
    events: list[Event] = []
    before = (folder / "model.safetensors").stat()
    made = train_encoder(source, str(folder), OPTIONS, checkpoint=vit, progress=events.append)
    assert made.to_dict() == trained[0].to_dict() | {"folder": str(folder)}
    assert made.metrics == trained[0].metrics
    assert [event.text for event in events if isinstance(event, Note)] == [DONE_ALREADY]
    assert (folder / "model.safetensors").stat().st_mtime_ns == before.st_mtime_ns
    assert not left.exists()
    other = replace(OPTIONS, epochs=4)
    with pytest.raises(InputError, match=r"holds a model that was trained with other epochs \(3\)"):
        train_encoder(source, str(folder), other, checkpoint=vit)
    result = folder / "training" / "result.json"
    told = json.loads(result.read_text("utf-8"))
    result.write_text(json.dumps(told | {"images": {}}), "utf-8")
    with pytest.raises(CheckpointError, match="cannot be used"):
        train_encoder(source, str(folder), OPTIONS, checkpoint=vit)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match="lacks the model that was trained there"):
        train_encoder(source, str(folder), OPTIONS, checkpoint=vit)
    (folder / "training" / "run.json").unlink()
    with pytest.raises(InputError, match="nothing tells how it was trained"):
        train_encoder(source, str(folder), OPTIONS, checkpoint=vit)


def test_a_folder_of_others_is_left_alone(vit: str, striped: Path, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no training"):
        train_encoder(TrainingSource((str(striped),)), str(tmp_path), OPTIONS, checkpoint=vit)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_labels_held_out_whole_teach_nothing_and_are_looked_for(
    vit: str, striped: Path, tmp_path: Path
) -> None:
    """Four labels, of which two are held out: the stripes of two of them are narrow."""
    folder = tmp_path / "four"
    for name in ("across", "down"):
        shutil.copytree(striped / name, folder / name)
        (folder / f"narrow {name}").mkdir()
        for path in (striped / name).glob("?.png"):
            small = Image.open(path).crop((0, 0, 20, 20)).resize((40, 40))
            small.rotate(45).save(folder / f"narrow {name}" / path.name)
    shares = SplitShares(0.2, 0.0, labels=2)
    made = train_encoder(
        TrainingSource((str(folder),)),
        str(tmp_path / "out"),
        replace(OPTIONS, objective="both", epochs=1),
        checkpoint=vit,
        shares=shares,
    )
    names = {"across", "down", "narrow across", "narrow down"}
    assert {*made.classes, *made.unseen} == names
    assert len(made.unseen) == 2
    assert made.parts[2] == 0
    assert made.accuracy is None
    assert made.confusion.shape == (2, 2)
    told = [one.measure for one in made.compared]
    assert told == ["copy recall@1", "5-NN, unseen labels", "mAP, unseen labels"]
    begun = json.loads((tmp_path / "out" / "training" / "run.json").read_text("utf-8"))
    parts = {(Path(row[0]).parent.name in made.unseen, row[4]) for row in begun["images"]}
    assert {part for unseen, part in parts if unseen} == {UNSEEN}
    assert UNSEEN not in {part for unseen, part in parts if not unseen}
    config = json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))
    assert tuple(config["id2label"].values()) == made.classes
    assert made.to_dict()["unseen"] == [*made.unseen]


def test_a_stopped_run_goes_on_to_the_same_model_and_with_nothing_else(
    trained: Trained, vit: str, striped: Path, tmp_path: Path
) -> None:
    source, folder, cancellation = TrainingSource((str(striped),)), tmp_path / "m", Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and event.doing == "training" and event.done == 2:
            cancellation.cancel()

    with pytest.raises(CancelledError, match="stopped after step 2 of 5; what was learned is kept"):
        train_encoder(
            source,
            str(folder),
            OPTIONS,
            checkpoint=vit,
            progress=stop,
            cancellation=cancellation,
        )
    assert not (folder / "config.json").exists()
    begun = folder / "training" / "run.json"
    told = json.loads(begun.read_text("utf-8"))
    for part in ("shares", "options"):  # as somebody may have edited it
        cut = {name: value for name, value in told["settings"].items() if name != part}
        begun.write_text(json.dumps(told | {"settings": cut}), "utf-8")
        with pytest.raises(InputError, match=r"began with other .* \(None\)"):
            train_encoder(source, str(folder), OPTIONS, checkpoint=vit)
    begun.write_text(json.dumps(told), "utf-8")
    other = replace(OPTIONS, learning_rate=1e-3)
    with pytest.raises(InputError, match=r"began with other learning rate \(0.003\)"):
        train_encoder(source, str(folder), other, checkpoint=vit)
    with pytest.raises(InputError, match="began with other shares"):
        train_encoder(source, str(folder), OPTIONS, checkpoint=vit, shares=SplitShares(0.1, 0.1))
    with (
        WriterLock(str(folder / "training" / "lock")),
        pytest.raises(VitrailError, match="is writing to"),
    ):
        train_encoder(source, str(folder), OPTIONS, checkpoint=vit)
    made = train_encoder(source, str(folder), OPTIONS, checkpoint=vit)
    for name in ("model.safetensors", "config.json", "preprocessor_config.json"):
        assert (folder / name).read_bytes() == Path(trained[0].folder, name).read_bytes()
    assert [c.to_dict() for c in made.compared] == [c.to_dict() for c in trained[0].compared]


def test_one_label_and_no_image_are_one_line_each(vit: str, striped: Path, tmp_path: Path) -> None:
    for folder, message in (
        (striped / "down", "there is the label 'down' alone"),
        (tmp_path, "no image with a label was found"),
        (tmp_path / "gone", "is no folder"),
    ):
        with pytest.raises(InputError, match=message):
            train_encoder(
                TrainingSource((str(folder),)), str(tmp_path / "out"), OPTIONS, checkpoint=vit
            )
        assert not (tmp_path / "out").exists()


def test_labels_are_the_folders_below_or_the_column(
    vit: str, striped: Path, tmp_path: Path
) -> None:
    deep = tmp_path / "deep" / "down" / "far" / "below"
    deep.mkdir(parents=True)
    shutil.copy(striped / "down" / "1.png", deep)
    found = find_training_images(TrainingSource((str(tmp_path / "deep"),)))
    assert [one.label for one in found] == ["down"]
    settings = EncoderSettings(vit, ("cls@3",), "torch", "cpu", "fp32")
    home = tmp_path / "collection"
    with Collection.create(home, encoder=settings) as collection:
        collection.index(striped, options=IndexOptions(label_from="parent"))
    by_column = TrainingSource(
        collection=str(home), labels="label", where="path not like '%/1.png'"
    )
    labels = [one.label for one in find_training_images(by_column)]
    with pytest.raises(InputError, match=r"found in the column 'label' where width < 0; name oth"):
        find_training_images(replace(by_column, where="width < 0"))
    assert sorted(set(labels)) == ["across", "down"]
    assert labels.count("down") == 9
