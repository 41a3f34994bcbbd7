"""Images that are judged before they are kept: those that copy others are refused, or kept so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from vitrail.generator.batch import GeneratedFile, Maker
from vitrail.indexer.recipes.png import encode_png
from vitrail.indexer.recipes.recipe import GuardRecord, Recipe


class ImageGuard(Protocol):
    """Judges images before they are kept."""

    def tries(self, recipe: Recipe) -> Iterable[Recipe]:
        """The recipe, and the same with the seeds that are tried where its image is refused."""

    def judge(self, png: bytes, refused: tuple[int, ...]) -> GuardRecord:
        """What is found of an image.

        Args:
            png: the image as a file.
            refused: seeds of those that were refused in its place.
        """

    def keeps(self, record: GuardRecord) -> bool:
        """Whether an image of which this was found is kept."""


@dataclass(frozen=True, slots=True)
class RefusedImage:
    """An image that is not kept.

    Attributes:
        recipe: complete but for versions, with what was found in ``guard``.
        there: the file that an earlier run, guarded otherwise or not at all, has kept of the same
            recipe, and which stays; ``None`` where there is none.
        last: whether no other seed is tried in its place.
    """

    recipe: Recipe
    there: Path | None
    last: bool


def generate_guarded(
    recipes: Iterable[Recipe], maker: Maker, guard: ImageGuard
) -> Iterator[GeneratedFile | RefusedImage]:
    """Make each recipe's image, or that of the first of its seeds that the guard keeps.

    An image is judged before it is written. One that is there already is judged too, and stays
    as it is whatever comes of it. The same recipes, guard and images it guards give the same again.

    Args:
        recipes: what to make.
        maker: makes and keeps them; what it raises is raised.
        guard: judges them.

    Returns:
        for each recipe the images that are refused, then the one that is kept, if any.
    """
    for recipe in recipes:
        refused: tuple[int, ...] = ()
        tries = list(guard.tries(recipe))
        for tried in tries:
            found = _judged(tried, maker, guard, refused, last=tried is tries[-1])
            yield found
            if isinstance(found, GeneratedFile):
                break
            refused = (*refused, tried.seed)


def _judged(
    recipe: Recipe, maker: Maker, guard: ImageGuard, refused: tuple[int, ...], *, last: bool
) -> GeneratedFile | RefusedImage:
    there = maker.find(recipe)
    if there is not None:
        record = guard.judge(there.path.read_bytes(), refused)
        judged = replace(there.recipe, guard=record)
        if guard.keeps(record):
            return replace(there, recipe=judged)
        return RefusedImage(judged, there.path, last)
    made = maker.make(recipe)
    record = guard.judge(encode_png(made), refused)
    judged = replace(made.recipe, guard=record)
    if guard.keeps(record):
        return maker.keep(replace(made, recipe=judged))
    place = maker.place(recipe)  # of an image that is made again by force
    return RefusedImage(judged, place if place.exists() else None, last)
