"""The tool that writes: images made from prompts, and indexed with their recipes."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult
from pydantic import BaseModel, Field

from vitrail.service.mcp.looking import Shown, said
from vitrail.service.mcp.replies import answer
from vitrail.service.mcp.service import AskedService


class ImagesMade(BaseModel):
    """Images that were made, and those that the collection had made so already."""

    total: int
    made: int
    there: int
    lacking: Annotated[int, Field(description="Those that a guard refused as copies.")] = 0
    interrupted: bool
    notes: list[str]
    images: list[dict[str, Any]]


class DrawingTools:
    """The tool.

    Args:
        service: that is asked.
    """

    def __init__(self, service: AskedService) -> None:
        self._service = service

    async def generate(
        self,
        ctx: Context[Any],
        prompt: Annotated[str, Field(min_length=1, max_length=10_000, description="What to draw.")],
        n: Annotated[int, Field(ge=1, le=16, description="Images, of consecutive seeds.")] = 1,
        seed: Annotated[int, Field(ge=0, lt=2**32, description="Of the first.")] = 0,
        negative_prompt: Annotated[str, Field(description="What not to draw.")] = "",
        width: Annotated[int | None, Field(ge=8, description="In pixels.")] = None,
        height: Annotated[int | None, Field(ge=8, description="In pixels.")] = None,
        steps: Annotated[int | None, Field(ge=1, description="Of denoising.")] = None,
        guidance: Annotated[
            float | None,
            Field(ge=0, allow_inf_nan=False, description="Weight of the prompt."),
        ] = None,
        model: Annotated[str, Field(description="What draws.")] = "embedded",
        guard: Annotated[
            float | None,
            Field(
                gt=0,
                lt=1,
                description="Keep no copies of the collection's images: the share of innocent "
                "images that may be taken for copies, such as 0.01.",
            ),
        ] = None,
        show: Shown = 1,
    ) -> Annotated[CallToolResult, ImagesMade]:
        """Draw images from a prompt and add them to the collection, each with its recipe.

        What was drawn so before is not drawn again. Takes seconds to minutes an image.
        """
        body = {"prompt": prompt, "n": n, "seed": seed, "negative_prompt": negative_prompt}
        body |= {"width": width, "height": height, "steps": steps, "guidance": guidance}
        body |= {"model": model, "guard": None if guard is None else {"rate": guard}}
        told = await self._service.do("generate", said(body), ctx)
        ids = [one["id"] for one in told["images"][:show] if one["id"] is not None]
        return answer(told, await to_thread.run_sync(self._service.thumbnails, ids, "medium"))
