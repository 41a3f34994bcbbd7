"""Images that are judged before they are kept, by a judge of seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vitrail.generator import batch
from vitrail.generator.batch import GeneratedFile, Maker, generate_all
from vitrail.generator.guarded import RefusedImage, generate_guarded
from vitrail.generator.monitoring import UNMONITORED
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.png import read_png
from vitrail.indexer.recipes.recipe import GeneratedImage, GuardRecord, Recipe

STRIDE = 10


class SeedGuard:
    """Holds images of some seeds to be copies; it reads the seed in the image's upper left."""

    def __init__(self, copies: set[int], retries: int, *, marks: bool = False) -> None:
        self.copies, self.retries, self.marks = copies, retries, marks

    def tries(self, recipe: Recipe) -> Iterator[Recipe]:
        for number in range(self.retries + 1):
            yield replace(recipe, seed=recipe.seed + number * STRIDE)

    def judge(self, png: bytes, refused: tuple[int, ...]) -> GuardRecord:
        image, _ = read_png(png)
        shade = image.getpixel((0, 0))
        assert isinstance(shade, tuple)
        copy = shade[0] in self.copies
        score = float(shade[0] in self.copies)
        return GuardRecord(0.01, "true", score, 0.5, "f" * 64 if copy else None, refused)

    def keeps(self, record: GuardRecord) -> bool:
        return record.passes or self.marks


@pytest.fixture(autouse=True)
def shades(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator whose images are all of the shade of their seed."""

    def run(_model: object, recipe: Recipe, *_: object) -> GeneratedImage:
        return GeneratedImage(Image.new("RGB", (8, 8), (recipe.seed,) * 3), recipe, None, 0.1)

    monkeypatch.setattr(batch, "run", run)


def recipes(seeds: range) -> list[Recipe]:
    first = Recipe("text-to-image", "a", "embedded", "0" * 64, "ddim", 1, 1.0, 8, 8, 0)
    return [replace(first, seed=seed) for seed in seeds]


def maker(folder: Path, *, force: bool = False) -> Maker:
    return Maker(folder, lambda: None, {}, force=force, monitor=UNMONITORED)  # type: ignore[arg-type,return-value]


def seeds(folder: Path) -> set[int]:
    return {read_png(path.read_bytes())[1].recipe.seed for path in folder.iterdir()}


@given(
    copies=st.sets(st.integers(0, 39)),
    retries=st.integers(0, 3),
    count=st.integers(1, STRIDE),
    there=st.integers(0, STRIDE),
)
def test_of_each_image_the_first_seed_that_is_no_copy_is_kept(
    tmp_path_factory: pytest.TempPathFactory,
    copies: set[int],
    retries: int,
    count: int,
    there: int,
) -> None:
    folder = tmp_path_factory.mktemp("made")
    before = recipes(range(there))
    list(generate_all(before, folder, lambda: None))  # type: ignore[arg-type,return-value]
    guard = SeedGuard(copies, retries)
    found = list(generate_guarded(recipes(range(count)), maker(folder), guard))
    for seed in range(count):
        tried = [seed + STRIDE * number for number in range(retries + 1)]
        good = next((one for one in tried if one not in copies), None)
        bad = tried if good is None else tried[: tried.index(good)]
        kept = [f for f in found if isinstance(f, GeneratedFile) and f.recipe.seed == good]
        assert len(kept) == (good is not None)
        for file in kept:
            assert file.recipe.guard is not None
            assert file.recipe.guard.refused == tuple(bad)
            assert file.made == (good not in {recipe.seed for recipe in before})
        refused = [f for f in found if isinstance(f, RefusedImage) and f.recipe.seed in tried]
        assert [image.recipe.seed for image in refused] == bad
        assert [image.last for image in refused] == [one == tried[-1] for one in bad]
    # what is refused is written nowhere, and what was there stays
    named = {file.recipe.seed for file in found if isinstance(file, GeneratedFile)}
    assert seeds(folder) == named | {recipe.seed for recipe in before}
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = list(generate_guarded(recipes(range(count)), maker(folder), guard))
    assert [f.recipe for f in again] == [f.recipe for f in found]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == contents


def test_what_is_kept_says_what_was_found_of_it(tmp_path: Path) -> None:
    guard = SeedGuard({3}, 0, marks=True)
    marked, plain = generate_guarded(recipes(range(3, 5)), maker(tmp_path), guard)
    assert isinstance(marked, GeneratedFile)
    assert isinstance(plain, GeneratedFile)
    for file, copy_of in ((marked, "f" * 64), (plain, None)):
        recipe = read_png(file.path.read_bytes())[1].recipe
        assert recipe == file.recipe
        assert recipe.guard is not None
        assert recipe.guard.copy_of == copy_of
        assert Recipe.from_dict(recipe.to_dict()) == recipe
        # a guard says whether an image is kept, not how it looks
        assert replace(recipe, guard=None).identity == recipe.identity


def test_a_copy_that_was_kept_before_stays_and_is_told(tmp_path: Path) -> None:
    (file,) = generate_all(recipes(range(3, 4)), tmp_path, lambda: None)  # type: ignore[arg-type,return-value]
    before = file.path.read_bytes()
    for force in (False, True):
        guarded = generate_guarded(
            recipes(range(3, 4)), maker(tmp_path, force=force), SeedGuard({3}, 0)
        )
        (refused,) = guarded
        assert isinstance(refused, RefusedImage)
        assert refused.there == file.path
        assert file.path.read_bytes() == before


def test_a_record_of_a_guard_that_is_none_is_refused() -> None:
    told = recipes(range(1))[0].to_dict()
    assert "guard" not in told
    good = {"rate": 0.1, "against": "true", "score": 1.0, "fpr": 0.1}
    assert Recipe.from_dict({**told, "guard": good}).guard == GuardRecord(0.1, "true", 1.0, 0.1)
    unread = GuardRecord(0.1, "true", refused=(4,))
    assert Recipe.from_dict(replace(recipes(range(1))[0], guard=unread).to_dict()).guard == unread
    for guard in ("x", 5, {"rate": 0.1}, {**good, "refused": 5}):
        with pytest.raises(InputError, match="this is no recipe"):
            Recipe.from_dict({**told, "guard": guard})
