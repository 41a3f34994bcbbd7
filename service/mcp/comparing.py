"""Tools that compare: two images, two sets, and images with one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from anyio import to_thread
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from vitrail.service.mcp.images import ImageDesk, NamedImage
from vitrail.service.mcp.looking import Where, said
from vitrail.service.mcp.replies import answer
from vitrail.service.mcp.service import AskedService


class _Told(BaseModel):
    """What the service answers, of which the most important members are declared."""

    model_config = ConfigDict(extra="allow")


class ImagesCompared(_Told):
    """Two images compared: by layers, by the share of patches that match, by pixels, by recipes."""

    same_bytes: bool | None
    score: float
    fpr: float | None
    closeness: str | None
    layers: list[dict[str, Any]]
    matching: Annotated[
        dict[str, float], Field(description="Share of the patches of each that the other has.")
    ]
    alignment: dict[str, Any] | None
    ssim: float | None
    recipes: list[dict[str, Any]]


class SetsCompared(_Told):
    """Two sets compared: distances and shares with their intervals, and what makes them differ."""

    a: dict[str, Any]
    b: dict[str, Any]
    verdict: Annotated[list[str], Field(description="What the numbers say, in sentences.")]
    spaces: list[dict[str, Any]]


class DuplicatesFound(_Told):
    """Groups of copies, each with the image to keep and why."""

    images: int
    compared: int
    found: Annotated[int, Field(description="Groups that there are; the first are told.")]
    groups: list[dict[str, Any]]
    look_alikes: list[dict[str, Any]]


class ComparingTools:
    """The tools.

    Args:
        service: that is asked.
        desk: for images that are named.
    """

    def __init__(self, service: AskedService, desk: ImageDesk) -> None:
        self._service, self._desk = service, desk

    async def compare_images(
        self, a: NamedImage, b: NamedImage, ctx: Context[Any]
    ) -> Annotated[CallToolResult, ImagesCompared]:
        """Compare two images: are they copies, how near is each layer, which settings differ."""
        members = {"a": await self._named(a), "b": await self._named(b)}
        told = await self._service.do("compare-images", members, ctx)
        patches: Mapping[str, Mapping[str, Any]] = told.pop("patches")
        # the grids are for eyes, and longer than all the rest
        return answer({**told, "matching": {k: one["matching"] for k, one in patches.items()}})

    async def compare_sets(
        self,
        ctx: Context[Any],
        a: Annotated[str, Field(min_length=1, description="SQL expression of the judged set.")],
        b: Annotated[
            str, Field(description="Of what it is judged by; all other images where it is empty.")
        ] = "",
        group_by: Annotated[str, Field(description="Column by whose values a table is made.")] = "",
        shown: Annotated[int, Field(ge=1, le=50, description="Images and pairs named.")] = 5,
    ) -> Annotated[CallToolResult, SetsCompared]:
        """Measure how two sets of images differ, such as `generated` from `not generated`.

        Tells the images that make the difference, too. Takes seconds to minutes.
        """
        body = said({"a": a, "b": b, "group_by": group_by, "shown": shown})
        told = await self._service.do("compare", body, ctx)
        told.pop("nearest")  # a line for each image of the set
        return answer(told)

    async def find_duplicates(
        self,
        ctx: Context[Any],
        where: Where = "",
        look_alikes: Annotated[bool, Field(description="Also what is no copy.")] = False,
        groups: Annotated[int, Field(ge=1, le=200, description="Groups told, at most.")] = 20,
    ) -> Annotated[CallToolResult, DuplicatesFound]:
        """Find copies of images, by their pixels, and say which of each to keep and why.

        Nothing is moved or deleted.
        """
        body = said({"where": where, "look_alikes": look_alikes})
        told = await self._service.do("duplicates", body, ctx)
        found = len(told["groups"])
        for name in ("groups", "look_alikes"):
            told[name] = told[name][:groups]
        return answer({**told, "found": found})

    async def _named(self, image: NamedImage) -> dict[str, Any]:
        return await to_thread.run_sync(self._desk.member, image)
