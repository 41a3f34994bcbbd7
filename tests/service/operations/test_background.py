"""What unrelated prompts make: drawn once, kept, and gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.generator.tiny import build_sd
from tests.service.colours import CHECKPOINT
from tests.service.conftest import Vitrail
from vitrail.generator.checkpoints.files import CheckpointInfo, find_checkpoint
from vitrail.search.query import Evidence, Verdict
from vitrail.service.cli.vouching import vouch
from vitrail.service.operations import background as module
from vitrail.service.operations.background import (
    Background,
    make_background,
    read_prompts,
    unrelated,
)
from vitrail.service.operations.collection import Collection
from vitrail.service.operations.query_kinds import PromptQuery
from vitrail.service.operations.searching import embed_query


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    return find_checkpoint(str(build_sd(tmp_path_factory.mktemp("model") / "tiny", steps=2)))


@pytest.fixture
def pictures(vitrail: Vitrail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Collection:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    return Collection.create(tmp_path / "collection", checkpoint=CHECKPOINT)


def test_the_prompts_are_a_few_dozen_different_ones() -> None:
    prompts = read_prompts()
    assert 24 <= len(set(prompts)) == len(prompts) <= 48


def test_prompts_that_share_a_word_are_related() -> None:
    known = ["a red car", "a cat in the snow", "The Sea"]
    assert unrelated("a red apple", known) == ["a cat in the snow", "The Sea"]
    assert unrelated("the a of in", known) == known
    assert unrelated("SEA, snow: RED", known) == []


def make(
    pictures: Collection, info: CheckpointInfo, prompt: str = "x", **more: object
) -> Background:
    return make_background(pictures.encoder, info, prompt, count=4, **more)  # type: ignore[arg-type]


def test_they_are_drawn_once_for_each_model_and_encoder(
    pictures: Collection, info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    made = make(pictures, info, on_image=lambda *counts: seen.append(counts))
    assert (len(made), made.wanted) == (4, 4)
    assert {space: rows.shape for space, rows in made.vectors.items()} == {"mean@1": (4, 12)}
    assert seen[-1] == (4, 4)

    def again(*_: object, **__: object) -> None:
        pytest.fail("drawn again")

    with monkeypatch.context() as patch:
        patch.setattr("vitrail.generator.batch.generate_all", again)
        same = make(pictures, info)
        np.testing.assert_array_equal(same.vectors["mean@1"], made.vectors["mean@1"])
        # a related prompt is left out, and the next one takes its place
        with pytest.raises(pytest.fail.Exception):
            make(pictures, info, prompt=read_prompts()[0])


def test_what_there_is_no_time_for_is_made_by_the_next_search(
    pictures: Collection, info: CheckpointInfo
) -> None:
    ticks = iter(range(1000))
    first = make(pictures, info, seconds=2.5, clock=lambda: float(next(ticks)))
    assert 0 < len(first) < first.wanted == 4
    rest = make(pictures, info)
    assert len(rest) == 4
    kept = rest.vectors["mean@1"][: len(first)]
    np.testing.assert_array_equal(kept, first.vectors["mean@1"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04torn", b"\x93NUMPY", None])
def test_a_torn_file_is_made_again(
    content: bytes | None, pictures: Collection, info: CheckpointInfo, tmp_path: Path
) -> None:
    made = make(pictures, info)
    (file,) = (tmp_path / "cache" / "background").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-30] if content is None else content)
    again = make(pictures, info)
    np.testing.assert_array_equal(again.vectors["mean@1"], made.vectors["mean@1"])


def test_it_is_embedded_by_the_encoder_of_the_query(
    pictures: Collection, info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All is embedded anew, and the collection refreshed, while the prompts are drawn."""
    other = Collection.create(tmp_path / "other", checkpoint=CHECKPOINT, spaces=["mean@2"]).encoder
    first = pictures.encoder
    encoders = iter([first])
    monkeypatch.setattr(Collection, "encoder", property(lambda _: next(encoders, other)))
    query = PromptQuery("x", seeds=1, model=str(info.path), unrelated=2)
    embedded = embed_query(pictures, query)
    assert embedded.question.encoder == first.fingerprint
    assert embedded.question.background is not None
    shapes = {s: rows.shape for s, rows in embedded.question.background.items()}
    assert shapes == {"mean@1": (2, 12)}


def test_another_encoder_has_its_own(
    pictures: Collection, info: CheckpointInfo, tmp_path: Path
) -> None:
    make(pictures, info)
    other = Collection.create(tmp_path / "other", checkpoint=CHECKPOINT, spaces=["mean@2"])
    assert make(other, info).vectors["mean@2"].shape == (4, 4)
    assert len(list((tmp_path / "cache" / "background").glob("*.npz"))) == 2


def test_the_same_weights_used_otherwise_have_their_own(
    pictures: Collection, info: CheckpointInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(pictures, info)
    encoder, edited = pictures.encoder, replace(pictures.fingerprint, settings="e" * 64)
    monkeypatch.setattr(type(encoder), "fingerprint", property(lambda _: edited))
    make_background(encoder, info, "x", count=4)
    assert len(list((tmp_path / "cache" / "background").glob("*.npz"))) == 2


def test_a_search_by_prompt_says_how_far_to_trust_it(
    vitrail: Vitrail,
    folder: Path,
    info: CheckpointInfo,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("VITRAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SECONDS", 600.0)
    vitrail.index(folder)
    question = ("search", "--prompt", "an apple", "--model", info.path, "--seeds", 2)
    told = vitrail(*question, "--background", 3)
    assert told.code == 0, told.err
    assert "of 3 unrelated prompts' hits" in told.err
    assert "agreement between seeds" in told.err
    assert "good:" not in told.err, "three say too little"
    evidence = vitrail(*question, "--background", 3, "--json").json["evidence"]
    assert evidence["background"] == 3
    assert evidence["verdict"] in ("doubtful", "noise")

    alone = vitrail(*question, "--background", 0)
    assert "unrelated" not in alone.err
    page = tmp_path / "hits.html"
    vitrail(*question, "--background", 3, "--html", page)
    assert "of 3 unrelated prompts&#39; hits" in page.read_text("utf-8")


def test_few_unrelated_prompts_are_said_to_be_too_few() -> None:
    def told(beaten: int, count: int, verdict: Verdict) -> str:
        return vouch(Evidence(nearer_than=beaten, background=count, verdict=verdict))[0]

    few = "which are too few to say more"
    assert told(8, 8, "doubtful").endswith(f"nearer than 8 of 8 unrelated prompts' hits, {few}")
    assert "of 1 unrelated prompt's hits" in told(1, 1, "noise")
    assert few not in told(32, 32, "good") + told(7, 8, "doubtful")
