"""What a collection is asked with, as JSON has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from vitrail.service.http.schemas.base import Closed
from vitrail.service.operations.json_filters import join_filters

Text = Annotated[str, Field(max_length=10_000)]


def _one_of(given: Closed, names: tuple[str, ...]) -> None:
    """Refuse what names nothing, or two things."""
    named = [name for name in names if name in given.model_fields_set]
    if len(named) != 1:
        told = f"not {' and '.join(named)}" if named else "and there is none"
        raise ValueError(f"give exactly one of {', '.join(names)}, {told}")


class ImageRef(Closed):
    """An image: of the collection by its id, uploaded before, or its file's bytes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": 17}]})

    id: Annotated[int | None, Field(ge=0, lt=2**63, description="Of an image of it.")] = None
    upload: Annotated[str | None, Field(description="Token of `POST /v1/uploads`.")] = None
    data: Annotated[str | None, Field(description="An image file's bytes, in base64.")] = None

    @model_validator(mode="after")
    def _names_one(self) -> ImageRef:
        _one_of(self, ("id", "upload", "data"))
        return self


class QueryPart(Closed):
    """A part of a question: an image or a part of one, a text, a prompt, or vectors."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": 17},
                {"id": 17, "box": "10%,10%,50%,50%"},
                {"text": "a dog on a beach"},
                {"prompt": "a red fox", "seeds": 4},
            ]
        }
    )

    id: Annotated[int | None, Field(ge=0, lt=2**63, description="Of an image of it.")] = None
    upload: Annotated[str | None, Field(description="Token of `POST /v1/uploads`.")] = None
    data: Annotated[str | None, Field(description="An image file's bytes, in base64.")] = None
    text: Annotated[
        Text | None, Field(description="A few words; needs a checkpoint that reads texts.")
    ] = None
    prompt: Annotated[
        Text | None, Field(description="What to draw; its images are asked with.")
    ] = None
    vector: Annotated[
        dict[str, Annotated[list[float], Field(max_length=65_536)]] | None,
        Field(description="Space name to a vector of length 1."),
    ] = None
    box: Annotated[
        str | None, Field(description="The part that is meant, cut out: x,y,width,height.")
    ] = None
    region: Annotated[
        str | None, Field(description="Likewise, but as it is seen within the whole.")
    ] = None
    seeds: Annotated[int, Field(ge=1, le=16, description="Images of a prompt.")] = 4
    model: Annotated[
        str, Field(description="What draws a prompt, of the names that the service has.")
    ] = "embedded"
    unrelated: Annotated[
        int, Field(ge=0, le=64, description="Prompts whose images the hits are compared with.")
    ] = 32

    @model_validator(mode="after")
    def _is_one(self) -> QueryPart:
        _one_of(self, ("id", "upload", "data", "text", "prompt", "vector"))
        _goes_with(self, ("box", "region"), ("id", "upload", "data"))
        _goes_with(self, ("seeds", "model", "unrelated"), ("prompt",))
        return self


def _goes_with(given: Closed, names: tuple[str, ...], with_: tuple[str, ...]) -> None:
    said = given.model_fields_set
    stray = [name for name in names if name in said]
    if stray and not said & {*with_}:
        raise ValueError(f"{stray[0]} goes with {' or '.join(with_)}; leave it out")


class Filter(Closed):
    """A filter: a column held against values, or others joined by ``all``, ``any`` or ``not``."""

    model_config = ConfigDict(
        validate_by_name=False,
        json_schema_extra={
            "examples": [
                {"column": "width", "at_least": 512},
                {
                    "all": [
                        {"column": "label", "in": ["cat", "dog"]},
                        {"not": {"column": "generated", "is": True}},
                    ]
                },
            ]
        },
    )

    all: list[Filter] | None = None
    any: list[Filter] | None = None
    not_: Annotated[Filter | None, Field(alias="not")] = None
    column: str | None = None
    is_: Annotated[str | int | float | bool | None, Field(alias="is")] = None
    in_: Annotated[list[str | int | float | bool] | None, Field(alias="in")] = None
    above: str | int | float | None = None
    below: str | int | float | None = None
    at_least: str | int | float | None = None
    at_most: str | int | float | None = None
    like: Annotated[str | None, Field(description="A text with % for any other text.")] = None
    has: Annotated[
        str | int | float | bool | None, Field(description="Of columns that hold lists.")
    ] = None
    missing: bool | None = None

    def plain(self) -> dict[str, Any]:
        """What was given, as plain types."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class FilterMembers(Closed):
    """Which images: all of what is said has to hold."""

    where: Annotated[
        str | None, Field(description="SQL expression over the columns, such as width > 512.")
    ] = None
    filter: Annotated[Filter | None, Field(description="The same as JSON.")] = None
    only: Annotated[Literal["all", "generated", "real"], Field(description="Kind of images.")] = (
        "all"
    )

    @property
    def sql(self) -> str | None:
        """Both filters as one; errors as of ``sql_of``."""
        return sql_of(self.where, self.filter)


def sql_of(where: str | None, given: Filter | None) -> str | None:
    """A filter as SQL and one as JSON, of which both shall hold; ``None`` without either.

    Raises:
        FilterError: one is none.
    """
    return join_filters(where, None if given is None else given.plain())
