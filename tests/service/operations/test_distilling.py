"""A student taught on files, from a teacher to a checkpoint."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.indexer.encoders.tiny import save_tower
from tests.indexer.training.conftest import write_images
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.encoders import read_fingerprint
from vitrail.indexer.errors import CancelledError, InputError
from vitrail.indexer.files.durability import checksum
from vitrail.indexer.training.distilling import DistillingOptions
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.distilling import Distilled, distil, request_of
from vitrail.service.operations.progress import AnalysisProgress, Event, Note, nobody
from vitrail.service.operations.unlabelled import UnlabelledSource, find_unlabelled

OPTIONS = DistillingOptions(
    epochs=2, batch=8, precision="fp32", device="cpu", workers=1, save_every=2, log_every=1
)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("vit")
    save_tower("vit", folder)
    return str(folder)


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("striped")
    write_images(folder, 12)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def run(
    striped: Path,
    vit: str,
    out: Path,
    *,
    layers: int | None = 2,
    mlp_ratio: int | None = None,
    options: DistillingOptions = OPTIONS,
    events: list[Event] | None = None,
    cancellation: Cancellation | None = None,
) -> Distilled:
    request = request_of(
        UnlabelledSource((str(striped),)),
        vit,
        str(out),
        options,
        layers=layers,
        mlp_ratio=mlp_ratio,
        held_out=0.2,
    )
    tell = nobody if events is None else events.append
    return distil(request, progress=tell, cancellation=cancellation)


def test_a_folder_and_a_teacher_become_a_checkpoint(
    vit: str, striped: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    made = run(striped, vit, tmp_path / "out", events=events)
    assert made.spaces == ("cls@3", "cls@2")
    assert sum(made.parts) == 24
    assert 3 <= made.parts[2] <= 10  # copies, of which stripes have some, stay together
    assert made.fidelity.images == made.parts[2]
    assert made.fidelity.student.parameters < made.fidelity.teacher.parameters
    assert read_fingerprint(made.folder).spaces == (("cls@2", 32),)
    kept = json.loads((tmp_path / "out" / "vitrail.json").read_text())
    assert kept["result"] == json.loads(json.dumps(made.to_dict()))
    assert any(isinstance(event, Note) and "broken.png" in event.text for event in events)
    steps = [e for e in events if isinstance(e, AnalysisProgress) and e.noun == "step"]
    assert [event.done for event in steps] == list(range(1, made.steps + 1))
    assert "neighbours kept" in steps[-1].told
    before = checksum(tmp_path / "out" / "model.safetensors")
    again = run(striped, vit, tmp_path / "out", events=events)
    assert again == made, "which is told again, and not measured"
    assert isinstance(events[-1], Note)
    assert "done already" in events[-1].text
    assert checksum(tmp_path / "out" / "model.safetensors") == before
    with pytest.raises(InputError, match="holds a model that was trained with other batch"):
        run(striped, vit, tmp_path / "out", options=replace(OPTIONS, batch=4))


@pytest.mark.parametrize("mlp_ratio", [None, 1])
def test_a_run_that_was_stopped_goes_on_to_the_same_model(
    mlp_ratio: int | None, vit: str, striped: Path, tmp_path: Path
) -> None:
    class Stop(Cancellation):
        """Asks to stop after the third step."""

        def __call__(self, event: Event) -> None:
            if isinstance(event, AnalysisProgress) and event.noun == "step" and event.done == 3:
                self.cancel()

    run(striped, vit, tmp_path / "whole", mlp_ratio=mlp_ratio)
    stop = Stop()
    request = request_of(
        UnlabelledSource((str(striped),)),
        vit,
        str(tmp_path / "parted"),
        OPTIONS,
        layers=2,
        mlp_ratio=mlp_ratio,
        held_out=0.2,
    )
    with pytest.raises(CancelledError, match="run the same command"):
        distil(request, progress=stop, cancellation=stop)
    assert not (tmp_path / "parted" / "config.json").exists()
    with pytest.raises(InputError, match="began with other layers"):
        run(striped, vit, tmp_path / "parted", layers=1, mlp_ratio=mlp_ratio)
    with pytest.raises(InputError, match="began with other mlp ratio"):
        run(striped, vit, tmp_path / "parted", mlp_ratio=None if mlp_ratio else 1)
    with pytest.raises(InputError, match="began with other batch"):
        run(
            striped,
            vit,
            tmp_path / "parted",
            options=replace(OPTIONS, batch=4),
            mlp_ratio=mlp_ratio,
        )
    distil(request)
    both = [tmp_path / name / "model.safetensors" for name in ("whole", "parted")]
    assert checksum(both[0]) == checksum(both[1])


def test_thinner_mlps_are_fitted_before_the_first_step(
    vit: str, striped: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    made = run(striped, vit, tmp_path / "out", mlp_ratio=1, events=events)
    told = [event.doing for event in events if isinstance(event, AnalysisProgress)]
    assert told.index("fitting thinner MLPs") < told.index("learning")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["num_hidden_layers"], config["intermediate_size"]) == (2, 32)
    assert json.loads((tmp_path / "out" / "vitrail.json").read_text())["mlp_ratio"] == 1
    assert made.fidelity.student.parameters < made.fidelity.teacher.parameters


def test_images_come_from_a_collection_too(vit: str, striped: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "collection", checkpoint=vit) as collection:
        collection.index(striped)
    place = str(tmp_path / "collection")
    assert len(find_unlabelled(UnlabelledSource(collection=place))) == 24
    some = find_unlabelled(UnlabelledSource(collection=place, where="id <= 21"))
    assert len(some) == 21
    assert find_unlabelled(UnlabelledSource(collection=place, sample=20)) == find_unlabelled(
        UnlabelledSource(collection=place, sample=20)
    )
    with pytest.raises(InputError, match="3 images to learn from; give 20 at least"):
        find_unlabelled(UnlabelledSource(collection=place, where="id <= 3"))


@pytest.mark.parametrize(
    ("folders", "where", "told"),
    [
        (("nowhere",), None, "is no folder; name one that holds images"),
        ((), None, "nothing was given to learn from"),
        (("x",), "id > 1", "beside a filter of a collection"),
    ],
)
def test_sources_that_cannot_be_are_told(
    folders: tuple[str, ...], where: str | None, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        find_unlabelled(UnlabelledSource(folders, where=where))


def test_where_nothing_is_held_out_no_image_is_embedded_before_it_is_learned_from(
    vit: str, striped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies need not be told from one another then; broken files and the same ones again are."""
    (tmp_path / "again").mkdir()
    shutil.copytree(striped, tmp_path / "again" / "one")
    shutil.copytree(striped, tmp_path / "again" / "two")
    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", pytest.fail)
    events: list[Event] = []
    request = request_of(
        UnlabelledSource((str(tmp_path / "again"),)),
        vit,
        str(tmp_path / "out"),
        OPTIONS,
        layers=2,
        validation=0,
        held_out=0,
    )
    made = distil(request, progress=events.append)
    assert (made.parts, made.steps, made.best_step) == ((24, 0, 0), 6, 6)
    assert made.fidelity.neighbours is None
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any("broken.png" in note for note in notes), notes
    assert read_fingerprint(made.folder, ("cls@2",))
