"""Generating as an operation: tasks as types, events, and three ways to be cut short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes import ColourEncoder
from tests.generator.tiny import build_sd
from vitrail.generator.checks import Sampling
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.collection.store import CollectionStore
from vitrail.indexer.errors import InputError, UnknownImageError
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.generating import generate, plan
from vitrail.service.operations.progress import Event, GenerationProgress
from vitrail.service.operations.query_kinds import PromptQuery
from vitrail.service.operations.references import ContentHash, ImageBytes, ImageFile, ImageId
from vitrail.service.operations.reproducing import ReproductionOptions, reproduce
from vitrail.service.operations.searching import search
from vitrail.service.operations.tasks import (
    GenerationOptions,
    ImageToImage,
    Inpaint,
    MaskShape,
    StyleTransfer,
    Task,
    TextToImage,
)

PROMPTS = TextToImage(("a", "b", "c"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build_sd(tmp_path_factory.mktemp("checkpoint")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", lambda _: ColourEncoder())
    CollectionStore.create(tmp_path / "collection", ColourEncoder().fingerprint).close()
    return tmp_path / "collection"


def options(model: str, **more: object) -> GenerationOptions:
    sampling = Sampling(steps=2, guidance=1.0, scheduler="ddim")
    return GenerationOptions(sampling, model=model, device="cpu", **more)  # type: ignore[arg-type]


def generated(home: Path) -> int:
    with CollectionStore.open(home) as store:
        return len(store.allowed_ids("generated"))


def when(images: int, act: Callable[[], None]) -> Callable[[Event], None]:
    """Acts in the first step after so many images."""

    def look(event: Event) -> None:
        if isinstance(event, GenerationProgress) and event.made == images and event.step:
            act()

    return look


def test_what_is_made_is_there_and_told(
    home: Path, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []
    made = generate(home, PROMPTS, options(model), progress=events.append)
    assert (made.total, made.made, made.there, made.interrupted) == (3, 3, 0, False)
    assert all(path.is_file() for path in made.paths)
    assert generated(home) == 3
    steps = [e for e in events if isinstance(e, GenerationProgress)]
    assert [(e.done, e.step) for e in steps if e.steps] == [
        (n, step) for n in range(3) for step in (1, 2)
    ]
    assert steps[0].stage == "loading"
    assert steps[-1].stage == "indexing"
    again = generate(home, PROMPTS, options(model))
    assert (again.made, again.there) == (0, 3)
    assert generate(home, PROMPTS, options(model, force=True)).made == 3
    assert capfd.readouterr().out == ""


def test_a_cancelled_run_keeps_and_indexes_what_is_made(home: Path, model: str) -> None:
    cancellation = Cancellation()
    made = generate(
        home,
        PROMPTS,
        options(model),
        progress=when(2, cancellation.cancel),
        cancellation=cancellation,
    )
    assert made.interrupted
    assert (made.made, generated(home)) == (2, 2)


def test_an_error_keeps_and_indexes_what_is_made(home: Path, model: str) -> None:
    def fail() -> None:
        raise OSError("of whoever looks on")

    with pytest.raises(OSError, match="looks on"):
        generate(home, PROMPTS, options(model), progress=when(1, fail))
    assert generated(home) == 1


def test_an_interruption_is_nobody_s_to_swallow(home: Path, model: str) -> None:
    """Who interrupts twice wants to be gone; the next run indexes what is made."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(home, PROMPTS, options(model), progress=when(2, interrupt))
    assert generated(home) == 0
    done = generate(home, PROMPTS, options(model))
    assert (done.made, done.there, generated(home)) == (1, 2, 3)


def test_images_to_start_from_are_files_bytes_or_images_of_the_collection(
    home: Path, model: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (64, 64), (9, 99, 199)).save(file)
    (first,) = plan(home, ImageToImage(ImageFile(str(file)), "a"), options(model)).recipes
    assert first.parents[0].image_id is None
    with CollectionStore.open(home) as store:
        assert len(store) == 0
    made = generate(home, TextToImage(("a",)), options(model))
    with CollectionStore.open(home) as store:
        (row,) = store.metadata([1])
    data = made.paths[0].read_bytes()
    for image in (
        ImageId(1),
        ContentHash(row["content_hash"]),
        ImageFile(str(made.paths[0])),
        ImageBytes(data),
    ):
        (recipe,) = plan(home, ImageToImage(image, "a"), options(model)).recipes
        assert (recipe.parents[0].content_hash, recipe.parents[0].image_id) == (
            row["content_hash"],
            1,
        )
    with pytest.raises(UnknownImageError, match="the id '7'"):
        plan(home, ImageToImage(ImageId(7), "a"), options(model))
    with pytest.raises(InputError, match="there is none here"):
        plan(tmp_path / "nowhere", ImageToImage(ImageId(1), "a"), options(model))
    made.paths[0].unlink()
    with pytest.raises(InputError, match=r"^1 is image 1, whose file is not on disk any more"):
        plan(home, ImageToImage(ImageId(1), "a"), options(model))


@pytest.mark.parametrize(
    ("task", "roles"),
    [
        (lambda image: Inpaint(image, "a", MaskShape("box", "0,0,8,8")), ["init"]),
        (lambda image: Inpaint(image, "a", MaskShape("polygon", "0,0 9,0 9,9")), ["init"]),
        (lambda image: Inpaint(image, "a", image), ["init", "mask"]),
        (lambda image: StyleTransfer(image, image, "a"), ["content", "style"]),
    ],
)
def test_every_task_names_its_parents(
    home: Path,
    model: str,
    tmp_path: Path,
    task: Callable[[ImageFile], Task],
    roles: list[str],
) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (64, 64), (199, 199, 255)).save(file)
    (recipe,) = plan(home, task(ImageFile(str(file))), options(model)).recipes
    assert [parent.role for parent in recipe.parents] == roles


def test_device_and_precision_reach_the_model_by_every_way(home: Path, model: str) -> None:
    generate(home, TextToImage(("a",)), options(model))
    nowhere: list[dict[str, Any]] = [{"device": "nowhere"}, {"precision": "fp4"}]
    with Collection.open(home, encoder=ColourEncoder()) as collection:
        for how in nowhere:
            (given,) = how.values()
            with pytest.raises(InputError, match=given):
                reproduce(collection, ImageId(1), ReproductionOptions(**how))
            with pytest.raises(InputError, match=given):
                search(collection, PromptQuery("b", 1, model, unrelated=0, **how))
            with pytest.raises(InputError, match=given):
                generate(home, TextToImage(("b",)), replace(options(model), **how))
        same = reproduce(collection, ImageId(1), ReproductionOptions(device="cpu"))
    assert (same.bytes_equal, same.pixels_equal, same.mean_difference) == (True, True, 0)
    assert list(same.cosines.values()) == [pytest.approx(1)]
    assert same.png.startswith(b"\x89PNG")


def test_a_shape_of_another_kind_is_refused() -> None:
    for kind, shape in (("box", "0,0 9,0 9,9"), ("polygon", "0,0,8,8"), ("box", "/etc/hostname")):
        with pytest.raises(InputError, match="is no "):
            MaskShape(kind, shape)  # type: ignore[arg-type]


def test_a_device_that_no_machine_has_is_refused_with_the_options() -> None:
    for named in (GenerationOptions, ReproductionOptions, partial(PromptQuery, "a")):
        with pytest.raises(InputError, match="device 'tpu' is unknown"):
            named(device="tpu")
        with pytest.raises(InputError, match="precision 'int8' is unknown"):
            named(precision="int8")


def test_an_empty_prompt_is_refused_before_anything_is_said_of_it(home: Path) -> None:
    events: list[Event] = []
    with Collection.open(home) as opened, pytest.raises(InputError, match="the prompt is empty"):
        search(opened, PromptQuery(" "), progress=events.append)
    assert events == []
