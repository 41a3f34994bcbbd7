"""The server: which tools there are, and how problems are told."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from inspect import getdoc
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ValidationError

from vitrail.indexer.errors import VitrailError
from vitrail.service.mcp.comparing import ComparingTools
from vitrail.service.mcp.drawing import DrawingTools
from vitrail.service.mcp.images import ImageDesk, OpenFolders
from vitrail.service.mcp.looking import LookingTools
from vitrail.service.mcp.replies import refusal, unfit, unknown_arguments
from vitrail.service.mcp.service import AskedService

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_INSTRUCTIONS = (
    "A collection of images, searched by how they look. Ask collection_info and list_columns "
    "first. search finds images by an image, a text or a prompt; describe_image shows one. Ids "
    "name images in all tools. A reply's receipt says whether it is exact, and of which commit."
)


class ToolServer(MCPServer[Any]):
    """A server of tools, which tells every problem by its code and remedy."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """What a tool answers, or why it does not.

        Raises:
            ToolError: there is no such tool, or what nobody foresaw.
        """
        schema = self._tool_input_schema(name)
        known = {} if schema is None else schema.get("properties", {})
        stray = [] if schema is None else sorted(arguments.keys() - known.keys())
        if stray:  # they would be ignored
            return unknown_arguments(stray, [*known])
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, VitrailError):
                return refusal(error.__cause__)
            if isinstance(error.__cause__, ValidationError):
                return unfit(error.__cause__, arguments)
            raise


def make_server(service: AskedService, folders: OpenFolders, *, write: bool) -> ToolServer:
    """The server of one collection.

    Args:
        service: that holds it.
        folders: whose files may be named.
        write: whether there are tools that write.
    """
    desk = ImageDesk(service, folders)
    looking, comparing = LookingTools(service, desk), ComparingTools(service, desk)
    server = ToolServer(
        "vitrail",
        title="Vitrail",
        instructions=_INSTRUCTIONS,
        version=version("vitrail"),
        log_level="ERROR",
    )
    reading: tuple[Callable[..., Any], ...] = (
        *(looking.search, looking.describe_image, looking.list_images),
        *(looking.list_columns, looking.collection_info),
        *(comparing.compare_images, comparing.compare_sets, comparing.find_duplicates),
    )
    for tool in reading:
        server.add_tool(tool, description=getdoc(tool), annotations=_READS)
    if write:
        drawing = DrawingTools(service).generate
        server.add_tool(drawing, description=getdoc(drawing), annotations=_ADDS)
    return server
