"""What a task is: how its recipes are planned, and how one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeAlias

from vitrail.generator.images import InputImage
from vitrail.generator.models.pipelines import DiffusionModel
from vitrail.generator.monitoring import Monitor
from vitrail.generator.tasks.latents import Drawn
from vitrail.indexer.errors import InputError
from vitrail.indexer.recipes.recipe import Recipe

Inputs: TypeAlias = Mapping[str, InputImage]
"""Role -> the image that a recipe names for it."""
NO_INPUTS: Inputs = {}
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Task(Generic[P]):
    """One of the things that can be generated; each has a file of its own.

    Attributes:
        name: as recipes have it.
        roles: of the images that it starts from, those that it may do without included.
        plan: what is asked, by the task's own arguments, to complete recipes; loads nothing.
        draw: a recipe to its image, in this thread's ``turn``.
    """

    name: str
    roles: tuple[str, ...]
    plan: Callable[P, list[Recipe]]
    draw: Callable[[DiffusionModel, Recipe, Inputs, Monitor], Drawn]


def input_of(recipe: Recipe, inputs: Inputs, role: str) -> InputImage:
    """The image that a recipe names for a role.

    Raises:
        InputError: the recipe names none, or what is given is missing or another one.
    """
    wanted, given = recipe.parent(role), inputs.get(role)
    if wanted is None:
        raise InputError(
            f"the recipe of this {recipe.task} names no {role} image: it is incomplete"
        )
    if given is None:
        raise InputError(
            f"the {role} image {wanted.content_hash[:12]} of this {recipe.task} is missing: bring "
            f"its file back, or index it again"
        )
    if given.content_hash != wanted.content_hash:
        raise InputError(
            f"the {role} image given is {given.content_hash[:12]} and the recipe names "
            f"{wanted.content_hash[:12]}: give the file that it was made from"
        )
    return given
