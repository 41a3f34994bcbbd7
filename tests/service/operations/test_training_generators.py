"""A generator trained from folders and collections: captions, priors, and going on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.fakes import ColourEncoder
from tests.generator.tiny import build_sd
from tests.generator.training.lessons import paint
from vitrail.generator.checkpoints.files import find_checkpoint
from vitrail.generator.training.adapting import build_trainee
from vitrail.generator.training.kept import list_kept, load_kept
from vitrail.generator.training.options import GeneratorOptions
from vitrail.generator.training.tuning import GeneratorTuning
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import (
    CancelledError,
    CheckpointError,
    CollectionError,
    InputError,
    TrainingError,
)
from vitrail.indexer.files.lock import WriterLock
from vitrail.indexer.indexing.options import IndexOptions
from vitrail.indexer.training.metrics import MetricsFile
from vitrail.service.operations.captioned import CaptionedSource, find_captioned, find_class
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.generator_records import GeneratorRequest, Prior, TrainedGenerator
from vitrail.service.operations.progress import AnalysisProgress, Event, Note, nobody
from vitrail.service.operations.training_generators import train_generator
from vitrail.service.operations.training_records import DONE_ALREADY

OPTIONS = GeneratorOptions(
    rank=2,
    steps=4,
    batch=2,
    learning_rate=1e-2,
    precision="fp32",
    device="cpu",
    sheet_every=4,
    save_every=2,
    log_every=1,
)
Request = Callable[..., GeneratorRequest]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_sd(tmp_path_factory.mktemp("checkpoint"), steps=1))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four images with captions beside them, one twice, and one that is broken."""
    folder = tmp_path / "images"
    for image in paint(folder):
        Path(image.path).with_suffix(".txt").write_text(f" {image.caption}\n")
    shutil.copy(folder / "0.png", folder / "again.png")
    (folder / "again.txt").write_text("another")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def request_for(model: str, images: Path, tmp_path: Path) -> Request:
    def make(name: str = "made", **changes: object) -> GeneratorRequest:
        source = CaptionedSource((str(images),))
        request = GeneratorRequest(source, model, str(tmp_path / name), OPTIONS)
        return replace(request, **changes)  # type: ignore[arg-type]

    return make


def test_a_folder_becomes_a_model_with_sheets_and_metrics(request_for: Request) -> None:
    events: list[Event] = []
    made = train_generator(request_for(), progress=events.append)
    assert (made.images, made.prior, made.steps, made.method) == (4, 0, 4, "lora")
    assert made.captions == ("a red cat", "a blue cat", "a green cat", "a yellow cat")
    assert made.loss[1] < made.loss[0]
    notes = [event.text for event in events if isinstance(event, Note)]
    assert "1 file cannot be read" in notes[0]
    assert "broken.png" in notes[0]
    assert "1 file had the content of another" in notes[1]
    told = [e for e in events if isinstance(e, AnalysisProgress) and e.doing == "training"]
    assert [(one.done, one.total) for one in told] == [(step, 4) for step in range(1, 5)]
    folder = Path(made.folder)
    sheets = sorted(path.name for path in (folder / "training" / "sheets").iterdir())
    assert sheets == ["step-000000.png", "step-000004.png"]
    assert str(folder / "training" / "sheets" / sheets[1]) == made.sheet
    lines = MetricsFile(str(folder / "training" / "metrics.jsonl")).lines()
    assert [line["step"] for line in lines if "validation" in line] == [0, 4]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert find_checkpoint(made.folder).family == "sd"
    assert [Path(path).is_file() for path in made.low_rank] == [True, True]
    assert "images" not in (folder / "vitrail.json").read_text()  # nobody's folders
    assert not list((folder / "training").glob("state-*"))
    assert [one.step for one in list_kept(str(folder / "training"))] == [4]
    events.clear()
    assert train_generator(request_for(), progress=events.append) == made
    assert [one.text for one in events if isinstance(one, Note)] == [DONE_ALREADY]


def test_the_weights_of_each_sheet_are_kept_where_asked_and_as_the_model_has_them(
    request_for: Request,
) -> None:
    small = train_generator(request_for("small", options=replace(OPTIONS, sheet_every=2)))
    assert [one.step for one in list_kept(f"{small.folder}/training")] == [2, 4]
    without = train_generator(request_for("without", options=replace(OPTIONS, keep=False)))
    assert list_kept(f"{without.folder}/training") == ()
    whole = replace(OPTIONS, method="full", average=0.9)
    large = train_generator(request_for("large", options=replace(whole, keep=True)))
    (last,) = list_kept(f"{large.folder}/training")
    assert train_generator(request_for("large", options=whole)) == large  # it may change its mind
    trainee = build_trainee(find_checkpoint(large.source), whole)
    load_kept(last, trainee.trained())
    saved = load_file(f"{large.folder}/unet/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(one, saved[name]) for name, one in trainee.unet.state_dict().items())


def test_a_class_is_drawn_before_anything_is_learned_and_stays_the_same_when_gone_on(
    request_for: Request, tmp_path: Path
) -> None:
    made = train_generator(request_for(prior=Prior("a cat", count=2)))
    assert made.prior == 2
    drawn = sorted((tmp_path / "made" / "training" / "prior").iterdir())
    assert len(drawn) == 2
    again = train_generator(request_for("other", prior=Prior("a cat", str(drawn[0].parent))))
    assert again.prior == 2
    assert again.loss == made.loss  # the same images, wherever they lie


def test_a_class_may_be_named_from_where_one_is(
    request_for: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "cats", 2)
    monkeypatch.chdir(tmp_path)
    made = train_generator(request_for(prior=Prior("a cat", "cats")))
    monkeypatch.chdir(tmp_path / "cats")
    told = train_generator(request_for(prior=Prior("a cat", "../cats")))
    assert told == made  # which is done


def test_who_stops_while_a_class_is_drawn_waits_for_a_step_and_not_for_an_image(
    request_for: Request, tmp_path: Path
) -> None:
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and (event.doing, event.done) == (
            "drawing the prior",
            1,
        ):
            cancellation.cancel()

    with pytest.raises(CancelledError):
        train_generator(
            request_for(prior=Prior("a cat", count=3)), progress=stop, cancellation=cancellation
        )
    assert len([*(tmp_path / "made" / "training" / "prior").iterdir()]) == 1


INVERSION = replace(OPTIONS, method="inversion", tokens=("<zeb>", "<yak>"), vectors=2)


def test_tokens_become_a_model_and_files_and_a_stopped_run_the_same(
    request_for: Request, images: Path
) -> None:
    for number, token in enumerate(("<zeb>", "<yak>", "<yak>", "<zeb>")):
        (images / f"{number}.txt").write_text(f"a {token}")
    request = request_for("whole", options=INVERSION)
    whole = train_generator(request)
    assert [Path(one).name for one in whole.tokens] == ["yak.safetensors", "zeb.safetensors"]
    assert (whole.method, whole.low_rank) == ("inversion", ())
    assert train_generator(request) == whole
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and (event.doing, event.done) == ("training", 3):
            cancellation.cancel()

    with pytest.raises(CancelledError, match="what was learned is kept"):
        train_generator(request_for(options=INVERSION), progress=stop, cancellation=cancellation)
    with pytest.raises(InputError, match=r"began with other vectors \(2\)"):
        train_generator(request_for(options=replace(INVERSION, vectors=3)))
    assert bytes_of(train_generator(request_for(options=INVERSION))) == bytes_of(whole)


def test_captions_by_which_no_token_is_learned_are_refused(
    request_for: Request, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        InputError, match=r"4 captions without <zeb> or <yak> \('a red cat.*--prompt"
    ):
        train_generator(request_for(options=INVERSION))
    source = CaptionedSource((str(images),), prompt="a <zeb>")
    with pytest.raises(InputError, match="no caption names <yak>"):
        train_generator(request_for(options=INVERSION, source=source))
    with pytest.raises(InputError, match="changes nothing but its tokens"):
        request_for(options=INVERSION, prior=Prior("a cat"))
    assert not (tmp_path / "made").exists()


def test_images_of_a_class_may_have_captions_of_their_own(images: Path) -> None:
    (images / "2.txt").unlink()
    found = find_class(str(images), "a cat", nobody, Cancellation())
    told = {Path(one.path).name: one.caption for one in found}
    assert (told["1.png"], told["2.png"]) == ("a blue cat", "a cat")


def bytes_of(made: TrainedGenerator) -> dict[str, bytes]:
    folder = Path(made.folder)
    files = [path for path in folder.rglob("*.safetensors") if "webui" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("doing", ["encoding images", "drawing samples", "training"])
def test_a_run_that_was_stopped_goes_on_to_the_same_model_and_with_nothing_else(
    request_for: Request, doing: str
) -> None:
    whole = train_generator(request_for("whole"))
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and event.doing == doing and event.done in (0, 3, 4):
            cancellation.cancel()

    with pytest.raises(CancelledError):
        train_generator(request_for(), progress=stop, cancellation=cancellation)
    with pytest.raises(InputError, match=r"began with other rank \(2\)"):
        train_generator(request_for(options=replace(OPTIONS, rank=3)))
    folder = request_for().folder
    with (
        WriterLock(str(Path(folder) / "training" / "lock")),
        pytest.raises(CollectionError, match="is writing to"),
    ):
        train_generator(request_for())
    made = train_generator(request_for())
    assert bytes_of(made) == bytes_of(whole)
    assert made.loss == whole.loss
    metrics = [
        [
            {key: value for key, value in line.items() if key != "seconds"}
            for line in MetricsFile(f"{one.folder}/training/metrics.jsonl").lines()
        ]
        for one in (made, whole)
    ]
    assert metrics[0] == metrics[1]


def captions(source: CaptionedSource) -> dict[str, str]:
    found = find_captioned(source, nobody, Cancellation())
    return {Path(one.path).name: one.caption for one in found}


def test_captions_come_from_beside_from_recipes_and_from_one_prompt(images: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    made = PngInfo()
    made.add_text("parameters", "a pink cat\nSteps: 20, Sampler: Euler, Seed: 3, Size: 8x8")
    Image.new("RGB", (8, 8), "pink").save(images / "made.png", pnginfo=made)
    found = captions(CaptionedSource((str(images),)))
    assert found["1.png"] == "a blue cat"
    assert found["made.png"] == "a pink cat"
    assert set(captions(CaptionedSource((str(images),), prompt="a zeb")).values()) == {"a zeb"}
    (images / "2.txt").unlink()
    (images / "3.txt").write_text(" \n")
    with pytest.raises(InputError, match=r"2 images without a caption \(.*2\.png.*: write each on"):
        captions(CaptionedSource((str(images),)))
    (images / "2.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match=r"2\.txt' cannot be read as a caption .*UTF-8"):
        captions(CaptionedSource((str(images),)))


def test_captions_come_from_a_column_of_a_collection(images: Path, tmp_path: Path) -> None:
    home = tmp_path / "collection"
    CollectionStore.create(home, ColourEncoder().fingerprint).close()
    with Collection.open(home, encoder=ColourEncoder()) as collection:
        collection.index(images, options=IndexOptions(label_from="parent"))
    labelled = CaptionedSource(collection=str(home), captions="label")
    assert set(captions(labelled).values()) == {"images"}
    assert len(captions(labelled)) == 4
    fewer = replace(labelled, where="path like '%/1.png'")
    assert [*captions(fewer)] == ["1.png"]
    with pytest.raises(InputError, match="4 images without a caption"):
        captions(replace(labelled, captions=None))
    assert len(captions(CaptionedSource(collection=str(home), prompt="a zeb"))) == 4
    with pytest.raises(InputError, match="names the column 'nothing', which this collection lacks"):
        captions(replace(labelled, captions="nothing"))
    with pytest.raises(InputError, match="no image that can be read was found"):
        captions(replace(labelled, where="width < 0"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "nothing was given to learn from"),
        ({"folders": ("a",), "captions": "label"}, "beside a column or a filter"),
        ({"folders": ("a",), "where": "true"}, "beside a column or a filter"),
        ({"collection": "a", "prompt": "x", "captions": "y"}, "both say what the images show"),
        ({"folders": ("a",), "prompt": " "}, "--prompt is empty"),
    ],
)
def test_sources_that_cannot_be_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        CaptionedSource(**given)  # type: ignore[arg-type]


def test_what_nothing_can_be_learned_from_leaves_nothing_behind(
    request_for: Request, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, says in ((empty, "no image that can be read"), (tmp_path / "gone", "is no folder")):
        with pytest.raises(InputError, match=says):
            train_generator(request_for(source=CaptionedSource((str(folder),))))
        assert not (tmp_path / "made").exists()
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "letters.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no training"):
        train_generator(request_for())


def test_an_image_that_is_gone_is_one_line_and_when_it_is_back_it_goes_on(
    request_for: Request, images: Path
) -> None:
    cancellation = Cancellation()

    def stop(event: Event) -> None:
        if isinstance(event, AnalysisProgress) and event.doing == "training":
            cancellation.cancel()

    with pytest.raises(CancelledError, match="what was learned is kept"):
        train_generator(request_for(), progress=stop, cancellation=cancellation)
    (images / "1.png").rename(images / "away")
    with pytest.raises(InputError, match=r"1\.png' cannot be learned from any more"):
        train_generator(request_for())
    (images / "away").rename(images / "1.png")
    assert train_generator(request_for()).steps == 4


def test_too_little_memory_and_a_full_disk_are_one_line_and_lose_nothing(
    request_for: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_generator(request_for("whole"))

    def lacking(_self: object, _step: int) -> object:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(GeneratorTuning, "losses", lacking)
        with pytest.raises(TrainingError, match="memory is too small for step 1: put --accumulate"):
            train_generator(request_for())
    with monkeypatch.context() as patch:
        patch.setattr("vitrail.generator.training.captioned.read_cut", lacking)
        with pytest.raises(TrainingError, match=r"memory is too small for .* at 32x32: close oth"):
            train_generator(request_for())

    real = torch.save

    def full(state: dict[str, object], file: IO[bytes]) -> None:
        if state["step"] == 4:
            raise OSError(28, "No space left on device")
        real(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(CollectionError, match="disk full while writing to"):
            train_generator(request_for())
    assert bytes_of(train_generator(request_for())) == bytes_of(whole)


def test_what_is_edited_by_hand_is_refused_in_a_line(request_for: Request) -> None:
    cancellation = Cancellation()
    with pytest.raises(CancelledError):
        train_generator(
            request_for(),
            progress=lambda e: cancellation.cancel() if "encoding" in str(e) else None,
            cancellation=cancellation,
        )
    begun = Path(request_for().folder) / "training" / "run.json"
    told = json.loads(begun.read_text("utf-8"))
    older = {key: value for key, value in told["settings"]["options"].items() if key != "tokens"}
    begun.write_text(json.dumps(told | {"settings": told["settings"] | {"options": older}}))
    assert train_generator(request_for()).steps == 4  # what had no such option goes on
    for change in ({"format": 9}, {"images": [["a"]]}, {"settings": 3}):
        begun.write_text(json.dumps(told | change), "utf-8")
        with pytest.raises(CheckpointError, match=r"run\.json cannot be used .*train into"):
            train_generator(request_for())
