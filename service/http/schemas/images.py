"""Images of a collection, listed, shown and written about."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from vitrail.service.http.schemas.base import Closed, Open
from vitrail.service.http.schemas.queries import FilterMembers
from vitrail.service.http.schemas.searches import Receipt

Size = Literal["small", "medium", "large"]


class ListedReply(Open):
    """An image of a list."""

    id: int
    metadata: dict[str, Any]


class ListReply(Open):
    """A page of a list."""

    images: list[ListedReply]
    total: int
    next: str | None
    reason: str | None
    hints: list[str]
    receipt: Receipt


class ImageReply(ListedReply):
    """One image."""

    receipt: Receipt


class RelativeReply(Open):
    """An image that another was made from, or that was made from it."""

    role: str
    id: int | None
    content_hash: str
    name: str | None
    prompt: str | None


class LineageReply(Open):
    """An image among its relatives."""

    id: int
    content_hash: str
    recipe: dict[str, Any] | None
    parents: list[RelativeReply]
    children: list[RelativeReply]
    receipt: Receipt


class RecipeReply(Open):
    """What made an image; null where it was not generated, or nothing tells."""

    id: int
    content_hash: str
    recipe: dict[str, Any] | None
    receipt: Receipt


class ExplainReply(Open):
    """Why an image is found: shares of its score, and what matches in both images."""

    id: int
    score: float
    scores: dict[str, float]
    fpr: float | None
    closeness: str | None
    explanation: dict[str, Any]
    weights: dict[str, float]
    receipt: Receipt


class RemovedReply(Open):
    """What was taken out of the collection; files stay where they are."""

    images: int
    files: int


class FacetRequest(FilterMembers):
    """Which columns' values are counted, of which images."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"columns": ["label", "width"]}]})

    columns: Annotated[list[str], Field(min_length=1, max_length=32)]
    most: Annotated[int, Field(ge=1, le=1_000, description="Values that are told apart.")] = 20
    bins: Annotated[int, Field(ge=1, le=256, description="Ranges of numbers and times.")] = 24


class ValueReply(Open):
    """A value, and how many images have it."""

    value: Any
    count: int


class BinReply(Open):
    """A range, and how many images lie in it."""

    low: Any
    high: Any
    count: int


class FacetReply(Open):
    """The values of one column: texts and the like by value, numbers and times by range."""

    column: str
    kind: str
    values: list[ValueReply]
    bins: list[BinReply]
    others: int
    missing: int
    distinct: int


class FacetsReply(Open):
    """The values of all that were asked for."""

    facets: list[FacetReply]
    receipt: Receipt


Value = str | int | float | bool | None


class AnnotationRequest(Closed):
    """Columns of your own, set on some images in one commit; null clears what was there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": [17, 23], "columns": {"stars": [5, 4]}}]}
    )

    ids: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1)]
    columns: Annotated[
        dict[str, list[Value] | Value],
        Field(min_length=1, description="A value for all images, or a list with one for each."),
    ]


class AnnotationReply(Open):
    """How many images were set."""

    images: int
