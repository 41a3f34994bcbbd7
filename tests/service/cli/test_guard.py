"""``vitrail generate --guard``, over a generator of which it is known what it copies."""

from __future__ import annotations

import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.service.cli.test_auditing import blots
from tests.service.conftest import Vitrail
from tests.service.http.processes import answering
from vitrail.generator import batch
from vitrail.indexer.recipes.png import read_png
from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe
from vitrail.search.duplicates import looks
from vitrail.search.duplicates.evidence import agreement
from vitrail.search.duplicates.keypoints import Keypoints
from vitrail.search.duplicates.looks import Look
from vitrail.service.http.options import ServiceOptions
from vitrail.service.operations import making
from vitrail.service.operations.looks import Looks

LEARNT = 52
GUARD = ("--guard", 0.02)  # of which 49 innocent images tell


def draw(_model: object, recipe: Recipe, *_: object) -> GeneratedImage:
    """Of an even seed what was learnt under that number, to the pixel; else something new."""
    known = recipe.seed % 2 == 0 and recipe.seed < LEARNT
    image = blots(recipe.seed if known else 1000 + recipe.seed, side=64)
    return GeneratedImage(image, recipe, None, 0.1)


def no_corners(grey: np.ndarray) -> Keypoints:
    """Nothing that parts of images could be laid over one another by."""
    empty = np.empty(0, np.float32)
    size = (grey.shape[1], grey.shape[0])
    return Keypoints(np.empty((0, 2), np.float32), empty, empty, np.empty((0, 128), np.uint8), size)


compared: dict[bytes, float] = {}


def compare(one: Look, other: Look) -> float:
    """As pixels agree, worked out once for all tests."""
    key = sha256(one.luma.tobytes()).digest() + sha256(other.luma.tobytes()).digest()
    if key not in compared:
        compared[key] = agreement(one, other)
    return compared[key]


@pytest.fixture
def learnt(vitrail: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vitrail:
    """A collection of what the generator has learnt."""
    monkeypatch.setattr(batch, "run", draw)
    monkeypatch.setattr("vitrail.generator.models.pipelines.load_model", lambda *_, **__: object())
    monkeypatch.setattr("vitrail.service.operations.audit_sample.agreement", compare)
    monkeypatch.setattr(looks, "find_keypoints", no_corners)
    (tmp_path / "learnt").mkdir()
    for number in range(LEARNT):
        blots(number, side=64).save(tmp_path / "learnt" / f"{number:02}.png")
    vitrail.index(tmp_path / "learnt")
    return vitrail


def kept(vitrail: Vitrail) -> dict[int, dict[str, Any]]:
    """Seed -> recipe of the files that are there."""
    files = (vitrail.home / "generated").glob("*.png")
    read = [read_png(file.read_bytes())[1].recipe for file in files]
    return {recipe.seed: recipe.to_dict() for recipe in read}


def test_copies_are_refused_and_other_seeds_tried(learnt: Vitrail) -> None:
    done = learnt("generate", "red apple", "-n", 3, *GUARD, "--json")
    assert done.code == 1, done.err
    told = done.json
    assert (told["asked"], told["made"], told["lacking"]) == (3, 1, 2)
    assert [image["copies"]["path"][-6:] for image in told["refused"]] == ["00.png", "02.png"]
    assert "refused: 'red apple', seed 0, copies 100% of image 1 (00.png)\n" in done.err
    assert "1 made and indexed" in done.err
    assert "2 images refused" in done.err
    assert {*kept(learnt)} == {1}
    assert learnt("info", "--json").json["generated"] == 1

    # seeds of one image are three apart: 0 is lacking still after 3 or 6 where both are copies
    again = learnt("generate", "red apple", "-n", 3, *GUARD, "--retries", 1)
    assert again.code == 0, again.err
    recipes = kept(learnt)
    assert {*recipes} == {1, 3, 5}
    assert recipes[3]["guard"]["refused"] == [0]
    assert recipes[5]["guard"]["refused"] == [2]
    assert "copy_of" not in recipes[3]["guard"]
    before = {path: path.read_bytes() for path in (learnt.home / "generated").iterdir()}
    same = learnt("generate", "red apple", "-n", 3, *GUARD, "--retries", 1)
    assert "0 made and indexed" in same.err
    assert "3 there already" in same.err
    assert {path: path.read_bytes() for path in (learnt.home / "generated").iterdir()} == before


def test_marked_copies_are_those_that_an_audit_finds(learnt: Vitrail) -> None:
    assert learnt("generate", "red apple", "-n", 2).code == 0  # before there was a guard
    done = learnt("generate", "red apple", "-n", 4, *GUARD, "--mark", "copying")
    assert done.code == 0, done.err
    assert "2 made and indexed" in done.err
    assert len(done.out.splitlines()) == 4
    copies = learnt("list", "--where", "copying <= 0.02", "--columns", "seed").out.split()
    assert copies == ["0", "2"]
    audited = learnt("audit", "--planted", 0, "--json").json["scores"]
    rows = learnt("list", "--only", "generated", "--json").json
    found = {row["id"]: row for row in rows}
    for one in audited:
        assert found[one["id"]]["copying"] == pytest.approx(one["fpr"])
    made = [row for row in rows if row["seed"] >= 2]  # the recipe tells it too
    for row in made:
        assert row["recipe"]["guard"]["fpr"] == row["copying"]
        score = next(one["pixels"] for one in audited if one["id"] == row["id"])
        assert row["recipe"]["guard"]["score"] == pytest.approx(score)
    where = "recipe->>'$.guard.copy_of' is not null"
    assert learnt("list", "--where", where, "--columns", "seed").out.split() == ["2"]


def test_images_that_were_removed_stay_so_and_hinder_no_other_mark(learnt: Vitrail) -> None:
    words = ("generate", "red apple", "-n", 3, *GUARD, "--mark")
    assert learnt(*words, "copying").code == 0
    first = next((learnt.home / "generated").glob("red-apple-0-*.png"))
    assert learnt("remove", first).code == 0
    done = learnt(*words, "again")
    assert done.code == 0, done.err
    assert "1 image that you removed from the collection" in done.err
    marked = learnt("list", "--where", "again is not null", "--columns", "seed").out.split()
    assert marked == ["1", "2"]


def test_a_service_guards_in_the_same_way(learnt: Vitrail, tmp_path: Path) -> None:
    options = ServiceOptions({"a": learnt.home}, tmp_path / "state", warm=False)
    words = ("generate", "red apple", "-n", 3, *GUARD)
    with answering(options) as port:
        url = f"http://127.0.0.1:{port}"
        few = httpx2.post(
            f"{url}/v1/generate", json={"prompt": "a", "guard": {"rate": 0.001}}, timeout=60
        )
        assert (few.status_code, few.json()["code"]) == (422, "bad-input")
        assert "999 innocent images" in few.text
        marked = {"rate": 0.02, "retries": 1, "mark": "m"}
        both = httpx2.post(f"{url}/v1/generate", json={"prompt": "a", "guard": marked}, timeout=60)
        assert (both.status_code, both.json()["code"]) == (422, "bad-input")
        assert httpx2.get(f"{url}/v1/jobs", timeout=60).json()["jobs"] == []
        done = learnt(*words, "--server", url, "--json")
        assert done.code == 1, done.err
        assert (done.json["made"], done.json["lacking"]) == (1, 2)
        assert done.json["guard"]["references"] == LEARNT
        assert [one["copies"]["name"] for one in done.json["refused"]] == ["00.png", "02.png"]
        assert "refused: 'red apple', seed 0, copies 100% of image 1 (00.png)\n" in done.err
        again = learnt(*words, "--retries", 1, "--server", url)
        assert again.code == 0, again.err
    recipes = kept(learnt)
    assert {*recipes} == {1, 3, 5}
    assert recipes[3]["guard"]["refused"] == [0]


def test_an_image_that_was_there_is_judged_and_stays(learnt: Vitrail) -> None:
    assert learnt("generate", "red apple").code == 0
    done = learnt("generate", "red apple", *GUARD, "--json", "--quiet")
    assert (done.code, done.err) == (1, "")
    (refused,) = done.json["refused"]
    assert Path(refused["kept_before"]["path"]).is_file()
    assert done.json["images"] == []
    assert {*kept(learnt)} == {0}


def test_what_cannot_be_compared_is_not_let_through(
    learnt: Vitrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def gone(model: object, recipe: Recipe, *rest: object) -> GeneratedImage:
        monkeypatch.setattr(Looks, "get", lambda *_: None)  # once the guard is fitted
        calls.append(recipe.seed)
        return draw(model, recipe, *rest)

    monkeypatch.setattr(batch, "run", gone)
    done = learnt("generate", "red apple", "--seed", 1, *GUARD)
    assert calls == [1]
    assert done.code == 1
    assert "their files cannot be read now" in done.err
    assert not kept(learnt)


def test_what_may_copy_a_file_that_is_away_is_not_let_through(
    learnt: Vitrail, tmp_path: Path
) -> None:
    (tmp_path / "learnt" / "00.png").unlink()  # which seed 0 repeats
    done = learnt("generate", "red apple", *GUARD, "--json")
    assert done.code == 1, done.err
    (refused,) = done.json["refused"]
    assert refused["guard"]["score"] is None
    assert refused["copies"] is None
    assert "seed 0, which images near it cannot be compared with" in done.err
    assert not kept(learnt)
    # another copy is told all the same
    done = learnt("generate", "red apple", "--seed", 2, *GUARD, "--json")
    assert [image["copies"]["id"] for image in done.json["refused"]] == [3]


def test_an_interruption_leaves_what_the_same_command_ends(
    learnt: Vitrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("generate", "red apple", "-n", 3, "--seed", 101, *GUARD, "--mark", "copying")

    def stop(model: object, recipe: Recipe, *rest: object) -> GeneratedImage:
        if recipe.seed == 102:
            signal.raise_signal(signal.SIGINT)
        return draw(model, recipe, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "run", stop)
        done = learnt(*words)
    assert done.code == 130, done.err
    assert "what was made is kept. Run the same command to go on" in done.err
    assert {*kept(learnt)} < {101, 102, 103}

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # a kill after the images are indexed, before the marks
        patch.setattr(making, "write_marks", fail)
        assert learnt(*words).code == 130
    assert {*kept(learnt)} == {101, 102, 103}
    assert learnt("list", "--only", "generated", "--count").out.strip() == "3"
    done = learnt(*words)
    assert done.code == 0, done.err
    marked = learnt("list", "--where", "copying is not null", "--columns", "seed").out
    assert marked.split() == ["101", "102", "103"]


def test_an_interruption_of_the_fit_makes_nothing(
    learnt: Vitrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []

    def interrupt(*given: object) -> float:
        if not heard:
            signal.raise_signal(signal.SIGINT)
        heard.append(given)
        return 0.0

    monkeypatch.setattr("vitrail.service.operations.audit_sample.agreement", interrupt)
    learnt.fails("generate", "a", *GUARD, "-q", code=130, says=["run it again"])
    assert not kept(learnt)


REFUSED: list[tuple[tuple[object, ...], list[str]]] = [
    (("--guard", 0.01), ["52 images", "'not generated'", "from 99 innocent images on"]),
    (("--guard", 0.0001), ["from 9,999 innocent images on"]),
    (("--guard", 0), ["0 of a guard is outside of 0 to 1", "0.01"]),
    (("--guard", "nan"), ["outside of 0 to 1"]),
    (("--guard", 0.02, "--against", "id < 9"), ["'id < 9'", "8 images", "from 50 on"]),
    (("--guard", 0.02, "--against", "colour = 1"), ["colour"]),
    (("--guard", 0.02, "--against", ""), ["the filter ''"]),
    (("--guard", 0.02, "--retries", 1, "--mark", "x"), ["no other seed is tried"]),
    (("--guard", 0.02, "--retries", 9999), ["9999 retries", "0 to 1000"]),
    (("--guard", 0.02, "--retries", 9, "--seed", 2**63 - 2), ["2**63 - 1", "smaller"]),
    (("--guard", 0.02, "--mark", "path"), ["--mark", "path"]),
    (("--guard", 0.02, "--mark", "stars"), ["'stars'", "choose another name"]),
    (("--retries", 1), ["--retries", "--guard FPR"]),
    (("--against", "true"), ["--against", "--guard FPR"]),
    (("--mark", "x"), ["--mark", "--guard FPR"]),
]


def test_what_cannot_be_guarded_is_said_before_anything_is_loaded(
    learnt: Vitrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "stars.csv"
    table.write_text(f"path,stars\n{tmp_path / 'learnt' / '00.png'},3\n")
    assert learnt("annotate", table, "--numbers", "stars").code == 0

    def unneeded(*_: object, **__: object) -> None:
        raise AssertionError("something was loaded")

    monkeypatch.setattr("vitrail.generator.models.pipelines.load_model", unneeded)
    monkeypatch.setattr("vitrail.indexer.encoders.load_encoder", unneeded)
    for words, says in REFUSED:
        learnt.fails("generate", "a", *words, code=2, says=says)
    assert not kept(learnt)


def test_without_a_collection_nothing_is_begun(vitrail: Vitrail) -> None:
    says = [f"no collection at {vitrail.home} yet", "index the images"]
    vitrail.fails("generate", "a", *GUARD, code=2, says=says)
    assert not vitrail.home.exists()
