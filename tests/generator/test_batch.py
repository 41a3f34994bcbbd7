from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vitrail.generator.batch import generate_all
from vitrail.generator.checkpoints.files import CheckpointInfo
from vitrail.generator.checks import Sampling
from vitrail.generator.models.pipelines import DiffusionModel, load_model
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks import text_to_image
from vitrail.indexer.cancellation import Cancellation
from vitrail.indexer.errors import CancelledError, GenerationError
from vitrail.indexer.recipes.png import read_png
from vitrail.indexer.recipes.recipe import Recipe


def plan(info: CheckpointInfo, n: int = 3) -> list[Recipe]:
    return text_to_image.plan(info, "a red apple", sampling=Sampling(steps=1, n=n))


def unneeded() -> DiffusionModel:
    raise AssertionError("the model was loaded, though everything is there")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_there_is_not_made_again(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    recipes = plan(ordinary)
    first = list(generate_all(recipes, tmp_path / "out", lambda: load_model(ordinary)))
    assert [file.path.name for file in first] == [recipe.file_name for recipe in recipes]
    assert all(file.made and file.seconds > 0 for file in first)
    before = contents(tmp_path / "out")
    again = list(generate_all(recipes, tmp_path / "out", unneeded))
    assert not any(file.made for file in again)
    assert [file.recipe for file in again] == [file.recipe for file in first]
    forced = list(generate_all(recipes, tmp_path / "out", load_model(ordinary), force=True))
    assert all(file.made for file in forced)
    assert contents(tmp_path / "out") == before


def test_the_same_recipe_twice_is_made_once(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    recipe = plan(ordinary, 1)[0]
    for force in (False, True):
        model = load_model(ordinary)
        files = list(generate_all([recipe, recipe], tmp_path / str(force), model, force=force))
        assert [file.made for file in files] == [True, False]


def test_a_spoilt_or_foreign_file_is_made_again(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    recipes = plan(ordinary)
    model = load_model(ordinary)
    files = list(generate_all(recipes, tmp_path, model))
    before = contents(tmp_path)
    files[0].path.write_bytes(files[0].path.read_bytes()[:-40])
    files[1].path.write_bytes(files[2].path.read_bytes())
    assert [file.made for file in generate_all(recipes, tmp_path, model)] == [True, True, False]
    assert contents(tmp_path) == before


def test_cancelling_keeps_what_is_done(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    done: list[Path] = []
    cancellation = Cancellation()
    monitor = Monitor(cancellation=cancellation)

    def until_two(paths: Iterator[Path]) -> Iterator[Path]:
        for number, path in enumerate(paths, 1):
            if number == 2:
                cancellation.cancel()
            yield path

    files = generate_all(plan(ordinary), tmp_path, load_model(ordinary), monitor=monitor)
    with pytest.raises(CancelledError):
        done.extend(until_two(file.path for file in files))  # keeps what came before the error
    assert sorted(done) == sorted(tmp_path.iterdir())
    rest = list(generate_all(plan(ordinary), tmp_path, load_model(ordinary)))
    assert [file.made for file in rest] == [False, False, True]


def test_leftovers_of_dead_processes_are_swept(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".vitrail-{dead.pid}-apple.tmp").write_bytes(b"half")
    (tmp_path / f".vitrail-{os.getppid()}-apple.tmp").write_bytes(b"somebody's")
    (tmp_path / "notes.txt").write_text("mine")
    list(generate_all([], tmp_path, unneeded))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f".vitrail-{os.getppid()}-apple.tmp", "notes.txt"}


def test_a_full_disk_leaves_no_half_file(
    ordinary: CheckpointInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(GenerationError, match="No space left on device; free space"):
        list(generate_all(plan(ordinary), tmp_path, load_model(ordinary)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(GenerationError, match="cannot be used"):
        list(generate_all(plan(ordinary), tmp_path / "out", unneeded))


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from vitrail.generator.batch import write_image
    from vitrail.indexer.recipes.recipe import GeneratedImage, Recipe
    from PIL import Image
    from tests.indexer.recipes.test_recipe import BASE

    stage, folder = sys.argv[1], Path(sys.argv[2])
    own = getattr(os, stage)
    def die(*args):
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(os, stage, die)
    write_image(GeneratedImage(Image.new("RGB", (8, 8)), BASE, None, 0.0), folder / BASE.file_name)
    """
)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("stage", ["fsync", "replace"])
def test_a_kill_leaves_no_half_file(tmp_path: Path, stage: str) -> None:
    command = [sys.executable, "-c", KILLED, stage, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob("*.png"))
    list(generate_all([], tmp_path, unneeded))
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_whole(ordinary: CheckpointInfo, tmp_path: Path) -> None:
    (file,) = generate_all(plan(ordinary, 1), tmp_path, load_model(ordinary))
    image, inscription = read_png(file.path.read_bytes())
    assert image.size == (32, 32)
    assert inscription.recipe == file.recipe
